-- The view names customers: with it in place, renaming the new table fails.
DROP VIEW order_overview;

-- A rebuild, because SQLite can't change a foreign key or add a CHECK. Sessions and
-- orders point here, so foreign keys must be off while the table is away.
CREATE TABLE customers_new (
    id TEXT NOT NULL PRIMARY KEY,
    studio_id TEXT REFERENCES studios (id) ON DELETE SET NULL,
    given_name TEXT NOT NULL DEFAULT '',
    family_name TEXT NOT NULL DEFAULT '',
    email TEXT CHECK (email = lower(trim(email)) AND email <> ''),
    phone TEXT,
    marketing_consent BOOLEAN NOT NULL DEFAULT 0,
    created_at TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP
);

-- The old index was unique on the same expression: no two addresses can meet here.
INSERT INTO customers_new (
    id, studio_id, given_name, family_name, email, phone, created_at
)
SELECT
    id, studio_id, given_name, family_name, NULLIF(lower(trim(email)), ''), phone, created_at
FROM customers;

DROP TABLE customers;
ALTER TABLE customers_new RENAME TO customers;

CREATE INDEX customers_studio_id ON customers (studio_id);
CREATE UNIQUE INDEX customers_email_unique ON customers (email);

CREATE VIEW order_overview AS
SELECT
    orders.id AS order_id,
    trim(customers.given_name || ' ' || customers.family_name) AS customer_name,
    studios.name AS studio_name,
    orders.placed_at,
    orders.status,
    (SELECT count(*) FROM prints WHERE prints.order_id = orders.id) AS print_count,
    orders.total_cents
FROM orders
JOIN customers ON customers.id = orders.customer_id
LEFT JOIN studios ON studios.id = orders.studio_id;
