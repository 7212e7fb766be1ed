use portcullis_model::sum::ProblemKind;

use crate::edited::pasted;
use crate::rule::example::{CREATE, DROP, SUM};
use crate::rule::{Rule, id};
use crate::{Allow, Findings, Input, Severity};

pub(super) const RULE: Rule = Rule {
    id: id!(),
    severity: Severity::Error,
    allow: Allow::Never,
    summary: "`migrations.sum` can't be read.",
    why: "It says what was accepted, and in which order. As long as it can't be read, nothing \
          was.",
    instead: "Leave it to `cargo xtask accept`, and a conflict in it to `cargo xtask rebase`.",
    bad: &[
        (
            "migrations/migrations.sum",
            b"# migrations.sum, format 1\n\n<<<<<<< HEAD\n=======\n>>>>>>> topic\n",
        ),
        CREATE,
        DROP,
    ],
    good: &[SUM, CREATE, DROP],
    check,
};

fn check(input: &Input<'_>, findings: &mut Findings) {
    // Beside a conflict everything else is its consequence.
    let conflict = input.problems().iter().find(|it| it.kind == ProblemKind::ConflictMarker);
    let problems = conflict.map_or(input.problems(), std::slice::from_ref);
    let path = input.sum_path();
    for problem in problems {
        let message = problem.kind.message();
        let help = problem.kind.help().replace("FILE", &pasted(&path));
        if problem.span.is_empty() {
            findings.on(path.clone(), message, help);
        } else {
            findings.at(path.clone(), problem.span.clone(), message, help);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::{findings, fired};

    fn with(sum: &[u8]) -> Vec<(&'static str, Option<(usize, usize)>)> {
        fired(&[("migrations/migrations.sum", sum), CREATE, DROP])
    }

    #[test]
    fn each_line_that_is_wrong_is_shown() {
        let accepted = std::str::from_utf8(SUM.1).unwrap();
        let cases = [
            (accepted.replace("format 1", "format 9"), vec![(1, 1)]),
            (accepted.replace("clean", "filthy"), vec![(3, 1)]),
            (accepted.replace("sha256:", "sha256:0"), vec![(3, 1)]),
            (accepted.replace("# ", "x "), vec![(1, 1), (1, 1)]),
            (accepted.replace("\n\n2", "\n\nx y\n2"), vec![(3, 1)]),
        ];
        for (sum, places) in cases {
            let expected: Vec<_> = places.into_iter().map(|place| (RULE.id, Some(place))).collect();
            assert_eq!(with(sum.as_bytes()), expected, "{sum}");
        }
        assert_eq!(with(b"\xff"), [(RULE.id, None)]);
        assert_eq!(with(b""), [(RULE.id, None)]);
    }

    #[test]
    fn a_conflict_is_one_finding_and_says_what_to_type() {
        let files = [RULE.bad[0], CREATE, DROP];
        let found = findings(&files);
        assert_eq!(found.len(), 1, "{found:?}");
        assert_eq!(found[0].help, "cargo xtask rebase");
    }
}
