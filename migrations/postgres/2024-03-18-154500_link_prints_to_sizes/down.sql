-- Nothing is lost: prints.size still holds what was typed.
DROP INDEX prints_print_size_id;
ALTER TABLE prints DROP COLUMN print_size_id;
