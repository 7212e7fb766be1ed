use std::collections::HashMap;

use portcullis_model::redact::printable;
use portcullis_model::sum::Line;

use crate::edited::checkout;
use crate::rule::example::{CREATE, DROP, FROZEN, MAIN_SUM};
use crate::rule::{Rule, id};
use crate::{Allow, Findings, Input, Severity};

pub(super) const RULE: Rule = Rule {
    id: id!(),
    severity: Severity::Error,
    allow: Allow::Never,
    summary: "A line of the default branch's `migrations.sum` is gone, or is another one.",
    why: "What the default branch has accepted is final: without the line the migration counts \
          as a draft, which anybody may change although databases have applied it.",
    instead: "Put `migrations.sum` back as the default branch has it, then accept what is new.",
    bad: &[MAIN_SUM, ("migrations/migrations.sum", b"# migrations.sum, format 1\n"), CREATE, DROP],
    good: FROZEN,
    check,
};

fn check(input: &Input<'_>, findings: &mut Findings) {
    let (Some(base), Some(sum)) = (&input.context.base, input.sum()) else { return };
    let listed: HashMap<&str, &Line> =
        sum.lines.iter().map(|line| (line.directory.as_str(), line)).collect();
    let mut lost = base.sum.lines.iter().filter_map(|frozen| {
        let now = listed.get(frozen.directory.as_str()).copied();
        now.is_none_or(|now| !is_same(frozen, now)).then_some((frozen, now))
    });
    // Whoever rewrote one line may have rewritten them all: one finding says so.
    let Some((frozen, now)) = lost.next() else { return };
    let more = match lost.count() {
        0 => String::new(),
        count => format!(", and {count} more"),
    };
    let what = if now.is_some() { "is another one" } else { "is gone" };
    let name: String = frozen.directory.chars().take(60).collect();
    let message = format!("the line of `{}` {what}{more}: it was final", printable(&name));
    let (path, help) = (input.sum_path(), checkout(base, &input.sum_path()));
    match now {
        Some(now) => findings.at(path, input.name_in_sum(now), message, help),
        None => findings.on(path, message, help),
    }
}

fn is_same(a: &Line, b: &Line) -> bool {
    Line { span: 0..0, ..a.clone() } == Line { span: 0..0, ..b.clone() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rule::example::{MAIN_CREATE, MAIN_DROP, SUM};
    use crate::tests::fired;

    #[test]
    fn a_line_that_says_something_else_is_shown() {
        let accepted = std::str::from_utf8(SUM.1).unwrap();
        for (now, place) in [
            (accepted.replace("clean", "warnings:1"), Some((3, 1))),
            (accepted.replace("clean", "clean allow(crlf):\"so\""), Some((3, 1))),
            (accepted.replace("clean", "warnings:0 clean"), None),
        ] {
            let files = [MAIN_SUM, MAIN_CREATE, MAIN_DROP, (SUM.0, now.as_bytes()), CREATE, DROP];
            let expected: Vec<_> = place.into_iter().map(|place| (RULE.id, Some(place))).collect();
            assert_eq!(fired(&files), expected, "{now}");
        }
        assert_eq!(fired(&[MAIN_SUM, CREATE, DROP]), [(RULE.id, None)], "the file is gone");
    }
}
