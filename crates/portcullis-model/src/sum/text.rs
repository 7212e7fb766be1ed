//! The sum as text: read, written, and what can be wrong with it.

use std::fmt::{self, Write as _};
use std::ops::Range;

use super::{Allow, Digests, FORMAT, Line, Sum, Tested, Verdict};
use crate::redact::printable;

const HEADER: &str = "# migrations.sum, format ";

const EXPLANATION: &str = "\
# The migrations that were accepted, in order; written by `cargo xtask accept`. When git
# reports a conflict here, two branches added migrations: `cargo xtask rebase` settles it.
";

/// How git begins the lines that it puts around a conflict.
const MARKERS: [&str; 4] = ["<<<<<<<", "|||||||", "=======", ">>>>>>>"];

/// Something that is wrong with a sum.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Where, in bytes of the file.
    pub span: Range<usize>,
    /// What.
    pub kind: ProblemKind,
}

/// What can be wrong with a sum.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ProblemKind {
    /// It isn't UTF-8, or no regular file.
    NotText,
    /// The first line doesn't say the format.
    NoHeader,
    /// Another version of the tool wrote it.
    Format(String),
    /// git wrote this line.
    ConflictMarker,
    /// The line isn't what the tool writes.
    Malformed(&'static str),
    /// The directory has a line already.
    Duplicate(String),
    /// The line's migration sorts before the one above.
    OutOfOrder {
        /// The line's directory.
        directory: String,
        /// The one above.
        above: String,
    },
}

impl ProblemKind {
    /// What is there, and what that means.
    pub fn message(&self) -> String {
        match self {
            Self::NotText => "this is no text file".to_owned(),
            Self::NoHeader => "the line that says the file's format is missing".to_owned(),
            Self::Format(found) => format!(
                "the file has format {}; this version reads and writes format {FORMAT}",
                printable(found)
            ),
            Self::ConflictMarker => {
                "git left a conflict: two branches added migrations, and their order isn't decided"
                    .to_owned()
            }
            Self::Malformed(what) => format!("this line isn't what `accept` writes: {what}"),
            Self::Duplicate(directory) => format!("`{}` has two lines", printable(directory)),
            Self::OutOfOrder { directory, above } => format!(
                "`{}` stands below `{}`, but runs before it",
                printable(directory),
                printable(above)
            ),
        }
    }

    /// What to type.
    pub fn help(&self) -> &'static str {
        match self {
            Self::Format(_) => {
                "use the version of this tool that wrote it (cargo xtask --version, Cargo.lock)"
            }
            Self::ConflictMarker | Self::OutOfOrder { .. } => "cargo xtask rebase",
            _ => {
                "put it back as git has it (git checkout --merge -- FILE), then cargo xtask accept"
            }
        }
    }
}

/// Reads a sum.
///
/// # Errors
/// Everything that is wrong with it.
pub fn parse(text: &str) -> Result<Sum, Vec<Problem>> {
    let (lines, mut problems) = lines(text);
    let first = text.split_inclusive('\n').next().unwrap_or_default();
    let format = first.strip_prefix(HEADER).map(str::trim_end);
    let header = match format {
        // A conflict may well be at the very beginning.
        _ if MARKERS.iter().any(|marker| first.starts_with(marker)) => None,
        None => Some(ProblemKind::NoHeader),
        Some(found) if found.parse() == Ok(FORMAT) => None,
        Some(found) => Some(ProblemKind::Format(found.to_owned())),
    };
    if let Some(kind) = header {
        let span = 0..first.trim_end().len();
        // What another format's lines look like says nothing.
        if matches!(kind, ProblemKind::Format(_)) {
            return Err(vec![Problem { span, kind }]);
        }
        problems.insert(0, Problem { span, kind });
    }
    let version = |line: &Line| crate::migration::version_of(&line.directory);
    for (above, line) in lines.iter().zip(lines.iter().skip(1)) {
        if line.directory == above.directory {
            let kind = ProblemKind::Duplicate(line.directory.clone());
            problems.push(Problem { span: line.span.clone(), kind });
        } else if (version(line), &line.directory) < (version(above), &above.directory) {
            let (directory, above) = (line.directory.clone(), above.directory.clone());
            let kind = ProblemKind::OutOfOrder { directory, above };
            problems.push(Problem { span: line.span.clone(), kind });
        }
    }
    if problems.is_empty() { Ok(Sum { lines }) } else { Err(problems) }
}

/// Every line that can be read, with what is wrong with the others: a conflict's sides are
/// read one after the other.
pub fn lines(text: &str) -> (Vec<Line>, Vec<Problem>) {
    let (mut lines, mut problems) = (Vec::new(), Vec::new());
    let mut start = 0;
    for whole in text.split_inclusive('\n') {
        let line = whole.trim_end_matches(['\n', '\r']);
        let span = start..start + line.len();
        start += whole.len();
        if line.trim().is_empty() || line.starts_with('#') {
            continue;
        }
        let parsed = if MARKERS.iter().any(|marker| line.starts_with(marker)) {
            Err(ProblemKind::ConflictMarker)
        } else {
            read_line(line, span.clone()).map_err(ProblemKind::Malformed)
        };
        match parsed {
            Ok(line) => lines.push(line),
            Err(kind) => problems.push(Problem { span, kind }),
        }
    }
    (lines, problems)
}

fn read_line(line: &str, span: Range<usize>) -> Result<Line, &'static str> {
    let mut words = Words(line);
    let directory = words.text()?;
    let digests = Digests {
        fingerprint: words
            .after("sha256:")?
            .parse()
            .map_err(|_| "sha256: takes 64 lower-case hexadecimal digits")?,
        statements: short(words.after("statements:")?)?,
        bytes: short(words.after("bytes:")?)?,
    };
    let mut verdict = Verdict::default();
    let mut allowed = Vec::new();
    let mut tested = None;
    loop {
        let word = words.peek();
        let number = |text: &str| text.parse().map_err(|_| "a number of findings is missing");
        if word == "clean" {
            words.next();
        } else if let Some(count) = word.strip_prefix("errors:") {
            verdict.errors = number(count)?;
            words.next();
        } else if let Some(count) = word.strip_prefix("warnings:") {
            verdict.warnings = number(count)?;
            words.next();
        } else if word.starts_with("allow(") {
            allowed.push(words.allow()?);
        } else if let Some(said) = word.strip_prefix("tested(") {
            tested = Some(read_tested(said)?);
            words.next();
        } else {
            break;
        }
    }
    let tool = words.next();
    if !tool.contains('/') || tool.contains('"') || !words.0.trim().is_empty() {
        return Err("it ends in the tool's name and version");
    }
    Ok(Line { directory, digests, verdict, allowed, tested, tool: tool.to_owned(), span })
}

/// `cases:3,round-trip,messy-rows:400)`
fn read_tested(said: &str) -> Result<Tested, &'static str> {
    const WRONG: &str = "tested(cases:N,round-trip,messy-rows:N) isn't complete";
    let mut tested = Tested::default();
    for part in said.strip_suffix(')').ok_or(WRONG)?.split(',') {
        let number = |text: &str| text.parse().map_err(|_| WRONG);
        match part.split_once(':') {
            Some(("cases", count)) => tested.cases = number(count)?,
            Some(("messy-rows", count)) => tested.messy_rows = number(count)?,
            None if part == "round-trip" => tested.round_trip = true,
            _ => return Err(WRONG),
        }
    }
    Ok(tested)
}

fn short(digits: &str) -> Result<u64, &'static str> {
    let is_short = digits.len() == 16 && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    let number = if is_short { u64::from_str_radix(digits, 16).ok() } else { None };
    number.ok_or("a short digest has 16 hexadecimal digits")
}

/// What is left of a line.
struct Words<'a>(&'a str);

impl<'a> Words<'a> {
    /// The next word, without passing it.
    fn peek(&self) -> &'a str {
        self.0.trim_start().split(' ').next().unwrap_or_default()
    }

    fn next(&mut self) -> &'a str {
        let word = self.peek();
        self.0 = &self.0.trim_start()[word.len()..];
        word
    }

    fn after(&mut self, prefix: &str) -> Result<&'a str, &'static str> {
        self.next().strip_prefix(prefix).ok_or("its digests are missing")
    }

    /// A word, or a text in quotes.
    fn text(&mut self) -> Result<String, &'static str> {
        if self.0.trim_start().starts_with('"') {
            self.quoted()
        } else {
            Ok(self.next().to_owned())
        }
    }

    fn quoted(&mut self) -> Result<String, &'static str> {
        let mut values = serde_json::Deserializer::from_str(self.0).into_iter::<String>();
        match values.next() {
            Some(Ok(text)) => {
                self.0 = &self.0[values.byte_offset()..];
                Ok(text)
            }
            _ => Err("a text in quotes is missing or isn't closed"),
        }
    }

    /// `allow(rule):"reason"`
    fn allow(&mut self) -> Result<Allow, &'static str> {
        let rest = self.0.trim_start().strip_prefix("allow(").unwrap_or_default();
        let (rule, rest) = rest.split_once("):").ok_or("allow(rule):\"reason\" isn't complete")?;
        self.0 = rest;
        Ok(Allow { rule: rule.to_owned(), reason: self.quoted()? })
    }
}

impl fmt::Display for Sum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{HEADER}{FORMAT}\n{EXPLANATION}")?;
        self.lines.iter().try_for_each(|line| writeln!(f, "{line}\n"))
    }
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Digests { fingerprint, statements, bytes } = self.digests;
        write!(f, "{} sha256:{fingerprint} ", word(&self.directory))?;
        write!(f, "statements:{statements:016x} bytes:{bytes:016x} ")?;
        match self.verdict {
            Verdict { errors: 0, warnings: 0 } => f.write_str("clean ")?,
            Verdict { errors: 0, warnings } => write!(f, "warnings:{warnings} ")?,
            Verdict { errors, warnings } => write!(f, "errors:{errors} warnings:{warnings} ")?,
        }
        for Allow { rule, reason } in &self.allowed {
            write!(f, "allow({rule}):{} ", quoted(reason))?;
        }
        if let Some(Tested { cases, round_trip, messy_rows }) = self.tested {
            let round_trip = if round_trip { ",round-trip" } else { "" };
            write!(f, "tested(cases:{cases}{round_trip},messy-rows:{messy_rows}) ")?;
        }
        f.write_str(&self.tool)
    }
}

/// A name as one word: in quotes where it would read as something else.
fn word(name: &str) -> String {
    let is_plain = |c: char| c.is_alphanumeric() || "-_.".contains(c);
    if !name.is_empty() && name.chars().all(is_plain) { name.to_owned() } else { quoted(name) }
}

/// A text in quotes, on one line whatever it holds.
fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => {
                out.push('\\');
                out.push(c);
            }
            // Also what ends a line elsewhere, or turns the writing direction.
            _ if c.is_control() || matches!(c, '\u{200e}'..='\u{2069}') => {
                let _ = write!(out, "\\u{:04x}", u32::from(c));
            }
            _ => out.push(c),
        }
    }
    out.push('"');
    out
}
