//! What single migrations make of rows that aren't well behaved.

mod postgres_only;
mod sqlite_only;

use crate::support::{Bench, Engine, Way, on_both_engines};

on_both_engines!(
    names_are_split_and_joined_again,
    sizes_are_read_however_they_were_typed,
    orders_get_their_studio_and_total_from_other_tables,
    twins_become_one_customer_and_keep_what_is_theirs,
    statuses_are_tidied_and_unknown_ones_noted,
    rebuilds_keep_children_and_indexes,
    totals_follow_the_prints,
    seeded_studios_in_use_survive_the_way_down,
    the_overview_leaves_no_order_out,
);

/// The rows that most tables need before they can have any.
const PARENTS: &str = "
    INSERT INTO studios (id, name) VALUES ('s1', 'Mill'), ('s2', 'Quay');
    INSERT INTO customers (id, studio_id) VALUES ('c1', 's1'), ('c2', NULL);
    INSERT INTO sessions (id, studio_id, customer_id, held_at) VALUES
        ('e1', 's1', 'c1', '2024-01-10 09:00:00'),
        ('e2', 's2', 'c1', '2024-01-11 09:00:00');
    INSERT INTO photographs (id, session_id, file_name) VALUES ('p1', 'e1', 'a.nef');
    INSERT INTO compositions (id, session_id) VALUES ('m1', 'e1'), ('m2', 'e2');
    INSERT INTO composition_photographs VALUES ('m1', 'p1', 1);
    INSERT INTO orders (id, customer_id) VALUES ('o1', 'c1'), ('o2', 'c2'), ('o3', 'c1');";

fn quoted(value: Option<&str>) -> String {
    value.map_or("NULL".to_owned(), |text| format!("'{text}'"))
}

fn names_are_split_and_joined_again(engine: Engine) {
    // As written, given name, family name, as it comes back.
    let cases = [
        (Some("Anna Berg"), "Anna", "Berg", "Anna Berg"),
        (Some("Anna van Dijk"), "Anna", "van Dijk", "Anna van Dijk"),
        (Some("  Anna   Berg "), "Anna", "Berg", "Anna Berg"),
        (Some("Anna\tBerg"), "Anna", "Berg", "Anna Berg"),
        (Some("Cher"), "Cher", "", "Cher"),
        (Some(" Cher "), "Cher", "", "Cher"),
        (Some("Zoë Åström"), "Zoë", "Åström", "Zoë Åström"),
        (Some("  "), "", "", "NULL"),
        (Some(""), "", "", "NULL"),
        (None, "", "", "NULL"),
    ];
    let mut bench = Bench::before(engine, "split_customer_names");
    for (index, (name, ..)) in cases.iter().enumerate() {
        let name = quoted(*name);
        bench.sql(&format!("INSERT INTO customers (id, full_name) VALUES ({index}, {name})"));
    }

    bench.run("split_customer_names", Way::Up);
    let split =
        bench.rows("SELECT given_name, family_name FROM customers ORDER BY CAST(id AS INTEGER)");
    bench.run("split_customer_names", Way::Down);
    let joined = bench.rows("SELECT full_name FROM customers ORDER BY CAST(id AS INTEGER)");

    for (index, (name, given, family, back)) in cases.iter().enumerate() {
        assert_eq!(split[index], format!("{given} | {family}"), "{name:?}");
        assert_eq!(joined[index], *back, "{name:?}");
    }
}

fn sizes_are_read_however_they_were_typed(engine: Engine) {
    let cases = [
        (Some("10x15"), "10x15"),
        (Some("10 x 15"), "10x15"),
        (Some(" 15X10cm "), "10x15"),
        (Some("10×15 CM"), "10x15"),
        (Some("20x20"), "20x20"),
        (Some("45x30"), "30x45"),
        (Some("postcard"), "NULL"),
        (Some("110x15"), "NULL"),
        (Some(" "), "NULL"),
        (None, "NULL"),
    ];
    let mut bench = Bench::before(engine, "link_prints_to_sizes");
    bench.sql(PARENTS);
    for (index, (size, _)) in cases.iter().enumerate() {
        let size = quoted(*size);
        bench.sql(&format!(
            "INSERT INTO prints (id, order_id, composition_id, size)
             VALUES ({index}, 'o1', 'm1', {size})"
        ));
    }

    bench.run("link_prints_to_sizes", Way::Up);
    let codes = bench.rows(
        "SELECT code FROM prints LEFT JOIN print_sizes ON print_sizes.id = print_size_id
         ORDER BY CAST(prints.id AS INTEGER)",
    );

    for ((size, code), found) in cases.iter().zip(codes) {
        assert_eq!(found, *code, "{size:?}");
    }
}

/// Sizes by code, so that tests needn't repeat the GUIDs.
fn print(id: &str, order: &str, composition: &str, size: &str, quantity: i32) -> String {
    format!(
        "INSERT INTO prints (id, order_id, composition_id, print_size_id, quantity) VALUES
         ('{id}', '{order}', '{composition}',
          (SELECT id FROM print_sizes WHERE code = '{size}'), {quantity});"
    )
}

fn orders_get_their_studio_and_total_from_other_tables(engine: Engine) {
    let mut bench = Bench::before(engine, "backfill_order_totals");
    bench.sql(PARENTS);
    bench.sql(&print("r1", "o1", "m1", "10x15", 2));
    bench.sql(&print("r2", "o1", "m2", "20x20", 1));
    bench.sql(&print("r3", "o1", "m2", "20x20", 1));
    bench.sql(&print("r4", "o2", "m1", "10x15", 1));
    bench.sql(&print("r5", "o2", "m1", "postcard", 1));

    bench.run("backfill_order_totals", Way::Up);

    assert_eq!(
        bench.rows("SELECT id, studio_id, total_cents FROM orders ORDER BY id"),
        [
            "o1 | s2 | 3160", // most of its prints came from s2
            "o2 | s1 | NULL", // one size is unknown, and so is the total
            "o3 | s1 | 0",    // no prints: the customer's own studio, nothing to pay
        ]
    );
}

fn twins_become_one_customer_and_keep_what_is_theirs(engine: Engine) {
    let mut bench = Bench::before(engine, "unique_customer_emails");
    bench.sql(
        "INSERT INTO studios (id, name) VALUES ('s1', 'Mill');
         INSERT INTO customers
             (id, studio_id, given_name, family_name, email, phone, created_at)
         VALUES
             ('c1', NULL, 'Anna', 'Berg', 'Anna@x.org ', '0123', '2024-01-03'),
             ('c2', NULL, '', '', 'anna@x.org', ' ', '2024-01-02'),
             ('c3', 's1', 'A.', 'Berg', '\tANNA@X.ORG', '0456', '2024-01-04'),
             ('c4', NULL, 'Bo', '', 'bo@x.org', NULL, '2024-01-01'),
             ('c5', NULL, 'Cleo', '', ' ', NULL, '2024-01-01'),
             ('c6', NULL, 'Dora', '', '', NULL, '2024-01-01'),
             ('c7', NULL, 'Emil', '', NULL, NULL, '2024-01-01');
         INSERT INTO sessions (id, studio_id, customer_id, held_at) VALUES
             ('e1', 's1', 'c1', '2024-01-01'), ('e2', 's1', 'c2', '2024-01-01'),
             ('e3', 's1', 'c4', '2024-01-01');
         INSERT INTO photographs (id, session_id, file_name) VALUES ('p1', 'e1', 'a.nef');
         INSERT INTO orders (id, customer_id) VALUES ('o1', 'c3'), ('o2', 'c4'), ('o3', 'c7');",
    );

    bench.run("unique_customer_emails", Way::Up);

    let customers = "SELECT id, studio_id, given_name, family_name, email, phone
                     FROM customers ORDER BY id";
    assert_eq!(
        bench.rows(customers),
        [
            "c2 | s1 | Anna | Berg | anna@x.org | 0123",
            "c4 | NULL | Bo |  | bo@x.org | NULL",
            "c5 | NULL | Cleo |  | NULL | NULL",
            "c6 | NULL | Dora |  | NULL | NULL",
            "c7 | NULL | Emil |  | NULL | NULL",
        ]
    );
    for (table, owners) in [
        ("sessions", ["e1 | c2", "e2 | c2", "e3 | c4"]),
        ("orders", ["o1 | c2", "o2 | c4", "o3 | c7"]),
    ] {
        let query = format!("SELECT id, customer_id FROM {table} ORDER BY id");
        assert_eq!(bench.rows(&query), owners);
    }
    assert_eq!(bench.rows("SELECT id FROM photographs"), ["p1"]);

    let twin = "INSERT INTO customers (id, email) VALUES ('c8', ' ANNA@x.org')";
    bench.try_sql(twin).unwrap_err();
    bench.run("unique_customer_emails", Way::Down);
    bench.sql(twin);
}

fn statuses_are_tidied_and_unknown_ones_noted(engine: Engine) {
    // As written, note before, status after, note after.
    let cases = [
        (Some("open"), None, "open", "NULL"),
        (Some(" PAID "), None, "paid", "NULL"),
        (Some("canceled"), Some("phone"), "cancelled", "phone"),
        (Some("lost?"), None, "open", "status was: lost?"),
        (Some("lost?"), Some("ask Mia"), "open", "ask Mia; status was: lost?"),
        (Some(" "), None, "open", "NULL"),
        (None, Some(""), "open", ""),
    ];
    let mut bench = Bench::before(engine, "check_order_status");
    bench.sql("INSERT INTO customers (id) VALUES ('c1')");
    for (index, (status, note, ..)) in cases.iter().enumerate() {
        let (status, note) = (quoted(*status), quoted(*note));
        bench.sql(&format!(
            "INSERT INTO orders (id, customer_id, status, note)
             VALUES ({index}, 'c1', {status}, {note})"
        ));
    }

    bench.run("check_order_status", Way::Up);
    let found = bench.rows("SELECT status, note FROM orders ORDER BY CAST(id AS INTEGER)");

    for ((status, before, after, note), found) in cases.iter().zip(found) {
        assert_eq!(found, format!("{after} | {note}"), "{status:?}, {before:?}");
    }
    let unknown = "INSERT INTO orders (id, customer_id, status) VALUES ('x', 'c1', 'lost?')";
    bench.try_sql(unknown).unwrap_err();
}

fn rebuilds_keep_children_and_indexes(engine: Engine) {
    let children =
        ["sessions", "photographs", "compositions", "composition_photographs", "orders", "prints"];
    for (name, ways) in [
        ("split_customer_names", &[Way::Up, Way::Down][..]),
        ("check_order_status", &[Way::Up, Way::Down]),
        ("tighten_customers", &[Way::Up, Way::Down]),
    ] {
        let mut bench = Bench::before(engine, name);
        bench.sql(PARENTS);
        bench.sql(&print("r1", "o1", "m1", "10x15", 2));
        // Dropping a table takes its indexes along; up and down alike must bring them back.
        let objects = |bench: &Bench| bench.database().schema().into_keys().collect::<Vec<_>>();
        let (before, objects_before) = (bench.contents(), objects(&bench));
        for way in ways {
            bench.run(name, *way);
            let after = bench.contents();
            assert_eq!(objects(&bench), objects_before, "{name}, {way:?}");
            for child in children {
                assert_eq!(after[child].len(), before[child].len(), "{name}, {way:?}: {child}");
            }
            assert_eq!(after["prints"], before["prints"], "{name}, {way:?}");
        }
    }
}

fn totals_follow_the_prints(engine: Engine) {
    let mut bench = Bench::before(engine, "keep_order_totals");
    bench.sql(PARENTS);
    bench.run("keep_order_totals", Way::Up);
    let steps: [(&str, &[&str]); 6] = [
        (&print("r1", "o1", "m1", "10x15", 2), &["780", "0", "0"]),
        (&print("r2", "o1", "m1", "postcard", 1), &["NULL", "0", "0"]),
        ("DELETE FROM prints WHERE id = 'r2'", &["780", "0", "0"]),
        ("UPDATE prints SET order_id = 'o2', quantity = 3", &["0", "1170", "0"]),
        ("UPDATE prints SET print_size_id = NULL", &["0", "NULL", "0"]),
        ("DELETE FROM orders WHERE id = 'o2'", &["0", "0"]),
    ];
    for (sql, totals) in steps {
        bench.sql(sql);
        let found = bench.rows("SELECT total_cents FROM orders ORDER BY id");
        assert_eq!(found, totals, "{sql}");
    }
}

fn seeded_studios_in_use_survive_the_way_down(engine: Engine) {
    let mut bench = Bench::before(engine, "add_print_sizes");
    let used = "e87a5d31-9f04-4c6b-a2d8-71b3c0f4e963";
    bench.sql(&format!(
        "UPDATE studios SET name = 'Central Station' WHERE id = '{used}';
         INSERT INTO customers (id, studio_id) VALUES ('c1', '{used}')"
    ));
    bench.run("seed_studios", Way::Down);
    assert_eq!(bench.rows("SELECT name FROM studios"), ["Central Station"]);
    bench.run("seed_studios", Way::Up);
    assert_eq!(
        bench.rows("SELECT name FROM studios ORDER BY name"),
        ["Central Station", "Harbour", "Old Town"]
    );
}

fn the_overview_leaves_no_order_out(engine: Engine) {
    for name in ["add_order_overview", "tighten_customers"] {
        let mut bench = Bench::before(engine, name);
        bench.sql(PARENTS);
        bench.sql("UPDATE customers SET given_name = 'Cher' WHERE id = 'c1'");
        bench.run(name, Way::Up);
        assert_eq!(
            bench.rows("SELECT order_id, customer_name, print_count FROM order_overview"),
            ["o1 | Cher | 0", "o2 |  | 0", "o3 | Cher | 0"],
            "{name}"
        );
    }
}
