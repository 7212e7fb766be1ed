//! The record of what was done.

use super::bench::Bench;

fn one_table(bench: &Bench) {
    bench.step("01_item", "CREATE TABLE item (id integer PRIMARY KEY);\n", "DROP TABLE item;\n");
}

pub(super) fn the_receipt_says_what_was_done(bench: &Bench) {
    one_table(bench);
    bench.gated(&["migrate", "--reason", "the first one"]).expect(0);
    let receipt = bench.receipt();
    let facts = &receipt;
    assert_eq!(facts["sequence"], 1);
    assert_eq!(facts["reason"], "the first one");
    assert_eq!(facts["migrations"][0]["version"], "01");
    assert_eq!(facts["migrations"][0]["stands"], true);
    assert!(facts["backup"]["verified"].as_array().is_some_and(|how| !how.is_empty()));
    assert_ne!(facts["schemaBefore"], facts["schemaAfter"]);
    assert_eq!(receipt["outcome"]["code"], 0);
}

pub(super) fn commands_that_look_change_nothing(bench: &Bench) {
    one_table(bench);
    bench.gated(&["migrate"]).expect(0);
    let (seen, receipt, backups) = (bench.seen(), bench.receipt(), bench.backup_files());
    for arguments in [
        &["status"][..],
        &["drift"],
        &["receipt", "list"],
        &["receipt", "show"],
        &["backup", "list"],
        &["migrate", "--plan"],
    ] {
        bench.gated(arguments).expect(0);
    }
    assert_eq!((bench.seen(), bench.receipt(), bench.backup_files()), (seen, receipt, backups));
}

pub(super) fn a_receipt_is_chained_to_the_one_before(bench: &Bench) {
    one_table(bench);
    bench.gated(&["migrate"]).expect(0);
    bench.step("02_more", "CREATE TABLE more (id integer PRIMARY KEY);\n", "DROP TABLE more;\n");
    bench.gated(&["migrate"]).expect(0);
    let list = bench.gated(&["receipt", "list", "--format", "json"]).expect(0).json();
    assert_eq!(list["receipts"].as_array().unwrap().len(), 2);
    bench.beside("UPDATE __portcullis_receipt SET body = replace(body, '01_item', '01_other') WHERE sequence = 1");
    let ran = bench.gated(&["receipt", "list"]);
    assert_ne!(ran.code, 0, "{}", ran.stdout);
}
