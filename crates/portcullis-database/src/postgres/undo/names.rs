//! What the databases beside a database are called.

use uuid::Uuid;

/// Being filled from a backup.
pub(crate) const FRESH: &str = "restoring";
/// A copy from before a run.
pub(crate) const BEFORE: &str = "before";
/// Moved aside by a restore.
pub(crate) const REPLACED: &str = "before_restore";
/// Moved aside after a run that failed.
pub(crate) const FAILED: &str = "failed";

/// PostgreSQL cuts longer names off.
const LONGEST: usize = 63;

/// `database_word_1234abcd`: within what PostgreSQL keeps of a name.
pub(crate) fn beside(database: &str, word: &str, run: Uuid) -> String {
    let short = &run.simple().to_string()[..8];
    format!("{}{short}", beginning(database, word))
}

/// What such a name begins with.
pub(crate) fn beginning(database: &str, word: &str) -> String {
    let rest = word.len() + 2 + 8;
    let mut end = database.len().min(LONGEST - rest);
    while !database.is_char_boundary(end) {
        end -= 1;
    }
    format!("{}_{word}_", &database[..end])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_never_cut_off_by_the_server() {
        for database in ["app", &"x".repeat(63), &"ä".repeat(31), &"🦀".repeat(15)] {
            for word in [FRESH, REPLACED, FAILED] {
                let name = beside(database, word, Uuid::from_u128(7));
                assert!(name.len() <= LONGEST, "{name}");
                assert!(name.ends_with("_00000000"), "{name}");
                assert!(name.starts_with(&beginning(database, word)));
            }
        }
    }
}
