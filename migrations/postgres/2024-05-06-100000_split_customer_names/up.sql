ALTER TABLE customers
    ADD COLUMN given_name text NOT NULL DEFAULT '',
    ADD COLUMN family_name text NOT NULL DEFAULT '';

-- Split at the first blank: 'Anna van Dijk' is Anna / van Dijk. A name without one
-- ('Cher') is all given name; NULL and blank names keep the default. Tabs come from pasted
-- lists.
UPDATE customers
SET given_name = split_part(cleaned.name, ' ', 1),
    family_name = trim(substr(cleaned.name, strpos(cleaned.name || ' ', ' ') + 1))
FROM (
    SELECT id, trim(replace(full_name, chr(9), ' ')) AS name FROM customers
) AS cleaned
WHERE cleaned.id = customers.id
AND cleaned.name <> '';

ALTER TABLE customers DROP COLUMN full_name;
