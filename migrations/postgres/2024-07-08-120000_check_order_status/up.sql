-- A status that nobody knows becomes 'open', which someone looks at, and is kept in the
-- note.
UPDATE orders
SET status = COALESCE(tidied.known_status, 'open'),
    note = CASE
        WHEN tidied.known_status IS NULL AND trim(orders.status) <> ''
        THEN COALESCE(orders.note || '; ', '') || 'status was: ' || orders.status
        ELSE orders.note
    END
FROM (
    SELECT
        id,
        CASE
            WHEN word IN ('open', 'paid', 'shipped', 'cancelled') THEN word
            WHEN word = 'canceled' THEN 'cancelled'
        END AS known_status
    FROM (SELECT id, lower(trim(status) COLLATE "C") AS word FROM orders) AS words
) AS tidied
WHERE tidied.id = orders.id;

ALTER TABLE orders
    ALTER COLUMN status SET DEFAULT 'open',
    ALTER COLUMN status SET NOT NULL,
    ADD CONSTRAINT orders_status_check
        CHECK (status IN ('open', 'paid', 'shipped', 'cancelled'));
