//! What `cargo xtask` alone prints: the daily loop.

/// Ten lines at most.
pub(crate) const LOOP: &str = "\
The daily loop (cargo xtask COMMAND --help says more, with examples):

  new NAME        make a draft of a migration, with a stub of its test case
  migrate         take your database through the gate: backup, apply, smoke test, receipt
  redo            after an edit: undo the applied draft, apply its new text
  lint            say what is wrong with the migrations; the commit hook runs it
  accept          list drafts in migrations.sum; from the merge on they are frozen
  rebase          after a merge: your branch's own migrations come last again
  status          say what is applied, pending, draft, edited; and what to type next
  hooks install   have git run lint on what you commit
";

#[cfg(test)]
mod tests {
    use clap::Subcommand as _;

    use super::*;

    #[test]
    fn it_is_short_and_names_commands_that_exist() {
        assert!(LOOP.lines().count() <= 10);
        let command = crate::Command::augment_subcommands(clap::Command::new("cargo xtask"));
        for line in LOOP.lines().filter(|line| line.starts_with("  ")) {
            let name = line.split_whitespace().next().unwrap();
            assert!(command.find_subcommand(name).is_some(), "there is no command {name}");
            assert!(line.len() <= 90, "{line}");
        }
    }
}
