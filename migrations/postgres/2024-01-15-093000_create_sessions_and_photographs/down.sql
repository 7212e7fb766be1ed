DROP TABLE photographs;
DROP TABLE sessions;
