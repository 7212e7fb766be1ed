-- SQLite's default. It needs the database for itself: close other connections first.
PRAGMA journal_mode = DELETE;
