//! Rows that aren't well behaved, put in after the migration that makes room for them.

use super::{Bench, Engine};

/// Puts in what belongs after a migration.
pub(crate) fn insert_after(bench: &mut Bench, name: &str) {
    insert_for_both(bench, name);
    if bench.engine == Engine::Sqlite {
        insert(bench, name, ONLY_SQLITE);
    }
}

/// Of that, what both engines take.
pub(crate) fn insert_for_both(bench: &mut Bench, name: &str) {
    insert(bench, name, MESS);
}

fn insert(bench: &mut Bench, name: &str, mess: &[(&str, &str)]) {
    for (_, sql) in mess.iter().filter(|(after, _)| *after == name) {
        bench.sql(sql);
    }
}

/// Which migrations there is something for.
pub(crate) fn names() -> impl Iterator<Item = &'static str> {
    MESS.iter().chain(ONLY_SQLITE).map(|(after, _)| *after)
}

/// SQLite lets any text into a column of dates.
const ONLY_SQLITE: &[(&str, &str)] = &[(
    "create_sessions_and_photographs",
    "UPDATE sessions SET held_at = '' WHERE id = 'e2';
     UPDATE photographs SET taken_at = 'noon' WHERE id = 'p3';",
)];

/// What to insert after which migration.
const MESS: &[(&str, &str)] = &[
    (
        "create_studios_and_customers",
        "INSERT INTO studios (id, name, city) VALUES ('s1', 'Mill', NULL), ('s2', '', ' ');
         INSERT INTO customers (id, studio_id, full_name, email, phone, created_at) VALUES
             ('c1', 's1', 'Anna van Dijk', 'anna@x.org', NULL, '2024-01-02 10:00:00'),
             ('c2', NULL, ' Anna  van Dijk ', 'Anna@x.org ', '0123', '2024-01-03 10:00:00'),
             ('c3', 's2', 'Cher', ' ', '', '2024-01-04 10:00:00'),
             ('c4', NULL, NULL, NULL, NULL, '2024-01-05 10:00:00'),
             ('c5', 's2', '   ', 'BO@x.org', ' ', '2024-01-06 10:00:00'),
             ('c6', 's1', 'Bo\tEk', '\tbo@x.org', '7', '2024-01-07'),
             ('c9', 's2', 'Ärla  Öst', 'ÄRLA@X.org', NULL, '2024-01-08'),
             ('d1', 's1', 'Årla', 'ärla@x.org', '8', '2024-01-09');",
    ),
    (
        "create_sessions_and_photographs",
        "INSERT INTO sessions (id, studio_id, customer_id, held_at, photographer) VALUES
             ('e1', 's1', 'c1', '2024-01-10 09:00:00', NULL),
             ('e2', 's2', 'c2', '2024-01-10 23:59:59', 'mia'),
             ('e3', 's2', 'c6', '2024-01-11 09:00:00', ' Mia ');
         INSERT INTO photographs (id, session_id, file_name, rating) VALUES
             ('p1', 'e1', 'DSC_1.NEF', 5),
             ('p2', 'e1', 'DSC_1.NEF', NULL),
             ('p3', 'e2', '', -1);",
    ),
    (
        "create_compositions",
        "INSERT INTO compositions (id, session_id, title) VALUES
             ('m1', 'e1', NULL), ('m2', 'e2', ''), ('m3', 'e3', 'Ek');
         INSERT INTO composition_photographs VALUES
             ('m1', 'p1', 1), ('m1', 'p2', 1), ('m2', 'p3', -7);",
    ),
    (
        "create_orders_and_prints",
        "INSERT INTO orders (id, customer_id, placed_at, status, note) VALUES
             ('o1', 'c1', '2024-02-05 12:00:00', ' Paid', NULL),
             ('o2', 'c2', '2024-02-06 12:00:00', NULL, ''),
             ('o3', 'c3', '2024-02-07 12:00:00', 'canceled', 'by phone'),
             ('o4', 'c4', '2024-02-08 12:00:00', 'lost?', 'ask Mia'),
             ('o5', 'c6', '2024-02-09 12:00:00', ' ', NULL);
         INSERT INTO prints (id, order_id, composition_id, size, quantity) VALUES
             ('r1', 'o1', 'm1', '10 x 15', 2),
             ('r2', 'o1', 'm2', '15X10cm', 1),
             ('r3', 'o2', 'm2', 'postcard', 1),
             ('r4', 'o2', 'm2', NULL, 0),
             ('r5', 'o5', 'm3', ' 20×30 CM ', -1);",
    ),
    (
        "seed_studios",
        "UPDATE customers SET studio_id = '6f1c2a0e-4b7d-4e53-9c1f-0a8d5e2b7c11'
         WHERE id = 'c3';",
    ),
    ("backfill_order_totals", "UPDATE prints SET quantity = 40 WHERE id = 'r1';"),
    (
        "unique_customer_emails",
        "INSERT INTO customers (id, email) VALUES ('c7', ' Cleo@x.org'), ('c8', '');",
    ),
    (
        "keep_order_totals",
        "DELETE FROM prints WHERE id = 'r3';
         UPDATE photographs SET rating = 99 WHERE id = 'p2';",
    ),
];
