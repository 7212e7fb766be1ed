-- The photographs stay; when they were archived is forgotten.
DROP INDEX photographs_live;
ALTER TABLE photographs DROP COLUMN archived_at;
ALTER TABLE photographs DROP COLUMN checksum;
