ALTER TABLE photographs
    ADD COLUMN checksum text,
    ADD COLUMN archived_at timestamp;

-- Partial: the counter only ever lists what isn't archived, soon a small part.
CREATE INDEX photographs_live ON photographs (session_id, taken_at) WHERE archived_at IS NULL;
