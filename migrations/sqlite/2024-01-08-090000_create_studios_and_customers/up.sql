-- Keys are GUIDs as text: studios create rows offline and merge them later.
CREATE TABLE studios (
    id TEXT NOT NULL PRIMARY KEY,
    name TEXT NOT NULL,
    city TEXT,
    opened_on DATE
);

-- Name and email are optional: walk-in customers often leave neither.
CREATE TABLE customers (
    id TEXT NOT NULL PRIMARY KEY,
    studio_id TEXT REFERENCES studios (id),
    full_name TEXT,
    email TEXT,
    phone TEXT,
    created_at TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP
);
