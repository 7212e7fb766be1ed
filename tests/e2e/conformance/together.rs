//! Two runners, and applications that write meanwhile.

use std::process::Stdio;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::bench::{Bench, Engine};

fn items(bench: &Bench) {
    bench.step(
        "01_item",
        "CREATE TABLE item (id integer PRIMARY KEY);\nCREATE TABLE ledger (id integer PRIMARY KEY);\n",
        "DROP TABLE ledger;\nDROP TABLE item;\n",
    );
    bench.gated(&["migrate"]).expect(0);
}

/// Takes about two seconds, and as long as that keeps the lock.
fn slow(engine: Engine) -> &'static str {
    match engine {
        Engine::Sqlite => {
            "INSERT INTO item SELECT count(*) FROM (WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 6000000) SELECT i FROM n);\n"
        }
        Engine::Postgres => "SELECT pg_sleep(2);\nINSERT INTO item VALUES (1);\n",
    }
}

pub(super) fn of_two_runners_one_runs(bench: &Bench) {
    items(bench);
    bench.step("02_slow", slow(bench.engine), "SELECT 1;\n");
    let quiet = |arguments: &[&str]| {
        let mut command = bench.gate(arguments);
        command.stdout(Stdio::null()).stderr(Stdio::null());
        command.spawn().unwrap()
    };
    let runners: Vec<_> = (0..3).map(|_| quiet(&["migrate"])).collect();
    let mut codes: Vec<i32> =
        runners.into_iter().map(|mut runner| runner.wait().unwrap().code().unwrap()).collect();
    codes.sort_unstable();
    // A runner that comes when the first is done finds nothing to do.
    assert_eq!(codes[0], 0, "{codes:?}");
    assert!(codes.iter().all(|code| [0, 75].contains(code)), "{codes:?}");
    assert_eq!(bench.versions(), ["01", "02"]);
    let list = bench.gated(&["receipt", "list", "--format", "json"]).expect(0).json();
    assert_eq!(list["receipts"].as_array().unwrap().len(), 2);
}

pub(super) fn what_others_write_during_a_failing_run_stays(bench: &Bench) {
    items(bench);
    let fails = format!("{}INSERT INTO nowhere VALUES (1);\n", slow(bench.engine));
    bench.step("02_fails", &fails, "SELECT 1;\n");
    let stop = AtomicBool::new(false);
    let acknowledged = std::thread::scope(|scope| {
        let writer = scope.spawn(|| {
            let mut written = Vec::new();
            for id in 0.. {
                if stop.load(Ordering::Relaxed) {
                    break;
                }
                if write(bench, id) {
                    written.push(id);
                }
                std::thread::sleep(Duration::from_millis(20));
            }
            written
        });
        bench.gated(&["migrate"]).expect(3);
        stop.store(true, Ordering::Relaxed);
        writer.join().unwrap()
    });
    assert!(!acknowledged.is_empty());
    for id in acknowledged {
        assert_eq!(bench.one(&format!("SELECT count(*) FROM ledger WHERE id = {id}")), "1");
    }
}

/// Whether the write was acknowledged.
fn write(bench: &Bench, id: u32) -> bool {
    let sql = format!("INSERT INTO ledger VALUES ({id})");
    match bench.engine {
        Engine::Sqlite => bench.connect().execute_batch(&sql).is_ok(),
        Engine::Postgres => {
            use crate::postgres::server;
            let mut psql = server::psql(server::shared(), &bench.database);
            psql.args(["-c", &sql]).output().unwrap().status.success()
        }
    }
}
