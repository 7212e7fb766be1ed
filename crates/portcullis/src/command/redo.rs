//! `redo`: an edited migration, applied again.

use std::io::IsTerminal as _;

use clap::Args;
use portcullis_flow::migrate::{Migrated, Request, migrate, preview};
use portcullis_flow::redo::{Before, Redone, backup_before, redo};
use portcullis_flow::stage::Enrol;
use portcullis_flow::{Filed, Stop, restore};
use portcullis_model::config::Target;
use portcullis_model::exit::Exit;
use portcullis_model::plan::{Direction, Goal};
use portcullis_model::redact;
use portcullis_model::words::count;

use super::{Format, TargetFlag};
use crate::print;

#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    cargo xtask redo\n  \
    cargo xtask redo 2024-03-11-110000_add_print_sizes\n  \
    cargo xtask redo --from-backup")]
pub struct Flags {
    /// From this migration on, edited or not [default: the oldest that was edited or is gone]
    #[arg(value_name = "MIGRATION")]
    migration: Option<String>,
    #[command(flatten)]
    pub(super) target: TargetFlag,
    /// Go back by the backup that was taken before, instead of by the down.sql files
    #[arg(long)]
    from_backup: bool,
    /// Don't ask before rows are lost: by --from-backup, or by what others have accepted
    #[arg(long)]
    yes: bool,
    /// Why, for the receipt
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
    /// Take the schema as it is where something else has changed it
    #[arg(long, conflicts_with = "from_backup")]
    enrol: bool,
    /// How to print
    #[arg(long, value_enum, default_value_t = Format::Human)]
    pub(super) format: Format,
}

/// Whether somebody has agreed to lose rows.
#[derive(Clone, Copy)]
enum Agreed {
    ByFlag,
    NotYet,
}

pub(super) fn run(flags: Flags) -> Result<Exit, Stop> {
    let config = super::config()?;
    let target = flags.target.find(&config)?;
    let request = Request {
        root: &config.root,
        default_branch: config.default_branch.as_deref(),
        migrations: &config.migrations,
        target,
        goal: Goal::Redo { from: flags.migration },
        reason: flags.reason,
        enrol: if flags.enrol { Enrol::Yes } else { Enrol::No },
    };
    let agreed = if flags.yes { Agreed::ByFlag } else { Agreed::NotYet };
    if flags.from_backup {
        return from_backup(request, agreed, flags.format);
    }
    if let (Agreed::NotYet, Goal::Redo { from: Some(from) }) = (agreed, &request.goal) {
        ask_before_accepted(&request, from)?;
    }
    let mut stages = print::Stages::new(flags.format);
    let redone = redo(&request, &mut stages);
    drop(stages);
    match redone? {
        Redone::Nothing { pending } => print::nothing_to_redo(target, pending, flags.format),
        Redone::Through(migrated) => print_migrated(target, &migrated, flags.format),
    }
    Ok(Exit::Done)
}

/// A draft is undone as often as somebody likes; what was accepted holds rows that nobody
/// meant to try anything with.
fn ask_before_accepted(request: &Request<'_>, from: &str) -> Result<(), Stop> {
    let (plan, _) = preview(request, &mut print::Silent)?;
    let undone = plan.steps().filter(|step| step.direction == Direction::Down);
    let accepted = undone.filter(|step| step.accepted).count();
    if accepted == 0 {
        return Ok(());
    }
    let accepted = count(accepted, "accepted migration");
    ask(&Question {
        operation: "undo what was accepted",
        place: request.target.name.clone(),
        lost: format!("{accepted} would be undone, and rows that came with them or since are lost"),
        asked: format!("{} goes back before {}", request.target.name, redact::printable(from)),
        again: format!("cargo xtask redo {} --yes", redact::printable(from)),
    })
}

/// Restores, then migrates.
fn from_backup(request: Request<'_>, agreed: Agreed, format: Format) -> Result<Exit, Stop> {
    let target = request.target;
    let Some(before) = backup_before(&request)? else {
        print::nothing_to_redo(target, 0, format);
        return Ok(Exit::Done);
    };
    if let Agreed::NotYet = agreed {
        let from = match &request.goal {
            Goal::Redo { from: Some(from) } => format!(" {}", redact::printable(from)),
            _ => String::new(),
        };
        let taken = redact::printable(&before.taken);
        ask(&Question {
            operation: "restore the backup from before",
            place: redact::path(&before.backup),
            lost: format!("what was written since {taken} will be lost"),
            asked: format!("{} goes back to a backup", target.name),
            again: format!("cargo xtask redo{from} --from-backup --yes"),
        })?;
    }
    let reason = request.reason.clone().unwrap_or_else(|| "redo --from-backup".to_owned());
    let mut stages = print::Stages::new(format);
    let restored = restore::Request {
        root: request.root,
        target,
        backup: &before.backup,
        reason: Some(reason),
    };
    let migrated = restore::restore(&restored, &mut stages).and_then(|kept| {
        migrate(&Request { goal: Goal::Latest, ..request }, &mut stages)
            .map_err(|stop| part_way(stop, &before, &kept))
    });
    drop(stages);
    print_migrated(target, &migrated?, format);
    Ok(Exit::Done)
}

/// The backup is back, but what should follow isn't: the database is not as it was.
fn part_way(mut stop: Stop, before: &Before, kept: &Filed) -> Stop {
    // The first note of a run that was undone says so of the state before that run only.
    if stop.exit == Exit::Undone && !stop.notes.is_empty() {
        stop.notes.remove(0);
    }
    if !matches!(stop.exit, Exit::NeedsPerson | Exit::RecordIncomplete) {
        stop.exit = Exit::PartWay;
    }
    let backup = redact::path(&before.backup);
    let mut note = format!("The database is as the backup {backup} has it: that was put back.");
    if let Some(backup) = &kept.receipt.predicate.facts.backup {
        note += &format!(
            "\nWhat was there until then is kept; to go back to it:\n  cargo xtask restore {}",
            redact::printable(&backup.file)
        );
    }
    stop.notes.push(note);
    stop
}

fn print_migrated(target: &Target, migrated: &Migrated, format: Format) {
    match migrated {
        Migrated::UpToDate { version, .. } => print::up_to_date(target, version.as_deref(), format),
        Migrated::Done(filed) => print::filed(filed, format),
    }
}

/// What somebody has to agree to.
struct Question {
    operation: &'static str,
    place: String,
    lost: String,
    asked: String,
    /// What to type instead of answering.
    again: String,
}

/// Rows are lost only if somebody says so.
fn ask(question: &Question) -> Result<(), Stop> {
    let Question { operation, place, lost, asked, again } = question;
    let not_agreed =
        |exit, cause: String| Stop::new(exit, operation, place.clone(), cause, again.clone());
    if !std::io::stdin().is_terminal() {
        let cause = format!("{lost}, and there is no terminal to ask on");
        return Err(not_agreed(Exit::Usage, cause));
    }
    print::question(&format!("{asked}: {lost}; go on? y/N "));
    let mut answer = String::new();
    let read = std::io::stdin().read_line(&mut answer);
    if read.is_ok() && ["y", "yes"].contains(&answer.trim().to_ascii_lowercase().as_str()) {
        return Ok(());
    }
    Err(not_agreed(Exit::Refused, "you said no".to_owned()))
}
