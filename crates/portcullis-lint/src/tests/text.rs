//! How findings look.

use portcullis_model::sum;

use super::*;

#[test]
fn a_rule_is_explained() {
    for id in
        ["byte-order-mark", "draft", "duplicate-version", "empty-down", "invalid-utf8", "other-way"]
    {
        insta::assert_snapshot!(format!("explain-{id}"), explain(rule(id).unwrap()));
    }
}

#[test]
fn findings_are_drawn() {
    for id in [
        "accept-again",
        "accepted-missing",
        "allow-malformed",
        "allow-unused",
        "crlf",
        "draft-out-of-order",
        "edited-comments",
        "edited-line-endings",
        "edited-sql",
        "invalid-utf8",
        "merge-conflict",
        "metadata-malformed",
        "missing-down",
        "other-way",
        "sum-line-missing",
        "sum-malformed",
        "template-text",
        "transaction-control",
        "unclosed-quote",
    ] {
        let report = report(rule(id).unwrap().bad);
        insta::assert_snapshot!(format!("human-{id}"), render::human(&report, false));
    }
}

#[test]
fn nothing_found_is_nothing_said_and_colour_is_asked_for() {
    let good = report(&[CREATE, DROP]);
    assert_eq!(render::human(&good, true), "");
    assert_eq!(render::github(&good, Path::new("")), "");
    let allowed = report(rule("allow-malformed").unwrap().good);
    assert_eq!((allowed.allowed.len(), render::human(&allowed, true)), (1, String::new()));
    for id in ["missing-down", "edited-sql"] {
        let bad = report(rule(id).unwrap().bad);
        assert!(render::human(&bad, true).contains('\u{1b}'));
        assert!(!render::human(&bad, false).contains('\u{1b}'));
    }
}

#[test]
fn what_is_allowed_is_counted_beside_findings() {
    let up = b"-- portcullis: allow(stray-note): a status\n-- TODO\nSELECT 1;";
    let drawn = render::human(&report(&[(UP, up)]), false);
    assert!(drawn.ends_with("1 error in 1 file; 1 allowed\n"), "{drawn}");
}

#[test]
fn a_hostile_name_or_line_can_not_steer_a_terminal() {
    let up = "-- TODO \u{1b}[2J \u{202e}\nSELECT 1;".as_bytes();
    let path = "migrations/1_\u{1b}[31m/up.sql";
    let found = report(&[(path, up), ("migrations/1_b/up.sql", b"SELECT 1")]);
    for drawn in [render::human(&found, false), render::github(&found, Path::new(""))] {
        assert!(!drawn.contains(['\u{1b}', '\u{202e}']), "{drawn}");
    }
    let [main, .., sum, _, _] = rule::example::FROZEN else { panic!() };
    let hostile = (UP, "SELECT '\u{1b}[2J\t\u{202e}';".as_bytes());
    let old = ("main:migrations/20240101120000_create_users/up.sql", CREATE.1);
    let found = report(&[*main, old, *sum, hostile, DROP]);
    let drawn = render::human(&found, false);
    assert!(!drawn.contains(['\u{1b}', '\u{202e}']) && drawn.contains("+SELECT"), "{drawn}");
}

#[test]
fn findings_are_json_with_line_and_column() {
    let json = serde_json::to_value(report(&[(UP, b"SELECT 1;\nCOMMIT;"), DROP])).unwrap();
    let finding = &json["findings"][0];
    assert_eq!((&finding["line"], &finding["column"]), (&2.into(), &1.into()));
    assert_eq!(finding["end"], serde_json::json!({ "line": 2, "column": 7 }));
    assert_eq!(finding["severity"], "error");
    assert_eq!(finding["span"], serde_json::json!({ "start": 10, "end": 16 }));
    let json = serde_json::to_value(report(&[CREATE])).unwrap();
    let finding = &json["findings"][0];
    for absent in ["line", "span", "end", "diff"] {
        assert!(finding.get(absent).is_none(), "{absent}: {json}");
    }
    let json = serde_json::to_value(report(rule("edited-sql").unwrap().bad)).unwrap();
    assert!(json["findings"][0]["diff"].as_str().unwrap().contains("\n+CREATE"), "{json}");
    let json = serde_json::to_value(report(rule("allow-malformed").unwrap().good)).unwrap();
    assert_eq!(
        json["allowed"][0],
        serde_json::json!({
            "migration": "20240101120000_create_users", "rule": "stray-note",
            "reason": "the note is for whoever reads the table", "file": UP, "line": 1, "column": 4,
        })
    );
}

#[test]
fn findings_are_commands_for_github() {
    let up = b"COMMIT;\n/* TODO: never closed\n";
    let more = ("migrations/1_a, b: 100%/up.sql", b"SELECT 1;".as_slice());
    let found = report(&[(UP, up), DROP, more]);
    insta::assert_snapshot!("github", render::github(&found, Path::new("services/shop")));
}

#[test]
fn a_password_in_a_migration_is_not_shown() {
    let up = "SELECT dblink('postgres://me:hunter2@db/x'); COMMIT;\n";
    let (set, mut context) = example(&[(UP, up.as_bytes()), DROP]);
    context.base = Some(Base {
        revision: "main".to_owned(),
        sum: sum::parse(std::str::from_utf8(rule::example::SUM.1).unwrap()).unwrap(),
        old: [(UP.into(), CREATE.1.to_vec())].into(),
    });
    let report = lint_in(&set, Dialect::Sqlite, &context);
    let rules: Vec<_> = report.findings.iter().map(|finding| finding.rule).collect();
    assert!(rules.contains(&"transaction-control") && rules.contains(&"edited-sql"), "{rules:?}");
    let printed = render::human(&report, false)
        + &render::github(&report, Path::new(""))
        + &serde_json::to_string(&report).unwrap();
    assert!(!printed.contains("hunter2"), "{printed}");
}
