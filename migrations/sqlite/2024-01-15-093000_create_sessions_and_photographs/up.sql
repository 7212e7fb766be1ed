CREATE TABLE sessions (
    id TEXT NOT NULL PRIMARY KEY,
    studio_id TEXT NOT NULL REFERENCES studios (id),
    customer_id TEXT NOT NULL REFERENCES customers (id),
    held_at TIMESTAMP NOT NULL,
    photographer TEXT
);

-- A photograph is worth nothing without its session: it goes with it.
CREATE TABLE photographs (
    id TEXT NOT NULL PRIMARY KEY,
    session_id TEXT NOT NULL REFERENCES sessions (id) ON DELETE CASCADE,
    file_name TEXT NOT NULL,
    rating INTEGER,
    taken_at TIMESTAMP
);
