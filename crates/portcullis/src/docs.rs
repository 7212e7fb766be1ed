//! Pages of the documentation that are made from the code, kept in `docs`.

use std::path::Path;

use portcullis_model::config::REFERENCE;

use crate::print;

fn page(name: &str, title: &str, text: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs").join(name);
    let page = format!("<!-- Made by cargo xtask docs; do not edit. -->\n# {title}\n\n{text}");
    if std::env::var_os("PORTCULLIS_UPDATE_DOCS").is_some() {
        std::fs::write(&path, &page).unwrap();
    }
    let there = std::fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(there, page, "docs/{name} is behind; run: cargo xtask docs");
}

#[test]
fn the_pages_are_up_to_date() {
    page("exit-codes.md", "Exit codes", &format!("```text\n{}```\n", print::exit_codes()));
    page("configuration.md", "portcullis.toml", &format!("```toml\n{REFERENCE}```\n"));
    let rules: Vec<String> =
        portcullis_lint::RULES.iter().map(|rule| portcullis_lint::explain(rule)).collect();
    page("rules.md", "Lint rules", &rules.join("\n"));
}

#[test]
fn the_command_line_is_consistent() {
    use clap::Subcommand as _;
    let command = clap::Command::new("cargo xtask");
    crate::Command::augment_subcommands(command).debug_assert();
}

#[test]
fn every_command_has_an_example() {
    use clap::Subcommand as _;
    let command = crate::Command::augment_subcommands(clap::Command::new("cargo xtask"));
    for sub in command.get_subcommands() {
        let help = sub.get_after_help().map(ToString::to_string).unwrap_or_default();
        let example = format!("cargo xtask {}", sub.get_name());
        assert!(help.contains(&example), "{} has no example", sub.get_name());
    }
}
