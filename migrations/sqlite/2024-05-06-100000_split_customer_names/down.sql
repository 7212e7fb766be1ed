-- Rebuilt, not altered: ADD COLUMN could only put full_name last. Sessions and orders
-- point at customers, so foreign keys must be off while the table is away.
CREATE TABLE customers_old (
    id TEXT NOT NULL PRIMARY KEY,
    studio_id TEXT REFERENCES studios (id),
    full_name TEXT,
    email TEXT,
    phone TEXT,
    created_at TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP
);

-- Blank names come back as NULL and repeated blanks as one; the rest as it was.
INSERT INTO customers_old (id, studio_id, full_name, email, phone, created_at)
SELECT
    id,
    studio_id,
    NULLIF(trim(given_name || ' ' || family_name), ''),
    email,
    phone,
    created_at
FROM customers;

DROP TABLE customers;
ALTER TABLE customers_old RENAME TO customers;

CREATE INDEX customers_studio_id ON customers (studio_id);
