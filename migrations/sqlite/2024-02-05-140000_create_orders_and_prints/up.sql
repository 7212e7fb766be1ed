CREATE TABLE orders (
    id TEXT NOT NULL PRIMARY KEY,
    customer_id TEXT NOT NULL REFERENCES customers (id),
    placed_at TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP,
    status TEXT,
    note TEXT
);

-- No cascade from compositions: what has been printed must stay explainable.
CREATE TABLE prints (
    id TEXT NOT NULL PRIMARY KEY,
    order_id TEXT NOT NULL REFERENCES orders (id) ON DELETE CASCADE,
    composition_id TEXT NOT NULL REFERENCES compositions (id),
    size TEXT,
    quantity INTEGER NOT NULL DEFAULT 1
);
