//! The exit codes. They are an interface, and they speak about the database.

/// How a command ended, as its exit code says it.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize,
)]
#[serde(rename_all = "kebab-case")]
pub enum Exit {
    /// Done, healthy, receipt written.
    Done,
    /// Findings, drift, edited history or a failed check; nothing was touched.
    Refused,
    /// Wrong usage or configuration; nothing was touched.
    Usage,
    /// Failed, and the database is as it was before.
    Undone,
    /// Failed, and a person is needed; everything is kept, the steps are printed.
    NeedsPerson,
    /// Stopped part-way, healthy at the version printed; a rerun goes on.
    PartWay,
    /// Applied and healthy, but the record is incomplete; recover, or the next run, completes it.
    RecordIncomplete,
    /// Internal error before anything was applied.
    Internal,
    /// Busy; nothing was touched, try again.
    Busy,
}

impl Exit {
    /// Every exit code, in the order of the documentation.
    pub const ALL: [Exit; 9] = [
        Exit::Done,
        Exit::Refused,
        Exit::Usage,
        Exit::Undone,
        Exit::NeedsPerson,
        Exit::PartWay,
        Exit::RecordIncomplete,
        Exit::Internal,
        Exit::Busy,
    ];

    /// The number that the process exits with.
    pub fn code(self) -> u8 {
        match self {
            Exit::Done => 0,
            Exit::Refused => 1,
            Exit::Usage => 2,
            Exit::Undone => 3,
            Exit::NeedsPerson => 4,
            Exit::PartWay => 5,
            Exit::RecordIncomplete => 6,
            Exit::Internal => 70,
            Exit::Busy => 75,
        }
    }

    /// What the number says about the database, in one line.
    pub fn meaning(self) -> &'static str {
        match self {
            Exit::Done => "done, healthy, receipt written",
            Exit::Refused => {
                "refused: findings, drift, edited history or a failed check; nothing was touched"
            }
            Exit::Usage => "usage or configuration error; nothing was touched",
            Exit::Undone => "failed, and the database is as it was before",
            Exit::NeedsPerson => {
                "failed, and a person is needed: everything is kept, the steps are printed and written to a file"
            }
            Exit::PartWay => "stopped part-way, healthy at the version printed; a rerun goes on",
            Exit::RecordIncomplete => {
                "applied and healthy, the record is incomplete; recover, or the next run, completes it"
            }
            Exit::Internal => "internal error before anything was applied (afterwards it is 4)",
            Exit::Busy => "busy, nothing was touched, try again",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_unique_and_leave_cargos_own_alone() {
        let codes: std::collections::BTreeSet<u8> =
            Exit::ALL.iter().map(|exit| exit.code()).collect();
        assert_eq!(codes.len(), Exit::ALL.len());
        assert!(!codes.contains(&101));
    }
}
