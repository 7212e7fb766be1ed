//! What a rule is.

use crate::{Findings, Input, Severity};

/// A file of an example: its path and its content. One whose path begins with `main:` is
/// a file as the default branch has it; with `twin:`, as the other engine has it.
pub type Example = (&'static str, &'static [u8]);

/// Whether a comment may allow what a rule finds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Allow {
    /// It may be meant: whoever means it says why.
    WithReason,
    /// It breaks a run or the gate, or can't be meant.
    Never,
}

/// One rule.
#[derive(Debug)]
pub struct Rule {
    /// The id: the name of the rule's file, with `-` for `_`.
    pub id: &'static str,
    /// How bad its findings are.
    pub severity: Severity,
    /// Whether they may be allowed.
    pub allow: Allow,
    /// What it finds, in one line.
    pub summary: &'static str,
    /// Why that hurts.
    pub why: &'static str,
    /// How it would be right.
    pub instead: &'static str,
    /// Files with a finding of this rule and no other. Empty where files can't show it.
    pub bad: &'static [Example],
    /// Files without any finding. Empty where `bad` is.
    pub good: &'static [Example],
    /// Looks for it.
    pub check: fn(&Input<'_>, &mut Findings),
}

/// The id of the rule in whose file this stands.
macro_rules! id {
    () => {{
        const PATH: &str = module_path!();
        const ID: [u8; $crate::rule::id_length(PATH)] = $crate::rule::id_bytes(PATH);
        match std::str::from_utf8(&ID) {
            Ok(id) => id,
            Err(_) => PATH,
        }
    }};
}
pub(crate) use id;

/// The length of the last part of a module's path.
pub(crate) const fn id_length(path: &str) -> usize {
    let path = path.as_bytes();
    let mut length = 0;
    while length < path.len() && path[path.len() - 1 - length] != b':' {
        length += 1;
    }
    length
}

/// The last `N` bytes of a module's path, with `-` for `_`.
pub(crate) const fn id_bytes<const N: usize>(path: &str) -> [u8; N] {
    let path = path.as_bytes();
    let mut id = [0; N];
    let mut at = 0;
    while at < N {
        let byte = path[path.len() - N + at];
        id[at] = if byte == b'_' { b'-' } else { byte };
        at += 1;
    }
    id
}

/// What most examples are made of.
pub(crate) mod example {
    use super::Example;

    pub(crate) const UP: &str = "migrations/20240101120000_create_users/up.sql";
    pub(crate) const DOWN: &str = "migrations/20240101120000_create_users/down.sql";
    pub(crate) const METADATA: &str = "migrations/20240101120000_create_users/metadata.toml";
    pub(crate) const CREATE: Example =
        (UP, b"CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT);\n");
    pub(crate) const DROP: Example = (DOWN, b"DROP TABLE users;\n");
    pub(crate) const GOOD: &[Example] = &[CREATE, DROP];

    /// `CREATE`, for another engine.
    pub(crate) const TWIN: Example =
        ("twin:migrations/20240101120000_create_users/up.sql", CREATE.1);

    /// `CREATE` and `DROP`, accepted.
    pub(crate) const SUM: Example = ("migrations/migrations.sum", ACCEPTED);
    pub(crate) const MAIN_SUM: Example = ("main:migrations/migrations.sum", ACCEPTED);
    pub(crate) const MAIN_CREATE: Example =
        ("main:migrations/20240101120000_create_users/up.sql", CREATE.1);
    pub(crate) const MAIN_DROP: Example =
        ("main:migrations/20240101120000_create_users/down.sql", DROP.1);
    pub(crate) const FROZEN: &[Example] = &[MAIN_SUM, MAIN_CREATE, MAIN_DROP, SUM, CREATE, DROP];
    const ACCEPTED: &[u8] = b"# migrations.sum, format 1

20240101120000_create_users sha256:3d916ce6df59d5b0e347dfaa99535d77fc01443aa50302877df5c4d978918559 statements:697d376b0589a0e2 bytes:ced6971b7bb8aa3d clean portcullis/0.1.0

";
}
