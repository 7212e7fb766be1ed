//! Every behaviour of the gate, on every engine. A new engine gets its tests by being
//! listed in `on_every_engine!`.

pub(crate) mod bench;
mod history;
mod kills;
mod record;
mod restores;
mod rows;
mod steps;
mod together;

use bench::{Bench, Engine};

/// Makes a test of each behaviour for each engine.
macro_rules! on_every_engine {
    ($($module:ident :: $behaviour:ident,)+) => {
        mod sqlite {
            use super::*;
            $(#[test] fn $behaviour() { $module::$behaviour(&Bench::new(Engine::Sqlite)); })+
        }
        mod postgres {
            use super::*;
            $(#[test] fn $behaviour() { $module::$behaviour(&Bench::new(Engine::Postgres)); })+
        }
    };
}

on_every_engine! {
    history::a_new_database_is_brought_to_the_newest_version,
    history::what_is_up_to_date_is_left_alone,
    history::a_version_can_be_gone_back_to,
    history::an_edited_migration_is_refused_and_redone,
    history::what_something_else_has_changed_is_refused_and_told,
    history::a_database_that_others_migrated_is_taken_on_once,
    steps::whichever_migration_fails_the_database_is_as_before,
    steps::a_step_that_ends_the_transaction_is_noticed,
    steps::a_step_outside_a_transaction_that_fails_has_done_nothing,
    steps::what_comes_before_a_failed_segment_stands,
    steps::a_broken_view_is_found_before_the_commit,
    steps::a_failing_smoke_query_takes_the_run_back,
    steps::a_smoke_query_that_writes_is_refused,
    rows::rows_that_a_cascade_takes_are_refused,
    rows::rows_that_are_deleted_by_name_are_told,
    rows::a_trigger_that_takes_rows_is_noticed,
    record::the_receipt_says_what_was_done,
    record::commands_that_look_change_nothing,
    record::a_receipt_is_chained_to_the_one_before,
    restores::a_backup_is_put_back_and_the_record_goes_on,
    restores::a_changed_backup_is_refused,
    restores::another_databases_backup_is_refused,
    together::of_two_runners_one_runs,
    together::what_others_write_during_a_failing_run_stays,
    kills::a_run_that_was_killed_is_settled_by_the_next,
}
