ALTER TABLE orders
    ADD COLUMN studio_id text REFERENCES studios (id),
    ADD COLUMN total_cents integer;

-- The studio that took most of the printed compositions; for an order without prints,
-- the customer's own. The last sort key makes a tie come out the same everywhere,
-- whatever the server's locale is.
UPDATE orders
SET studio_id = COALESCE(
    (
        SELECT sessions.studio_id
        FROM prints
        JOIN compositions ON compositions.id = prints.composition_id
        JOIN sessions ON sessions.id = compositions.session_id
        WHERE prints.order_id = orders.id
        GROUP BY sessions.studio_id
        ORDER BY count(*) DESC, sessions.studio_id COLLATE "C"
        LIMIT 1
    ),
    (SELECT customers.studio_id FROM customers WHERE customers.id = orders.customer_id)
);

-- One print of unknown size makes the total unknown: a sum without it would be a wrong
-- price, not a low one.
UPDATE orders
SET total_cents = (
    SELECT CASE
        WHEN count(*) = count(print_sizes.id)
        THEN COALESCE(sum(prints.quantity * print_sizes.price_cents), 0)
    END
    FROM prints
    LEFT JOIN print_sizes ON print_sizes.id = prints.print_size_id
    WHERE prints.order_id = orders.id
);

CREATE INDEX orders_studio_id ON orders (studio_id);
