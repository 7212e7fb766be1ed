-- 'Anna@x.org ' and 'anna@x.org' are one mailbox; a blank address is none.
UPDATE customers
SET email = NULLIF(lower(trim(E' \t\n\r' FROM email)), '')
WHERE email IS NOT NULL;

-- The oldest row of an address is kept. What only a twin knows moves to it first.
UPDATE customers
SET phone = COALESCE(NULLIF(trim(customers.phone), ''), known.phone),
    studio_id = COALESCE(customers.studio_id, known.studio_id)
FROM (
    SELECT
        email,
        min(NULLIF(trim(phone), '') COLLATE "C") AS phone,
        min(studio_id COLLATE "C") AS studio_id
    FROM customers
    WHERE email IS NOT NULL
    GROUP BY email
    HAVING count(*) > 1
) AS known
WHERE known.email = customers.email;

-- Given and family name come from one row, the oldest that has any.
UPDATE customers
SET given_name = known.given_name,
    family_name = known.family_name
FROM (
    SELECT DISTINCT ON (email) email, given_name, family_name
    FROM customers
    WHERE email IS NOT NULL AND given_name || family_name <> ''
    ORDER BY email, created_at, id COLLATE "C"
) AS known
WHERE known.email = customers.email
AND customers.given_name || customers.family_name = '';

-- One statement, whose references are checked at its end: a twin's sessions and orders are
-- the customer's own.
WITH twins AS (
    SELECT id, keeper_id
    FROM (
        SELECT
            id,
            first_value(id) OVER (PARTITION BY email ORDER BY created_at, id COLLATE "C")
                AS keeper_id
        FROM customers
        WHERE email IS NOT NULL
    ) AS ranked
    WHERE keeper_id <> id
),
their_sessions AS (
    UPDATE sessions
    SET customer_id = twins.keeper_id
    FROM twins
    WHERE twins.id = sessions.customer_id
),
their_orders AS (
    UPDATE orders
    SET customer_id = twins.keeper_id
    FROM twins
    WHERE twins.id = orders.customer_id
)
DELETE FROM customers
USING twins
WHERE twins.id = customers.id;

-- On the expression: a plain index would let the next 'Anna@x.org' in again.
CREATE UNIQUE INDEX customers_email_unique ON customers (lower(trim(email)));
