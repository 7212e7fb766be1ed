-- Nothing to do: PostgreSQL always keeps a write-ahead log, and its readers never wait for
-- writers. The migration keeps its place, so that both engines have the same versions.
SELECT 1;
