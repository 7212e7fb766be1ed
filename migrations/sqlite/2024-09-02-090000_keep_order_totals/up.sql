-- The backfilled total went stale with the next print. The rule stays the backfill's: a
-- print of unknown size makes the total unknown.
CREATE TRIGGER prints_total_after_insert AFTER INSERT ON prints
BEGIN
    UPDATE orders
    SET total_cents = (
        SELECT CASE
            WHEN count(*) = count(print_sizes.id)
            THEN COALESCE(sum(prints.quantity * print_sizes.price_cents), 0)
        END
        FROM prints
        LEFT JOIN print_sizes ON print_sizes.id = prints.print_size_id
        WHERE prints.order_id = orders.id
    )
    WHERE orders.id = NEW.order_id;
END;

CREATE TRIGGER prints_total_after_update AFTER UPDATE OF order_id, print_size_id, quantity ON prints
BEGIN
    UPDATE orders
    SET total_cents = (
        SELECT CASE
            WHEN count(*) = count(print_sizes.id)
            THEN COALESCE(sum(prints.quantity * print_sizes.price_cents), 0)
        END
        FROM prints
        LEFT JOIN print_sizes ON print_sizes.id = prints.print_size_id
        WHERE prints.order_id = orders.id
    )
    WHERE orders.id IN (OLD.order_id, NEW.order_id);
END;

CREATE TRIGGER prints_total_after_delete AFTER DELETE ON prints
BEGIN
    UPDATE orders
    SET total_cents = (
        SELECT CASE
            WHEN count(*) = count(print_sizes.id)
            THEN COALESCE(sum(prints.quantity * print_sizes.price_cents), 0)
        END
        FROM prints
        LEFT JOIN print_sizes ON print_sizes.id = prints.print_size_id
        WHERE prints.order_id = orders.id
    )
    WHERE orders.id = OLD.order_id;
END;

-- Orders that changed between the backfill and now.
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
