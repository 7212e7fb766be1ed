-- The backfilled total went stale with the next print. The rule stays the backfill's: a
-- print of unknown size makes the total unknown.
CREATE FUNCTION order_total(of_order text) RETURNS integer
LANGUAGE sql STABLE
AS $$
    SELECT CASE
        WHEN count(*) = count(print_sizes.id)
        THEN COALESCE(sum(prints.quantity * print_sizes.price_cents), 0)
    END::integer
    FROM prints
    LEFT JOIN print_sizes ON print_sizes.id = prints.print_size_id
    WHERE prints.order_id = of_order
$$;

-- The orders are locked first, in one order: whoever adds a print to the same order at the
-- same time is waited for, and counted.
CREATE FUNCTION keep_order_total() RETURNS trigger
LANGUAGE plpgsql
AS $$
BEGIN
    PERFORM FROM orders
    WHERE orders.id IN (OLD.order_id, NEW.order_id)
    ORDER BY orders.id
    FOR NO KEY UPDATE;

    UPDATE orders
    SET total_cents = order_total(orders.id)
    WHERE orders.id IN (OLD.order_id, NEW.order_id);
    RETURN NULL;
END
$$;

CREATE TRIGGER prints_total
AFTER INSERT OR DELETE OR UPDATE OF order_id, print_size_id, quantity ON prints
FOR EACH ROW EXECUTE FUNCTION keep_order_total();

-- Orders that changed between the backfill and now.
UPDATE orders SET total_cents = order_total(id);
