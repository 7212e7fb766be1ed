//! What becomes of a run that failed: rolled back, restored from its backup, or left to a
//! person with the steps.

use portcullis_database::seam::{Means, Undo};
use portcullis_database::{Error, ErrorKind, VerifiedBackup};
use portcullis_model::exit::Exit;
use portcullis_model::redact;
use portcullis_receipt::{Action, Failed, Failure};

use crate::carry_out::{Record, Scene, Trouble};
use crate::stage::Locked;
use crate::steps;

/// Undoes a failed segment: by rollback, or if a rollback can't, by the backup.
pub(crate) fn undo(
    locked: &mut Locked,
    error: Error,
    segment: usize,
    backup: &VerifiedBackup,
    scene: &mut Scene<'_, '_>,
) -> Trouble {
    let is_redo = scene.facts.action == Action::Redo && !scene.target.protected;
    match locked.writer.rollback() {
        Ok(()) if is_redo && segment > 0 => undo_redo(locked, error, segment, backup, scene),
        Ok(()) => rolled_back(error, segment, scene),
        Err(lost) if lost.kind == ErrorKind::Lost => {
            let cause = format!("{}; then: {}", error.cause, lost.cause);
            out_of_reach(Error { cause, next_step: lost.next_step, ..error })
        }
        Err(_) => undo_by_restore(locked, error, backup, scene),
    }
}

/// The connection is gone, with the run's last transaction in an unknown state. The run
/// stays open: the next one finds out, and there is nothing to restore before that.
fn out_of_reach(error: Error) -> Trouble {
    let state = "out of reach: what became of the last step isn't known".to_owned();
    let mut trouble = trouble(error, Exit::NeedsPerson, state, None);
    trouble.notes.push(
        "When the server answers again, cargo xtask migrate finds out what became of the run, and goes on."
            .to_owned(),
    );
    trouble.record = Record::LeftOpen;
    trouble
}

/// What a redo has undone and committed took rows with it: stopping part-way would lose them.
fn undo_redo(
    locked: &mut Locked,
    error: Error,
    segment: usize,
    backup: &VerifiedBackup,
    scene: &mut Scene<'_, '_>,
) -> Trouble {
    match put_back(locked, backup, scene) {
        Undo::NotProved(why) => {
            let mut trouble = rolled_back(error, segment, scene);
            let name = backup.path().file_name().unwrap_or_default().to_string_lossy();
            trouble.notes.push(format!(
                "What was undone may have held rows. They are in the backup, which was not restored: {why}.\n\
                 To go back to it: cargo xtask restore {}",
                redact::printable(&name)
            ));
            trouble
        }
        undo => after_undo(undo, error, backup, scene),
    }
}

pub(crate) fn rolled_back(error: Error, segment: usize, scene: &mut Scene<'_, '_>) -> Trouble {
    if error.kind == ErrorKind::Lost {
        return out_of_reach(error);
    }
    let committed = scene.facts.set.to.clone();
    let (exit, state) = match (segment, error.kind) {
        (0, ErrorKind::Busy) => (Exit::Busy, "as it was before: nothing was touched".to_owned()),
        (0, _) => (Exit::Undone, "as it was before".to_owned()),
        _ => (
            Exit::PartWay,
            format!("healthy, at version {}", redact::printable(&committed.unwrap_or_default())),
        ),
    };
    trouble(error, exit, state, Some("rolled back".to_owned()))
}

pub(crate) fn undo_by_restore(
    locked: &mut Locked,
    error: Error,
    backup: &VerifiedBackup,
    scene: &mut Scene<'_, '_>,
) -> Trouble {
    let undo = put_back(locked, backup, scene);
    after_undo(undo, error, backup, scene)
}

/// Puts the backup back, if nobody else has written since.
fn put_back(locked: &mut Locked, backup: &VerifiedBackup, scene: &mut Scene<'_, '_>) -> Undo {
    let clock = &mut *scene.clock;
    locked.writer.undo(backup, &mut |done, total| clock.progress("restore", done, total))
}

fn after_undo(
    undo: Undo,
    error: Error,
    backup: &VerifiedBackup,
    scene: &mut Scene<'_, '_>,
) -> Trouble {
    let why = match undo {
        Undo::Restored { kept, of } => {
            scene.facts.schema_after = scene.facts.schema_before;
            scene.facts.set.to = scene.facts.set.from.clone();
            scene.facts.migrations.iter_mut().for_each(|migration| migration.stands = false);
            let mut how = match of {
                Means::Backup => {
                    format!("the backup was restored: {}", redact::path(backup.path()))
                }
                Means::Copy => "the copy from before the run took its place again".to_owned(),
            };
            if let Some(kept) = kept {
                let kept = redact::printable(&kept).into_owned();
                how.push_str(&format!("; the failed database is kept as {kept}"));
            }
            return trouble(error, Exit::Undone, "as it was before".to_owned(), Some(how));
        }
        Undo::NotProved(why) => format!("the backup was not restored: {why}"),
        Undo::Failed(why) => format!("restoring the backup failed: {why}"),
    };
    let found = format!("A run failed ({error}), and {why}.");
    let (file, text) = steps::write(scene.root, scene.target, backup, &found);
    let mut trouble = trouble(
        error,
        Exit::NeedsPerson,
        "kept as it is, with the failed run in it".to_owned(),
        Some(why),
    );
    trouble.next_step = match file {
        Some(file) => {
            format!("follow the steps above, also in {}", redact::path(&file))
        }
        None => "follow the steps above".to_owned(),
    };
    trouble.notes.push(text);
    trouble
}

pub(crate) fn trouble(error: Error, exit: Exit, state: String, undo: Option<String>) -> Trouble {
    let failure = Failure { operation: error.operation, place: error.place, cause: error.cause };
    Trouble {
        failed: Failed { exit, failure, state, undo },
        checks: Vec::new(),
        next_step: error.next_step,
        notes: Vec::new(),
        record: Record::Filed,
    }
}
