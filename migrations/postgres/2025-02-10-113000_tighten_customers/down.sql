DROP INDEX customers_email_unique;

-- Consent has no place in the old table and is forgotten; every row is kept.
ALTER TABLE customers
    DROP CONSTRAINT customers_email_check,
    DROP COLUMN marketing_consent,
    DROP CONSTRAINT customers_studio_id_fkey,
    ADD CONSTRAINT customers_studio_id_fkey FOREIGN KEY (studio_id) REFERENCES studios (id);

CREATE UNIQUE INDEX customers_email_unique ON customers (lower(trim(email)));
