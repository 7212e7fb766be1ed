DROP VIEW order_overview;

-- Consent has no place in the old table and is forgotten; every row is kept.
CREATE TABLE customers_old (
    id TEXT NOT NULL PRIMARY KEY,
    studio_id TEXT REFERENCES studios (id),
    email TEXT,
    phone TEXT,
    created_at TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP,
    given_name TEXT NOT NULL DEFAULT '',
    family_name TEXT NOT NULL DEFAULT ''
);

INSERT INTO customers_old (
    id, studio_id, email, phone, created_at, given_name, family_name
)
SELECT id, studio_id, email, phone, created_at, given_name, family_name
FROM customers;

DROP TABLE customers;
ALTER TABLE customers_old RENAME TO customers;

CREATE INDEX customers_studio_id ON customers (studio_id);
CREATE UNIQUE INDEX customers_email_unique ON customers (lower(trim(email)));

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
