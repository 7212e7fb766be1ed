//! The application's Rust files: where they run migrations themselves.

mod lexer;
mod test_code;

use std::ops::Range;
use std::path::{Component, Path, PathBuf};

use crate::context::Application;
use crate::directive::Source;
use lexer::{Kind, Token, lex};

/// A file of the application.
#[derive(Debug)]
pub(crate) struct RustFile<'a> {
    pub(crate) path: &'a Path,
    text: &'a str,
    tokens: Vec<Token>,
}

/// The files that count: not tests, benches or examples, which may do as they like with
/// databases of their own, and not the code that is there to run migrations.
pub(crate) fn files(application: &Application) -> Vec<RustFile<'_>> {
    let counts = |path: &Path| {
        let folders = path.components().any(|part| match part {
            Component::Normal(name) => {
                ["tests", "benches", "examples", "xtask"].iter().any(|free| name == *free)
            }
            _ => false,
        });
        let is_tests = path.file_name().is_some_and(|name| name == "tests.rs");
        !folders && !is_tests && !application.exempt.iter().any(|root| path.starts_with(root))
    };
    // Hardly any file says one of these words: the others aren't split.
    let matters = |text: &str| {
        ["embed_migrations", "run_pending_migrations", "ortcullis"]
            .iter()
            .any(|word| text.contains(word))
    };
    let files = application.files.iter().filter(|(path, text)| counts(path) && matters(text));
    files.map(|(path, text)| RustFile { path, text, tokens: code(text) }).collect()
}

/// The tokens that count: without test code.
fn code(text: &str) -> Vec<Token> {
    let mut tokens = lex(text);
    let tests = test_code::ranges(text, &tokens);
    let mut rest = tests.as_slice();
    tokens.retain(|token| {
        while let [first, later @ ..] = rest
            && first.end <= token.span.start
        {
            rest = later;
        }
        rest.first().is_none_or(|first| token.span.start < first.start)
    });
    tokens
}

impl<'a> RustFile<'a> {
    /// Where the file names what runs migrations.
    pub(crate) fn uses(&self) -> impl Iterator<Item = (&'static str, Range<usize>)> {
        let code: Vec<&Token> =
            self.tokens.iter().filter(|token| token.kind != Kind::Comment).collect();
        let mut found = Vec::new();
        let word = |token: &&Token| &self.text[token.span.clone()];
        for (index, token) in code.iter().enumerate() {
            let before = index.checked_sub(1).and_then(|before| code.get(before)).map(word);
            match word(token) {
                "embed_migrations" if code.get(index + 1).map(word) == Some("!") => {
                    found.push(("embed_migrations!", token.span.clone()));
                }
                "run_pending_migrations" if before != Some("fn") => {
                    found.push(("run_pending_migrations", token.span.clone()));
                }
                _ => {}
            }
        }
        found.into_iter()
    }

    /// The comments, but for documentation. What ends in `;`, `{` or `}` is a statement,
    /// to the end of its line.
    pub(crate) fn source(&self) -> Source<'a> {
        let text = self.text;
        let is_documentation = |comment: &str| {
            ["///", "//!", "/**", "/*!"].iter().any(|start| comment.starts_with(start))
        };
        let comments = self.tokens.iter().filter(|token| token.kind == Kind::Comment);
        let comments = comments.map(|token| (token.span.start, &text[token.span.clone()]));
        let mut statements: Vec<Range<usize>> = Vec::new();
        let mut start = None;
        for token in self.tokens.iter().filter(|token| token.kind != Kind::Comment) {
            let begun = *start.get_or_insert(token.span.start);
            if matches!(&text[token.span.clone()], ";" | "{" | "}") {
                let rest = &text[token.span.end..];
                let line = rest.find('\n').unwrap_or(rest.len());
                statements.push(begun..token.span.end + line);
                start = None;
            }
        }
        statements.extend(start.map(|start| start..text.len()));
        Source {
            file: PathBuf::from(self.path),
            migration: None,
            length: text.len(),
            comments: comments.filter(|(_, comment)| !is_documentation(comment)).collect(),
            statements,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn uses(path: &str, text: &str) -> Vec<&'static str> {
        let files_of = |path: &str, text: &str| Application {
            files: vec![(path.into(), text.to_owned())],
            exempt: vec!["crates/schema".into()],
        };
        let application = files_of(path, text);
        let found = files(&application);
        found.iter().flat_map(RustFile::uses).map(|(name, _)| name).collect()
    }

    #[test]
    fn code_counts_and_text_does_not() {
        let run = "run_pending_migrations";
        let cases: &[(&str, &[&str])] = &[
            ("const M: M = embed_migrations!(\"migrations\");", &["embed_migrations!"]),
            ("const M: M = diesel_migrations::embed_migrations ! ();", &["embed_migrations!"]),
            ("use diesel_migrations::embed_migrations;", &[]),
            ("fn f() { c.run_pending_migrations(M); }", &[run]),
            ("fn f() { c.r#run_pending_migrations(M); }", &[run]),
            ("fn f() { run(MigrationHarness::run_pending_migrations) }", &[run]),
            ("fn run_pending_migrations_later() {}", &[]),
            ("impl Harness for C { fn run_pending_migrations(&self) {} }", &[]),
            ("// c.run_pending_migrations(M);", &[]),
            ("/* /* */ c.run_pending_migrations(M); */", &[]),
            ("/// run_pending_migrations\nfn f() {}", &[]),
            ("const A: &str = \"\\\"run_pending_migrations\";", &[]),
            ("const A: &str = r#\"\"run_pending_migrations\"#;", &[]),
            ("const A: &[u8] = br\"\\\"; fn f() { c.run_pending_migrations(M) }", &[run]),
            ("const A: &CStr = c\"run_pending_migrations\";", &[]),
            ("fn f<'a>(x: &'a str) { ('\"', '\\'', 'é', b'\"'); run_pending_migrations }", &[run]),
            // Broken code.
            ("fn f( { c.run_pending_migrations(", &[run]),
            ("fn f() } } \" run_pending_migrations", &[]),
        ];
        for (text, expected) in cases {
            assert_eq!(uses("src/main.rs", text), *expected, "{text}");
        }
    }

    #[test]
    fn tests_may_do_as_they_like() {
        let cases = [
            ("#[cfg(test)] mod tests { fn f() { c.run_pending_migrations(M); } }", 0),
            (
                "#[cfg(test)]\n#[allow(x)]\npub(crate) fn f() -> [u8; 2] { run_pending_migrations }",
                0,
            ),
            ("#[cfg(test)] const M: M = embed_migrations!();", 0),
            ("#[cfg(all(test, unix))] const M: M = embed_migrations!();", 0),
            ("#[test] fn f() { run_pending_migrations }", 0),
            ("#[tokio::test(flavor = \"x\")] async fn f() { run_pending_migrations }", 0),
            ("#![cfg(test)] fn f() { run_pending_migrations }", 0),
            ("#[cfg(test)] use a::b; fn f() { run_pending_migrations }", 1),
            ("#[cfg(test)] mod t { fn g() { } } fn f() { run_pending_migrations }", 1),
            ("#[cfg(test)] use a::b; run_pending_migrations(c)", 1),
            ("#[cfg(not(test))] fn f() { run_pending_migrations }", 1),
            ("#[cfg(any(test, feature = \"x\"))] fn f() { run_pending_migrations }", 1),
            ("struct A { #[cfg(test)] a: u8 } fn f() { run_pending_migrations }", 1),
            ("#[cfg(feature = \"test\")] fn f() { run_pending_migrations }", 1),
        ];
        for (text, expected) in cases {
            assert_eq!(uses("src/main.rs", text).len(), expected, "{text}");
        }
    }

    #[test]
    fn whole_files_are_left_out_by_their_place() {
        let text = "fn f() { run_pending_migrations }";
        for (path, expected) in [
            ("src/main.rs", 1),
            ("build.rs", 1),
            ("crates/schema2/src/lib.rs", 1),
            ("crates/schema/src/lib.rs", 0),
            ("tests/a.rs", 0),
            ("crates/a/benches/b.rs", 0),
            ("examples/a/main.rs", 0),
            ("src/tests.rs", 0),
            ("xtask/src/main.rs", 0),
        ] {
            assert_eq!(uses(path, text).len(), expected, "{path}");
        }
    }
}
