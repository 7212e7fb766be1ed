use portcullis_model::config::like;
use portcullis_model::migration::StrayKind;

use crate::input::{DOWN, METADATA, UP};
use crate::rule::example::{CREATE, DROP};
use crate::rule::{Rule, id};
use crate::{Allow, Findings, Input, Severity};

pub(super) const RULE: Rule = Rule {
    id: id!(),
    severity: Severity::Warning,
    allow: Allow::WithReason,
    summary: "A file among the migrations is none that Diesel reads.",
    why: "Diesel ignores it. If it was meant to run, it never does: `down_v2.sql` and \
          `20240101_fix.sql` look as if they did.",
    instead: "Move the file elsewhere. A README, and names that begin with a dot, are welcome.",
    bad: &[CREATE, DROP, ("migrations/20240201120000_fix.sql", b"DELETE FROM users;\n")],
    good: &[CREATE, DROP, ("migrations/README.md", b"Read me.\n")],
    check,
};

fn check(input: &Input<'_>, findings: &mut Findings) {
    for stray in input.set.strays.iter().filter(|stray| stray.kind == StrayKind::File) {
        let name = stray.path.file_name().unwrap_or_default().to_string_lossy();
        if !is_readme(&name) {
            findings.on(
                stray.path.clone(),
                "Diesel ignores this file: a migration is a directory with an up.sql",
                "move it elsewhere, or make a migration of it",
            );
        }
    }
    for migration in &input.set.migrations {
        for name in migration.others.iter().filter(|name| !is_readme(name)) {
            let help = match like(&name.to_lowercase(), &[UP, DOWN, METADATA]) {
                Some(meant) => format!("did you mean {meant}?"),
                None => "move it elsewhere".to_owned(),
            };
            findings.on(
                migration.path.join(name),
                "Diesel ignores this: it reads up.sql, down.sql and metadata.toml only",
                help,
            );
        }
    }
}

fn is_readme(name: &str) -> bool {
    name.get(..6).is_some_and(|start| start.eq_ignore_ascii_case("readme"))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use portcullis_model::migration::MigrationSet;
    use portcullis_model::sql::Dialect;

    use crate::{Memory, lint};

    #[test]
    fn a_mistyped_name_is_put_right() {
        let up = "migrations/1_a/up.sql";
        let tree = Memory::new([(up, "SELECT 1"), ("migrations/1_a/Donw.sql", "")]);
        let set = MigrationSet::read(&tree, Path::new("migrations")).unwrap();
        let found = lint(&set, Dialect::Sqlite).findings;
        assert!(found.iter().any(|finding| finding.help == "did you mean down.sql?"), "{found:?}");
    }
}
