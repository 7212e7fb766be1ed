//! `accept`: drafts become part of what is released.

use std::collections::BTreeSet;

use clap::Args;
use portcullis_flow::Stop;
use portcullis_lint::{Allow, Report};
use portcullis_model::config::Config;
use portcullis_model::exit::Exit;
use portcullis_model::words::count;
use portcullis_workspace::accept::{
    Accepted, Engine, Errors, Protected, Request, carry_out, check_names, decide, objections,
};
use portcullis_workspace::inspect::inspect;
use portcullis_workspace::source::{Source, Wanted};

use super::Format;
use super::test_migration;
use crate::print;

#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    cargo xtask accept\n  \
    cargo xtask accept add_nickname\n  \
    cargo xtask accept --existing      once, when a directory comes under the gate")]
pub struct Flags {
    /// Which drafts: versions, directories or names [default: all]
    #[arg(value_name = "NAME")]
    names: Vec<String>,
    /// Accept what was there before the gate as it is; its errors are recorded
    #[arg(long, conflicts_with = "names")]
    existing: bool,
    /// Don't run their tests; migrations.sum and receipts say so
    #[arg(long)]
    untested: bool,
    /// How to print
    #[arg(long, value_enum, default_value_t = Format::Human)]
    pub(super) format: Format,
}

const TOOL: &str = concat!("portcullis/", env!("CARGO_PKG_VERSION"));

pub(super) fn run(flags: Flags) -> Result<Exit, Stop> {
    let source = Source::open(&super::here()?, Wanted::WorkingTree)?;
    let inspected = inspect(&source)?.engines;
    let engines: Vec<Engine<'_>> = inspected
        .iter()
        .map(|one| Engine {
            migrations: &one.migrations,
            set: &one.set,
            report: &one.report,
            frozen: &one.frozen,
        })
        .collect();
    let protected: Vec<Protected> = portcullis_flow::protected(&source.config)
        .into_iter()
        .map(|(target, version, fingerprint)| Protected { target, version, fingerprint })
        .collect();
    let request = Request {
        names: &flags.names,
        errors: if flags.existing { Errors::Recorded } else { Errors::Refused },
        protected: &protected,
        tool: TOOL,
    };
    check_names(&engines, &flags.names)?;
    refuse_objections(&engines, &request)?;
    let decided = engines.iter().map(|engine| decide(engine, &request));
    let mut decided = decided.collect::<Result<Vec<_>, _>>()?;
    if flags.tests() {
        test(&source.config, &engines, &mut decided)?;
    }
    carry_out(&source.config.root, &engines, &decided)?;
    print::accepted(&engines, &decided, flags.format);
    Ok(Exit::Done)
}

impl Flags {
    /// Whether it runs the tests of what it accepts: what was there before the gate has none.
    pub(super) fn tests(&self) -> bool {
        !self.existing && !self.untested
    }
}

/// Tests what is to be accepted, and notes how.
fn test(config: &Config, engines: &[Engine<'_>], decided: &mut [Accepted]) -> Result<(), Stop> {
    let lines = decided.iter().flat_map(|accepted| &accepted.lines);
    let drafts: BTreeSet<String> = lines.map(|line| line.directory.clone()).collect();
    if drafts.is_empty() {
        return Ok(());
    }
    let report = test_migration::of_drafts(config, &drafts)?;
    let problems = print::problems(&report);
    if !problems.is_empty() {
        return Err(Stop {
            notes: vec![problems.join("\n")],
            ..Stop::new(
                Exit::Refused,
                "accept the migrations",
                "their tests",
                format!("they found {}; nothing was accepted", count(problems.len(), "problem")),
                "correct them (cargo xtask test-migration), or accept them as they are: --untested",
            )
        });
    }
    for (engine, accepted) in engines.iter().zip(decided) {
        let dialect = engine.migrations.dialect;
        if let Some(tested) = report.engines.iter().find(|one| one.engine.dialect() == dialect) {
            accepted.note_tests(&tested.tested());
        }
    }
    Ok(())
}

/// Shows what stands against it, of every engine.
fn refuse_objections(engines: &[Engine<'_>], request: &Request<'_>) -> Result<(), Stop> {
    let findings: Vec<_> =
        engines.iter().flat_map(|engine| objections(engine, request)).cloned().collect();
    if findings.is_empty() {
        return Ok(());
    }
    // Most can't be excused; of those that can, the linter's page has the line to paste.
    let may_be_allowed = findings.iter().any(|finding| {
        portcullis_lint::rule(finding.rule).is_some_and(|rule| rule.allow == Allow::WithReason)
    });
    let next = if may_be_allowed {
        "correct them; cargo xtask explain RULE says which may be allowed with a reason"
    } else {
        "do as the help below each says; cargo xtask explain RULE says more"
    };
    Err(Stop {
        exit: Exit::Refused,
        operation: "accept the migrations".to_owned(),
        place: "the migrations".to_owned(),
        cause: format!("the linter found {}; nothing was accepted", count(findings.len(), "error")),
        next_step: next.to_owned(),
        findings: Some(Box::new(Report { findings, allowed: Vec::new() })),
        notes: Vec::new(),
    })
}
