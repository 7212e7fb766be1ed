-- Counters read while an import writes. SQLite refuses this switch in a transaction.
PRAGMA journal_mode = WAL;
