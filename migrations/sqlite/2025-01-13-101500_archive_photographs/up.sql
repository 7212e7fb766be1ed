ALTER TABLE photographs ADD COLUMN checksum TEXT;
ALTER TABLE photographs ADD COLUMN archived_at TIMESTAMP;

-- Partial: the counter only ever lists what isn't archived, soon a small part.
CREATE INDEX photographs_live ON photographs (session_id, taken_at) WHERE archived_at IS NULL;
