CREATE TABLE orders (
    id text PRIMARY KEY,
    customer_id text NOT NULL REFERENCES customers (id),
    placed_at timestamp NOT NULL DEFAULT (now() AT TIME ZONE 'UTC'),
    status text,
    note text
);

-- No cascade from compositions: what has been printed must stay explainable.
CREATE TABLE prints (
    id text PRIMARY KEY,
    order_id text NOT NULL REFERENCES orders (id) ON DELETE CASCADE,
    composition_id text NOT NULL REFERENCES compositions (id),
    size text,
    quantity integer NOT NULL DEFAULT 1
);
