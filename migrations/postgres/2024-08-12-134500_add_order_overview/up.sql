-- What the counter shows. Outer join: an order without a studio must not vanish.
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
