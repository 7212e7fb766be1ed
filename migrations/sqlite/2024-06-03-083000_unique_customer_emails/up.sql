-- 'Anna@x.org ' and 'anna@x.org' are one mailbox; a blank address is none.
UPDATE customers
SET email = NULLIF(lower(trim(email, char(9, 10, 13, 32))), '')
WHERE email IS NOT NULL;

-- The oldest row of an address is kept. What only a twin knows moves to it first.
UPDATE customers
SET phone = COALESCE(NULLIF(trim(customers.phone), ''), known.phone),
    studio_id = COALESCE(customers.studio_id, known.studio_id)
FROM (
    SELECT email, min(NULLIF(trim(phone), '')) AS phone, min(studio_id) AS studio_id
    FROM customers
    WHERE email IS NOT NULL
    GROUP BY email
    HAVING count(*) > 1
) AS known
WHERE known.email = customers.email;

-- Given and family name come from one row, the oldest that has any: beside min(), SQLite
-- takes the other columns from the row of the minimum.
UPDATE customers
SET given_name = known.given_name,
    family_name = known.family_name
FROM (
    SELECT email, given_name, family_name, min(created_at || id)
    FROM customers
    WHERE email IS NOT NULL AND given_name || family_name <> ''
    GROUP BY email
) AS known
WHERE known.email = customers.email
AND customers.given_name || customers.family_name = '';

-- Repoint before deleting: a twin's sessions and orders are the customer's own.
WITH ranked AS (
    SELECT id, first_value(id) OVER (PARTITION BY email ORDER BY created_at, id) AS keeper_id
    FROM customers
    WHERE email IS NOT NULL
)
UPDATE sessions
SET customer_id = ranked.keeper_id
FROM ranked
WHERE ranked.id = sessions.customer_id
AND ranked.keeper_id <> ranked.id;

WITH ranked AS (
    SELECT id, first_value(id) OVER (PARTITION BY email ORDER BY created_at, id) AS keeper_id
    FROM customers
    WHERE email IS NOT NULL
)
UPDATE orders
SET customer_id = ranked.keeper_id
FROM ranked
WHERE ranked.id = orders.customer_id
AND ranked.keeper_id <> ranked.id;

WITH ranked AS (
    SELECT id, first_value(id) OVER (PARTITION BY email ORDER BY created_at, id) AS keeper_id
    FROM customers
    WHERE email IS NOT NULL
)
DELETE FROM customers
WHERE id IN (SELECT id FROM ranked WHERE keeper_id <> id);

-- On the expression: a plain index would let the next 'Anna@x.org' in again.
CREATE UNIQUE INDEX customers_email_unique ON customers (lower(trim(email)));
