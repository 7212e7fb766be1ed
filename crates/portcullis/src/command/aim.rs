//! Advice that is typed as it stands must reach the target that was meant.

use portcullis_flow::Stop;

/// The commands that take `--target`.
const AIMED: [&str; 9] =
    ["migrate", "status", "recover", "doctor", "redo", "drift", "restore", "backup", "receipt"];

/// Gives every command that a stop advises the target that was typed.
pub(super) fn stop(stop: &mut Stop, target: &str) {
    stop.next_step = text(&stop.next_step, target);
    stop.cause = text(&stop.cause, target);
    stop.notes.iter_mut().for_each(|note| *note = text(note, target));
}

/// The text with ` --target NAME` after each such command.
pub(super) fn text(text: &str, target: &str) -> String {
    const PROGRAM: &str = "cargo xtask ";
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(PROGRAM) {
        let (before, after) = rest.split_at(at + PROGRAM.len());
        out.push_str(before);
        let mut end = word(after);
        let is_aimed = AIMED.contains(&&after[..end]);
        // `backup list`, `receipt show`: the flag is theirs.
        if let Some(more) = after[end..].strip_prefix(' ')
            && ["list", "show", "verify", "drill"].contains(&&more[..word(more)])
        {
            end += 1 + word(more);
        }
        out.push_str(&after[..end]);
        rest = &after[end..];
        if is_aimed && !rest.starts_with(" --target") {
            out.push_str(" --target ");
            out.push_str(target);
        }
    }
    out + rest
}

fn word(text: &str) -> usize {
    text.find(|c: char| !c.is_ascii_alphabetic() && c != '-').unwrap_or(text.len())
}

#[cfg(test)]
mod tests {
    #[test]
    fn what_is_advised_reaches_the_target() {
        for (said, aimed) in [
            ("cargo xtask migrate", "cargo xtask migrate --target two"),
            (
                "undo it, or cargo xtask migrate --enrol --reason \"…\"; cargo xtask backup list.",
                "undo it, or cargo xtask migrate --target two --enrol --reason \"…\"; cargo xtask backup list --target two.",
            ),
            (
                "cargo xtask receipt show, RESTORE.txt",
                "cargo xtask receipt show --target two, RESTORE.txt",
            ),
            ("cargo xtask redo --target two", "cargo xtask redo --target two"),
            (
                "cargo xtask explain RULE; cargo xtask accept",
                "cargo xtask explain RULE; cargo xtask accept",
            ),
            ("cargo xtask", "cargo xtask"),
            ("", ""),
        ] {
            assert_eq!(super::text(said, "two"), aimed);
        }
    }
}
