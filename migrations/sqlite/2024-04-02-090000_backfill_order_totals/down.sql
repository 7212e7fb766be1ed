-- Both columns were computed from tables that stay.
DROP INDEX orders_studio_id;
ALTER TABLE orders DROP COLUMN total_cents;
ALTER TABLE orders DROP COLUMN studio_id;
