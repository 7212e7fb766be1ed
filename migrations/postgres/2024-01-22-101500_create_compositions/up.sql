CREATE TABLE compositions (
    id text PRIMARY KEY,
    session_id text NOT NULL REFERENCES sessions (id) ON DELETE CASCADE,
    title text,
    layout text NOT NULL DEFAULT 'single'
);

-- The pair is the key: a photograph appears in a composition at most once.
CREATE TABLE composition_photographs (
    composition_id text NOT NULL REFERENCES compositions (id) ON DELETE CASCADE,
    photograph_id text NOT NULL REFERENCES photographs (id) ON DELETE CASCADE,
    position integer NOT NULL,
    PRIMARY KEY (composition_id, photograph_id)
);
