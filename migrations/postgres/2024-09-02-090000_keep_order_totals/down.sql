-- The totals stay as they are; from here on nobody keeps them.
DROP TRIGGER prints_total ON prints;
DROP FUNCTION keep_order_total();
DROP FUNCTION order_total(text);
