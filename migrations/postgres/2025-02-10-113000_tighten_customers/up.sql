-- The old index is unique on the same expression: no two addresses can meet here.
UPDATE customers
SET email = NULLIF(lower(trim(email)), '')
WHERE email IS NOT NULL;

DROP INDEX customers_email_unique;

ALTER TABLE customers
    ADD COLUMN marketing_consent boolean NOT NULL DEFAULT false,
    ADD CONSTRAINT customers_email_check CHECK (email = lower(trim(email)) AND email <> ''),
    DROP CONSTRAINT customers_studio_id_fkey,
    ADD CONSTRAINT customers_studio_id_fkey
        FOREIGN KEY (studio_id) REFERENCES studios (id) ON DELETE SET NULL;

CREATE UNIQUE INDEX customers_email_unique ON customers (email);
