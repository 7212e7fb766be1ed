//! The server's log: what it said since a moment.

use std::path::{Path, PathBuf};

/// So many lines of its end are worth showing.
const LINES: usize = 5;

pub(crate) struct Log {
    path: PathBuf,
}

impl Log {
    pub(crate) fn at(path: PathBuf) -> Self {
        Self { path }
    }

    /// Where its end is now.
    pub(crate) fn position(&self) -> u64 {
        self.path.metadata().map_or(0, |metadata| metadata.len())
    }

    /// What was said since.
    pub(crate) fn since(&self, begin: u64) -> String {
        read(&self.path, begin).unwrap_or_default()
    }

    /// The last of what was said since, for an error: without the lines that may hold rows.
    pub(crate) fn end(&self, begin: u64) -> String {
        end(&self.since(begin))
    }
}

fn read(path: &Path, begin: u64) -> std::io::Result<String> {
    let bytes = std::fs::read(path)?;
    let begin = usize::try_from(begin).unwrap_or(usize::MAX).min(bytes.len());
    Ok(String::from_utf8_lossy(&bytes[begin..]).into_owned())
}

fn end(said: &str) -> String {
    let worth = |line: &&str| {
        ["FATAL:", "PANIC:", "LOG:", "HINT:"].iter().any(|level| line.contains(level))
    };
    let mut lines: Vec<&str> = said.lines().filter(worth).map(without_prefix).collect();
    let first = lines.len().saturating_sub(LINES);
    lines.drain(..first);
    lines.join(" | ")
}

/// Without the time and the number of the process.
fn without_prefix(line: &str) -> &str {
    line.split_once("] ").map_or(line, |(_, said)| said)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_of_a_log_is_what_went_wrong_and_never_a_row() {
        let said = "2026-01-01 00:00:00.000 UTC [7] LOG:  starting\n\
                    2026-01-01 00:00:00.000 UTC [7] ERROR:  no number: \"secret\"\n\
                    2026-01-01 00:00:00.000 UTC [7] DETAIL:  Key (name)=(secret) exists.\n\
                    2026-01-01 00:00:00.000 UTC [7] STATEMENT:  INSERT 'secret'\n\
                    2026-01-01 00:00:00.000 UTC [7] FATAL:  no\n";
        assert_eq!(end(said), "LOG:  starting | FATAL:  no");
        assert_eq!(end(""), "");
    }
}
