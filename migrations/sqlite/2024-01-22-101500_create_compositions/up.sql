CREATE TABLE compositions (
    id TEXT NOT NULL PRIMARY KEY,
    session_id TEXT NOT NULL REFERENCES sessions (id) ON DELETE CASCADE,
    title TEXT,
    layout TEXT NOT NULL DEFAULT 'single'
);

-- The pair is the key: a photograph appears in a composition at most once.
CREATE TABLE composition_photographs (
    composition_id TEXT NOT NULL REFERENCES compositions (id) ON DELETE CASCADE,
    photograph_id TEXT NOT NULL REFERENCES photographs (id) ON DELETE CASCADE,
    position INTEGER NOT NULL,
    PRIMARY KEY (composition_id, photograph_id)
);
