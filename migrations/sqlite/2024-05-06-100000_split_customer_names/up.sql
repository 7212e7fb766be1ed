ALTER TABLE customers ADD COLUMN given_name TEXT NOT NULL DEFAULT '';
ALTER TABLE customers ADD COLUMN family_name TEXT NOT NULL DEFAULT '';

-- Split at the first blank: 'Anna van Dijk' is Anna / van Dijk. The appended blank makes
-- a name without one ('Cher') all given name; NULL and blank names keep the default.
-- Tabs come from pasted lists.
UPDATE customers
SET given_name = substr(cleaned.name, 1, instr(cleaned.name || ' ', ' ') - 1),
    family_name = trim(substr(cleaned.name, instr(cleaned.name || ' ', ' ') + 1))
FROM (
    SELECT id, trim(replace(full_name, char(9), ' ')) AS name FROM customers
) AS cleaned
WHERE cleaned.id = customers.id
AND cleaned.name <> '';

ALTER TABLE customers DROP COLUMN full_name;
