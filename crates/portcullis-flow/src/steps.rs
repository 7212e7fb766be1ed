//! `RESTORE.txt`: what a person does when the tool can't undo by itself.

use std::path::{Path, PathBuf};

use portcullis_database::{VerifiedBackup, write_private};
use portcullis_model::config::Target;
use portcullis_model::redact;

/// Writes the steps beside the backup and returns them with the file's path.
pub(crate) fn write(
    root: &Path,
    target: &Target,
    backup: &VerifiedBackup,
    found: &str,
) -> (Option<PathBuf>, String) {
    let text = text(root, target, backup, found);
    let path = path(backup.path());
    // The steps are printed as well: a full disk keeps nobody from them.
    let written = write_private(&path, text.as_bytes()).is_ok();
    (written.then_some(path), text)
}

/// Where the steps for a backup are written.
pub(crate) fn path(backup: &Path) -> PathBuf {
    let mut path = backup.as_os_str().to_owned();
    path.push(".RESTORE.txt");
    PathBuf::from(path)
}

fn text(root: &Path, target: &Target, backup: &VerifiedBackup, found: &str) -> String {
    let program = std::env::current_exe().unwrap_or_else(|_| PathBuf::from("xtask"));
    format!(
        "\
# {found}
#
# Nothing was deleted. The database is {database}
# and the backup that was taken before the run is {backup}
#
# 1. Stop the programs that use the database.
# 2. Put the backup back. What the database holds now is kept first, as a backup of its
#    own, or moved aside if it can't be read.
cd {root} &&
{program} restore {backup_quoted} --target {name}
#    (What state it is in, and which backups are good: {program} doctor --target {name})
# 3. Writes made since the backup are in what was kept, not in the restored database.
#    Carry over what matters, then start the programs again.
",
        found = redact::printable(found),
        database = target.shown(),
        backup = redact::path(backup.path()),
        root = quoted(root),
        program = quoted(&program),
        backup_quoted = quoted(backup.path()),
        name = target.name,
    )
}

/// A path as one word of a POSIX shell.
pub(crate) fn quoted(path: &Path) -> String {
    format!("'{}'", path.to_string_lossy().replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_one_word_whatever_it_holds() {
        for path in ["/a b", "/it's", "/$(x)`y`", "/new\nline", "-rf"] {
            let script = format!("printf %s {}", quoted(Path::new(path)));
            let output = std::process::Command::new("sh").args(["-c", &script]).output().unwrap();
            assert_eq!(String::from_utf8(output.stdout).unwrap(), path);
        }
    }
}
