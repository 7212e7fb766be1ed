//! A program that is waited for, and ended when nobody waits for it any more.

use std::io::{self, PipeReader, Read as _};
use std::process::{Child as Process, Command, ExitStatus};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use portcullis_model::redact;
use rustix::process::{Pid, Signal, kill_process};

use crate::postgres::link::quote::hide_quoted;

/// What is kept of a program's output.
const KEPT: u64 = 64 << 10;

/// How long a program has to end by itself, once it was asked to.
const GRACE: Duration = Duration::from_secs(3);

/// A running program.
pub(crate) struct Child {
    process: Process,
    output: Option<JoinHandle<Vec<u8>>>,
}

/// What came of a program.
#[derive(Debug)]
pub(crate) struct Ended {
    /// How it ended.
    pub(crate) status: ExitStatus,
    /// The beginning of what it said.
    pub(crate) output: Vec<u8>,
}

/// What of a program's output is wanted; the rest goes nowhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Capture {
    /// Its errors.
    Errors,
    /// Its errors and what it prints, in their order.
    Everything,
}

impl Child {
    /// Starts it. It stays in this process's group, so that Ctrl-C ends it too.
    pub(crate) fn start(mut command: Command, capture: Capture) -> io::Result<Self> {
        let (reader, writer) = io::pipe()?;
        if capture == Capture::Everything {
            command.stdout(writer.try_clone()?);
        }
        command.stderr(writer);
        let process = command.spawn()?;
        // The command holds the writing ends, too: without this the pipe would never end.
        drop(command);
        let output = Some(thread::spawn(move || beginning(reader)));
        Ok(Self { process, output })
    }

    /// Whether it has ended.
    pub(crate) fn has_ended(&mut self) -> io::Result<bool> {
        Ok(self.process.try_wait()?.is_some())
    }

    /// Waits for its end.
    pub(crate) fn finish(mut self) -> io::Result<Ended> {
        let status = self.process.wait()?;
        let output = self.output.take().and_then(|output| output.join().ok()).unwrap_or_default();
        Ok(Ended { status, output })
    }

    fn end(&mut self) {
        if matches!(self.process.try_wait(), Ok(None)) {
            // Asked first, pg_dump ends its workers and cancels what they run.
            let _ = kill_process(Pid::from_child(&self.process), Signal::TERM);
            let asked = Instant::now();
            while asked.elapsed() < GRACE && matches!(self.process.try_wait(), Ok(None)) {
                thread::sleep(Duration::from_millis(10));
            }
            let _ = self.process.kill();
            let _ = self.process.wait();
        }
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        self.end();
    }
}

/// Reads to the end, so that the program is never held up, and keeps the beginning.
fn beginning(mut reader: PipeReader) -> Vec<u8> {
    let mut kept = Vec::new();
    let _ = reader.by_ref().take(KEPT).read_to_end(&mut kept);
    let _ = io::copy(&mut reader, &mut io::sink());
    kept
}

impl Ended {
    /// Why a program of PostgreSQL's failed, in its own words: without row values, which
    /// are in details, contexts and quoted input.
    pub(crate) fn why(&self) -> String {
        let text = String::from_utf8_lossy(&self.output);
        let said: Vec<String> = text.lines().filter_map(worth_telling).take(3).collect();
        match (said.is_empty(), self.status.code()) {
            (false, _) => said.join("; "),
            (true, Some(code)) => format!("it ended with exit code {code} and said nothing"),
            (true, None) => "it was killed".to_owned(),
        }
    }
}

/// Begin lines that may hold a row's values, or the statement that failed.
const PRIVATE: [&str; 6] = ["DETAIL", "CONTEXT", "HINT", "STATEMENT", "Command was", "LINE "];

/// A line of a program's errors without what isn't for everybody.
fn worth_telling(line: &str) -> Option<String> {
    // "pg_dump: error: …"; "pg_dump: detail: …" holds a statement.
    let words = match line.split_once(": ") {
        Some((program, rest)) if program.starts_with("pg_") => rest,
        _ => line,
    };
    let private = ["detail: ", "hint: ", "warning: ", "while ", "from TOC entry"];
    let is_private = line.starts_with(char::is_whitespace)
        || words.trim().is_empty()
        || private.iter().any(|word| words.starts_with(word))
        || PRIVATE.iter().any(|word| words.starts_with(word));
    if is_private {
        return None;
    }
    let words = words.strip_prefix("error: ").unwrap_or(words);
    // `invalid input syntax for type integer: "…"` repeats the value.
    let about_a_value =
        ["invalid input", "invalid value", "date/time field", "malformed", "value \""];
    let at = about_a_value.iter().filter_map(|begin| words.find(begin)).min();
    let (before, value) = words.split_at(at.unwrap_or(words.len()));
    let words = format!("{before}{}", hide_quoted(value));
    Some(redact::printable(&redact::urls(&words)).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_program_says_is_told_without_values() {
        let cases = [
            (
                "pg_dump: error: query failed: ERROR:  permission denied for table secret\npg_dump: detail: Query was: LOCK TABLE public.secret\n",
                "query failed: ERROR:  permission denied for table secret",
            ),
            (
                "pg_restore: while PROCESSING TOC:\npg_restore: from TOC entry 3; 1 2 TABLE DATA t o\npg_restore: error: COPY failed for table \"t\": ERROR:  duplicate key value violates unique constraint \"t_pkey\"\nDETAIL:  Key (a)=(hunter2) already exists.\nCONTEXT:  COPY t, line 2\n",
                "COPY failed for table \"t\": ERROR:  duplicate key value violates unique constraint \"t_pkey\"",
            ),
            (
                "pg_restore: error: COPY failed for table \"t\": ERROR:  invalid input syntax for type integer: \"hunter2\"\nCONTEXT:  COPY t, line 2, column a: \"hunter2\"\n",
                "COPY failed for table \"t\": ERROR:  invalid input syntax for type integer: \"…\"",
            ),
            (
                "pg_restore: error: could not execute query: ERROR:  value \"hunter2\" is out of range\nCommand was: SELECT 'hunter2'\n    'hunter2'\n",
                "could not execute query: ERROR:  value \"…\" is out of range",
            ),
        ];
        for (said, expected) in cases {
            let status = Command::new("false").status().unwrap();
            let why = Ended { status, output: said.as_bytes().to_vec() }.why();
            assert_eq!(why, expected);
        }
    }

    #[test]
    fn one_that_says_nothing_is_told_by_its_end() {
        for (script, expected) in
            [("exit 3", "it ended with exit code 3"), ("kill -9 $$", "it was killed")]
        {
            let mut command = Command::new("sh");
            command.args(["-c", script]);
            let ended = Child::start(command, Capture::Errors).unwrap().finish().unwrap();
            assert!(ended.why().starts_with(expected), "{}", ended.why());
        }
    }

    #[test]
    fn output_without_end_is_read_and_its_beginning_kept() {
        let mut command = Command::new("sh");
        command.args(["-c", "echo first; yes | head -c 1000000; echo last >&2"]);
        let ended = Child::start(command, Capture::Everything).unwrap().finish().unwrap();
        assert!(ended.status.success());
        assert_eq!(ended.output.len() as u64, KEPT);
        assert!(ended.output.starts_with(b"first\ny\n"));
    }

    #[test]
    fn one_that_nobody_waits_for_is_ended() {
        let directory = tempfile::tempdir().unwrap();
        let mark = directory.path().join("mark");
        let mut command = Command::new("sh");
        command.args(["-c", "sleep 1; touch \"$0\""]).arg(&mark);
        drop(Child::start(command, Capture::Errors).unwrap());
        thread::sleep(Duration::from_millis(1500));
        assert!(!mark.exists());
    }
}
