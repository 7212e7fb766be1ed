//! What may be wrong with a connection, a migration, a backup or a run, by number, and the
//! tests that hold each: a row without one fails here.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

const LOCKS: &str = "tests/e2e/postgres/locks.rs";
const INPUT: &str = "tests/e2e/postgres/bad_input.rs";
const FAILURE: &str = "tests/e2e/postgres/failure.rs";
const BACKUPS: &str = "tests/e2e/postgres/backups.rs";
const STEPS: &str = "tests/e2e/conformance/steps.rs";
const UNDO: &str = "tests/e2e/postgres/undo.rs";
const SQLITE: &str = "tests/e2e/bad_input/database.rs";
const DUMP: &str = "crates/portcullis-database/src/postgres/backup/tests/faults.rs";

/// The row, the file, and the tests in it, or the case of a table.
const ROWS: &[(&str, &str, &[&str])] = &[
    ("A1", LOCKS, &["A1 no TLS"]),
    ("A2", LOCKS, &["A2 something else than TLS"]),
    ("A3", LOCKS, &["A3 another authority"]),
    ("A4", LOCKS, &["A4 another host's certificate"]),
    ("A5", LOCKS, &["A5 expired, or not yet valid"]),
    ("A6", LOCKS, &["A6 another pin"]),
    ("A7", LOCKS, &["A7 the second pin"]),
    ("A8", LOCKS, &["A8 a list of pins that is none"]),
    ("A9", LOCKS, &["A9 TLS 1.1"]),
    ("A10", LOCKS, &["A10 sslmode in the URL"]),
    ("A11", LOCKS, &["A11 hostaddr, a socket, several hosts"]),
    ("A12", LOCKS, &["A12 hostile variables"]),
    ("A13", LOCKS, &["A13 trust, md5, password"]),
    ("A14", DUMP, &["a14_a_server_with_another_authoritys_certificate_is_not_dumped"]),
    ("A15", LOCKS, &["A15 another cluster with the certificate"]),
    ("A16", LOCKS, &["A16 another database of the cluster"]),
    ("A17", LOCKS, &["A17 a standby"]),
    ("A18", LOCKS, &["A18 a copy with the mark in it"]),
    ("A18", UNDO, &["a18_a_copy_is_refused_until_it_is_taken_on"]),
    ("A19", LOCKS, &["A19 SQLite: a link, another file, none"]),
    ("B20", INPUT, &["b20_a_file_that_holds_no_sql_is_refused"]),
    ("B21", INPUT, &["b21_metadata_that_says_nothing_or_something_else_is_refused"]),
    ("B22", INPUT, &["b22_two_migrations_of_one_version_are_refused"]),
    ("B23", INPUT, &["b23_a_version_that_is_older_than_the_newest_applied_is_refused"]),
    ("B24", INPUT, &["b24_an_applied_migration_that_is_gone_is_named"]),
    ("B25", INPUT, &["b25_an_applied_migration_that_was_edited_is_named"]),
    ("B26", INPUT, &["b26_transaction_control_is_refused_and_only_the_real_one"]),
    ("B27", INPUT, &["b27_what_throws_rows_away_or_stumbles_over_them_needs_a_reason"]),
    ("B28", INPUT, &["b28_an_index_that_is_made_beside_others_is_alone"]),
    ("B29", INPUT, &["b29_what_leaves_the_database_is_refused"]),
    ("B30", INPUT, &["b30_a_file_that_changes_meanwhile_changes_nothing"]),
    ("B31", INPUT, &["b31_what_isnt_a_plain_file_or_directory_is_refused"]),
    ("C32", DUMP, &["c32_a_place_that_is_none_for_backups_is_refused"]),
    ("C33", DUMP, &["c33_a_full_disk_at_any_write_leaves_nothing"]),
    ("C34", DUMP, &["c34_a_sync_that_fails_is_never_tried_again"]),
    (
        "C35",
        DUMP,
        &[
            "c35_a_pg_dump_that_fails_is_believed",
            "c35_a_dump_that_is_short_is_found_though_pg_dump_says_it_is_well",
        ],
    ),
    ("C35", BACKUPS, &["c35_a_pg_dump_that_is_older_than_the_server_stops_a_run_before_anything"]),
    ("C36", DUMP, &["c36_a_bit_that_flips_later_is_found_before_anything_is_restored"]),
    ("C36", BACKUPS, &["c36_a_backup_that_has_changed_is_not_restored"]),
    ("C37", SQLITE, &["a_damaged_page_is_found_before_anything_is_applied"]),
    ("C38", DUMP, &["c38_what_others_commit_meanwhile_is_in_it_together_or_not_at_all"]),
    ("C39", DUMP, &["c39_what_the_role_cannot_read_is_named_before_anything_starts"]),
    ("C39", BACKUPS, &["c39_a_table_that_the_role_cannot_read_stops_a_run_before_anything"]),
    ("C40", DUMP, &["c40_nothing_that_has_the_name_is_overwritten"]),
    ("D41", STEPS, &["whichever_migration_fails_the_database_is_as_before"]),
    ("D42", STEPS, &["a_failing_smoke_query_takes_the_run_back"]),
    ("D43", STEPS, &["a_step_outside_a_transaction_that_fails_has_done_nothing"]),
    (
        "D44",
        FAILURE,
        &[
            "d44_a_lock_that_is_never_to_be_had_leaves_nothing",
            "d44_a_lock_that_is_let_go_is_waited_for_without_queueing_others",
        ],
    ),
    ("D45", FAILURE, &["d45_a_deadlock_is_rolled_back_and_tried_again"]),
    (
        "D46",
        FAILURE,
        &[
            "d46_a_backend_that_is_ended_mid_statement_has_done_nothing",
            "d46_a_server_that_is_gone_leaves_the_run_to_the_next",
        ],
    ),
    (
        "D47",
        FAILURE,
        &[
            "d47_a_commit_whose_answer_is_lost_is_found_to_be_done",
            "d47_a_commit_that_was_cut_off_is_found_not_to_be_done",
        ],
    ),
    ("D48", FAILURE, &["d48_what_a_migration_sets_ends_with_it"]),
    ("D49", FAILURE, &["d49_a_migration_that_takes_too_long_is_ended_by_the_server"]),
];

#[test]
fn every_row_of_the_fault_matrix_has_a_test() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    for (row, file, tests) in ROWS {
        let text = fs::read_to_string(root.join(file)).unwrap_or_else(|_| panic!("{row}: {file}"));
        for test in *tests {
            let is_function = text.contains(&format!("fn {test}("));
            assert!(
                is_function || text.contains(&format!("(\"{test}\", ")),
                "{row}: {file}: {test}"
            );
        }
    }
    let rows: BTreeSet<&str> = ROWS.iter().map(|(row, _, _)| *row).collect();
    let numbers =
        |letter: char, from: u32, to: u32| (from..=to).map(move |n| format!("{letter}{n}"));
    let all = numbers('A', 1, 19)
        .chain(numbers('B', 20, 31))
        .chain(numbers('C', 32, 40))
        .chain(numbers('D', 41, 49));
    for row in all {
        assert!(rows.contains(&*row), "{row} has no test");
    }
}
