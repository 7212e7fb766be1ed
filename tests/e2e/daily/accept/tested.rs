//! `accept` runs the tests of what it accepts; what they proved goes with it.

use crate::conformance::bench::{Bench, Engine};

const CASE: &str = "tests/migrations/01_item/takes_names.slt";

const HOLDS: &str = "\
subtest before

subtest after

statement ok
INSERT INTO item VALUES (1, 'a')

query T
SELECT name FROM item
----
a
";

fn bench(engine: Engine) -> Bench {
    let bench = Bench::new(engine);
    let up = "CREATE TABLE item (id integer NOT NULL PRIMARY KEY, name text);\n";
    bench.step("01_item", up, "DROP TABLE item;\n");
    bench
}

fn sum(bench: &Bench) -> String {
    let files = ["sqlite", "postgres"].map(|engine| {
        let path = bench.path().join("migrations").join(engine).join("migrations.sum");
        std::fs::read_to_string(path).unwrap_or_default()
    });
    files.concat()
}

#[test]
fn what_the_tests_proved_stands_in_the_sum_and_in_the_receipt() {
    for engine in [Engine::Sqlite, Engine::Postgres] {
        let bench = bench(engine);
        bench.write(CASE, HOLDS);
        let ran = bench.gated(&["accept"]).expect(0);
        assert!(ran.stdout.contains("tested: 1 case, up·down·up"), "{}", ran.stdout);
        assert!(sum(&bench).contains(" tested(cases:1,round-trip,messy-rows:"), "{}", sum(&bench));
        bench.gated(&["migrate"]).expect(0);
        let receipt = bench.gated(&["receipt", "show", "--format", "json"]).expect(0).json();
        let tested = &receipt["predicate"]["migrations"][0]["tested"];
        assert_eq!(
            (&tested["cases"], &tested["roundTrip"]),
            (&1.into(), &true.into()),
            "{receipt}"
        );
        let ran = bench.gated(&["receipt", "show"]).expect(0);
        assert!(ran.stdout.contains("tested: 1 case, up·down·up"), "{}", ran.stdout);
    }
}

#[test]
fn what_fails_or_has_no_case_is_accepted_only_untested() {
    for engine in [Engine::Sqlite, Engine::Postgres] {
        let bench = bench(engine);
        let ran = bench.gated(&["accept"]).expect(1);
        assert!(ran.stderr.contains("it has no case"), "{}", ran.stderr);
        bench.write(CASE, HOLDS.replace("----\na", "----\nb"));
        let ran = bench.gated(&["accept"]).expect(1);
        for said in ["takes_names.slt:8", "-   b", "nothing was accepted", "--untested"] {
            assert!(ran.stderr.contains(said), "{said}: {}", ran.stderr);
        }
        assert_eq!(sum(&bench), "");
        let ran = bench.gated(&["accept", "--untested"]).expect(0);
        assert!(ran.stdout.contains("not tested"), "{}", ran.stdout);
        assert!(!sum(&bench).contains("tested("), "{}", sum(&bench));
        bench.gated(&["migrate"]).expect(0);
        let receipt = bench.gated(&["receipt", "show", "--format", "json"]).expect(0).json();
        assert!(receipt["predicate"]["migrations"][0]["tested"].is_null(), "{receipt}");
    }
}
