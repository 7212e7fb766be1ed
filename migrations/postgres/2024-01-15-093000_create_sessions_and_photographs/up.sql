CREATE TABLE sessions (
    id text PRIMARY KEY,
    studio_id text NOT NULL REFERENCES studios (id),
    customer_id text NOT NULL REFERENCES customers (id),
    held_at timestamp NOT NULL,
    photographer text
);

-- A photograph is worth nothing without its session: it goes with it.
CREATE TABLE photographs (
    id text PRIMARY KEY,
    session_id text NOT NULL REFERENCES sessions (id) ON DELETE CASCADE,
    file_name text NOT NULL,
    rating integer,
    taken_at timestamp
);
