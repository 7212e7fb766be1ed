-- Keys are GUIDs as text: studios create rows offline and merge them later, and the
-- application's one `schema.rs` has no type for `uuid` that SQLite has too. Times are UTC,
-- without a zone, for the same reason.
CREATE TABLE studios (
    id text PRIMARY KEY,
    name text NOT NULL,
    city text,
    opened_on date
);

-- Name and email are optional: walk-in customers often leave neither. Addresses are
-- compared, and made lower case, byte by byte: whatever the server's locale is, the same
-- two are equal.
CREATE TABLE customers (
    id text PRIMARY KEY,
    studio_id text REFERENCES studios (id),
    full_name text,
    email text COLLATE "C",
    phone text,
    created_at timestamp NOT NULL DEFAULT (now() AT TIME ZONE 'UTC')
);
