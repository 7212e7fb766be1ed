-- Both columns were computed from tables that stay. The index goes with its column.
ALTER TABLE orders
    DROP COLUMN total_cents,
    DROP COLUMN studio_id;
