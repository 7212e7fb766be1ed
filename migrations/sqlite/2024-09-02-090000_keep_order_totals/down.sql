-- The totals stay as they are; from here on nobody keeps them.
DROP TRIGGER prints_total_after_delete;
DROP TRIGGER prints_total_after_update;
DROP TRIGGER prints_total_after_insert;
