//! `--new`: only what the default branch hasn't accepted.

use super::{CASES, bench, case};
use crate::conformance::bench::Engine;
use crate::git::{commit, git, start};

#[test]
fn only_what_is_newer_than_the_default_branch_is_tested() {
    let bench = bench(Engine::Sqlite);
    bench.write(&format!("{CASES}/a.slt"), case("a", "query I\nSELECT 1\n----\n1\n"));
    bench.run(&["accept", "--existing"]).expect(0);
    start(&bench);
    let ran = bench.gated(&["test-migration", "--new"]).expect(0);
    assert!(ran.stdout.contains("no migration is newer than the default branch"), "{}", ran.stdout);
    let json = bench.gated(&["test-migration", "--new", "--format", "json"]).expect(0).json();
    assert_eq!(json["engines"], serde_json::json!([]));
    git(&bench, &["switch", "--quiet", "--create", "mine"]);
    bench.step("03_more", "CREATE TABLE more (id integer);\n", "DROP TABLE more;\n");
    commit(&bench);
    let json = bench.gated(&["test-migration", "--new", "--format", "json"]).expect(1).json();
    let migrations = json["engines"][0]["migrations"].as_array().unwrap();
    assert_eq!(migrations.len(), 1, "{json}");
    assert_eq!(migrations[0]["migration"], "03_more");
    assert_eq!(migrations[0]["roundTrip"]["rows"], 0);
    assert_eq!(json["uncovered"][0]["migration"], "03_more");
    let ran = bench.gated(&["test-migration", "--new", "--all"]).expect(2);
    assert!(ran.stderr.contains("cannot be used with"), "{}", ran.stderr);
}
