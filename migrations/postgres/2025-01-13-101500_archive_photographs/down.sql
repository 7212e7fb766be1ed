-- The photographs stay; when they were archived is forgotten. The index goes with its
-- column.
ALTER TABLE photographs
    DROP COLUMN archived_at,
    DROP COLUMN checksum;
