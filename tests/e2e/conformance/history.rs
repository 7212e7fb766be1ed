//! From the migrations on disk to the versions in the database.

use super::bench::Bench;

const TABLE: &str = "CREATE TABLE item (id integer PRIMARY KEY, name text NOT NULL);\n";

fn two(bench: &Bench) {
    bench.step("01_item", TABLE, "DROP TABLE item;\n");
    bench.step(
        "02_rows",
        "INSERT INTO item VALUES (1, 'a'), (2, 'b');\n",
        "DELETE FROM item WHERE id IN (1, 2);\n",
    );
}

pub(super) fn a_new_database_is_brought_to_the_newest_version(bench: &Bench) {
    two(bench);
    let ran = bench.gated(&["migrate"]).expect(0);
    assert!(ran.stdout.contains("dev is healthy, at version 02"), "{}", ran.stdout);
    assert_eq!(bench.versions(), ["01", "02"]);
    assert_eq!(bench.one("SELECT count(*) FROM item"), "2");
    let receipt = bench.receipt();
    assert_eq!(receipt["target"]["arrival"], "created");
    assert_eq!(receipt["target"]["engine"], bench.engine.name());
}

pub(super) fn what_is_up_to_date_is_left_alone(bench: &Bench) {
    two(bench);
    bench.gated(&["migrate"]).expect(0);
    let (seen, receipt) = (bench.seen(), bench.receipt());
    let ran = bench.gated(&["migrate"]).expect(0);
    assert!(ran.stdout.contains("up to date"), "{}", ran.stdout);
    assert_eq!((bench.seen(), bench.receipt()), (seen, receipt));
    assert_eq!(bench.backup_files().len(), 1);
}

pub(super) fn a_version_can_be_gone_back_to(bench: &Bench) {
    two(bench);
    bench.gated(&["migrate", "--to", "01"]).expect(0);
    let seen = bench.seen();
    bench.gated(&["migrate"]).expect(0);
    assert_ne!(bench.seen(), seen);
    bench.gated(&["migrate", "--to", "01"]).expect(0);
    assert_eq!(bench.versions(), ["01"]);
    assert_eq!(bench.seen(), seen);
}

pub(super) fn an_edited_migration_is_refused_and_redone(bench: &Bench) {
    two(bench);
    bench.gated(&["migrate"]).expect(0);
    let seen = bench.seen();
    bench.step(
        "02_rows",
        "INSERT INTO item VALUES (1, 'a'), (2, 'b'), (3, 'c');\n",
        "DELETE FROM item WHERE id IN (1, 2, 3);\n",
    );
    let ran = bench.gated(&["migrate"]).expect(1);
    assert!(ran.stderr.contains("02_rows"), "{}", ran.stderr);
    assert_eq!(bench.seen(), seen);
    bench.gated(&["redo"]).expect(0);
    assert_eq!(bench.one("SELECT count(*) FROM item"), "3");
    assert_eq!(bench.receipt()["action"], "redo");
}

pub(super) fn what_something_else_has_changed_is_refused_and_told(bench: &Bench) {
    two(bench);
    bench.gated(&["migrate"]).expect(0);
    bench.gated(&["drift"]).expect(0);
    bench.beside("ALTER TABLE item ADD COLUMN note text");
    let drift = bench.gated(&["drift"]).expect(1);
    let said = format!("{}{}", drift.stdout, drift.stderr);
    assert!(said.contains("column note was added to item"), "{said}");
    bench.step("03_more", "CREATE TABLE more (id integer PRIMARY KEY);\n", "DROP TABLE more;\n");
    bench.gated(&["migrate"]).expect(1);
    assert_eq!(bench.versions(), ["01", "02"]);
    bench.gated(&["migrate", "--enrol"]).expect(0);
    assert_eq!(bench.versions(), ["01", "02", "03"]);
    let taken = bench.receipt()["drift"].to_string();
    assert!(taken.contains("item"), "{taken}");
}

pub(super) fn a_database_that_others_migrated_is_taken_on_once(bench: &Bench) {
    two(bench);
    bench.make_room();
    bench.beside(&format!(
        "CREATE TABLE __diesel_schema_migrations (version VARCHAR(50) PRIMARY KEY NOT NULL,
             run_on TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP);
         INSERT INTO __diesel_schema_migrations (version) VALUES ('01'); {TABLE}"
    ));
    let seen = bench.seen();
    let ran = bench.gated(&["migrate"]).expect(1);
    assert!(ran.stderr.contains("--enrol"), "{}", ran.stderr);
    assert_eq!(bench.seen(), seen);
    bench.gated(&["migrate", "--enrol"]).expect(0);
    assert_eq!(bench.versions(), ["01", "02"]);
    let facts = bench.receipt();
    assert_eq!(facts["target"]["arrival"], "enrolled");
    assert_eq!(facts["set"]["acceptedByNobody"], serde_json::json!(["01"]));
    bench.gated(&["migrate"]).expect(0);
}
