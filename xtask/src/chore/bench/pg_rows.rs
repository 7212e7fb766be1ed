//! What fills a PostgreSQL database for a figure.

/// Purchases, about 148 bytes a row with its place in the index; half of it can't be
/// guessed, as with names, tokens and numbers.
pub(super) fn script(tables: u32, rows_each: u32) -> String {
    let customers = (tables * rows_each / 50).max(1);
    let purchases: Vec<String> =
        (1..=tables).map(|table| purchase(table, rows_each, customers)).collect();
    format!(
        "CREATE TABLE customer (id bigint PRIMARY KEY, name text NOT NULL);
         INSERT INTO customer SELECT i, 'customer ' || i FROM generate_series(1, {customers}) i;
         {}",
        purchases.concat()
    )
}

fn purchase(table: u32, rows: u32, customers: u32) -> String {
    format!(
        "CREATE TABLE purchase_{table} (id bigint PRIMARY KEY, customer bigint NOT NULL,
             made timestamptz NOT NULL, note text NOT NULL);
         INSERT INTO purchase_{table} SELECT i, 1 + i % {customers}, to_timestamp(1700000000 + i),
             md5(i::text) || ' was bought and paid for' FROM generate_series(1, {rows}) i;
         CREATE INDEX purchase_{table}_customer ON purchase_{table} (customer);
         ALTER TABLE purchase_{table} ADD FOREIGN KEY (customer) REFERENCES customer;
        "
    )
}
