-- Merged customers stay merged: nothing records which row a session came from.
DROP INDEX customers_email_unique;
