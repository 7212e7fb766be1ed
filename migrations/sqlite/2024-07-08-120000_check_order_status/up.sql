-- SQLite can't add a CHECK to a table: orders is rebuilt. Prints cascade from it, so
-- foreign keys must be off, or dropping the old table would delete every print.
CREATE TABLE orders_new (
    id TEXT NOT NULL PRIMARY KEY,
    customer_id TEXT NOT NULL REFERENCES customers (id),
    studio_id TEXT REFERENCES studios (id),
    placed_at TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP,
    status TEXT NOT NULL DEFAULT 'open'
        CHECK (status IN ('open', 'paid', 'shipped', 'cancelled')),
    note TEXT,
    total_cents INTEGER
);

-- A status that nobody knows becomes 'open', which someone looks at, and is kept in the
-- note.
INSERT INTO orders_new (id, customer_id, studio_id, placed_at, status, note, total_cents)
SELECT
    id,
    customer_id,
    studio_id,
    placed_at,
    COALESCE(known_status, 'open'),
    CASE
        WHEN known_status IS NULL AND trim(status) <> ''
        THEN COALESCE(note || '; ', '') || 'status was: ' || status
        ELSE note
    END,
    total_cents
FROM (
    SELECT
        orders.*,
        CASE
            WHEN lower(trim(status)) IN ('open', 'paid', 'shipped', 'cancelled')
            THEN lower(trim(status))
            WHEN lower(trim(status)) = 'canceled' THEN 'cancelled'
        END AS known_status
    FROM orders
);

DROP TABLE orders;
ALTER TABLE orders_new RENAME TO orders;

CREATE INDEX orders_customer_id ON orders (customer_id);
CREATE INDEX orders_studio_id ON orders (studio_id);
