use portcullis_database::scratch::shape::{Column, Filled, ForeignKey, Kind};

use super::*;

fn shape(name: &str, columns: &[&str], keys: Vec<ForeignKey>) -> Shape {
    let column = |name: &&str| Column {
        name: (*name).to_owned(),
        sql: (*name).to_owned(),
        declared: "text".to_owned(),
        kind: Kind::Text(None),
        nullable: true,
        filled: Filled::Given,
        loose: false,
    };
    Shape {
        name: name.to_owned(),
        sql: name.to_owned(),
        columns: columns.iter().map(column).collect(),
        keys,
        ..Shape::default()
    }
}

#[test]
fn what_a_text_assigns_is_meant_and_nothing_else() {
    let key = ForeignKey { columns: vec![1], parent: "a".into(), referenced: vec!["x".into()] };
    let shapes = [shape("a", &["x", "y", "z"], vec![]), shape("c", &["x", "a_x"], vec![key])];
    let trigger = "CREATE TRIGGER t AFTER UPDATE ON a BEGIN UPDATE c SET x = 1; END";
    // The text, the code in the database, and of a's and c's columns those that are meant.
    let cases: [(&str, &str, &str); 18] = [
        ("UPDATE a SET x = (SELECT y FROM c WHERE z = 1), z = 2 WHERE y = 3", "", "a.x a.z c.a_x"),
        ("UPDATE ONLY a AS b SET (x, y) = (1, 2) FROM c", "", "a.x a.y c.a_x"),
        ("WITH b AS (UPDATE a SET y = 1 RETURNING x) SELECT 1", "", "a.y c.a_x"),
        ("INSERT INTO a (x) VALUES (1) ON CONFLICT (x) DO UPDATE SET z = y", "", "a.z c.a_x"),
        ("INSERT INTO a (x, y) VALUES (1, 2)", "", ""),
        ("REPLACE INTO a VALUES (1, 2, 3)", "", "a.x a.y a.z"),
        ("DELETE FROM a", "", "c.a_x"),
        ("ALTER TABLE a ALTER COLUMN x TYPE integer, ALTER y SET NOT NULL", "", "a.x"),
        ("ALTER TABLE a RENAME COLUMN x TO y", "", "a.x a.y"),
        ("ALTER TABLE a RENAME TO b", "", ""),
        ("CREATE TABLE b (x); COMMENT ON TABLE a IS 'UPDATE a SET x = 1'", "", ""),
        (
            "CREATE TABLE b (x, y, z); INSERT INTO b (x, z, y) SELECT a.x, trim(z), y FROM a; DROP TABLE a; ALTER TABLE b RENAME TO a",
            "",
            "a.z",
        ),
        (
            "CREATE TABLE b (x, y, z); INSERT INTO b SELECT x, 'y', z FROM a; DROP TABLE a; ALTER TABLE b RENAME TO a",
            "",
            "a.y",
        ),
        (
            "CREATE TABLE b (x, y, z); INSERT INTO b SELECT * FROM a; DROP TABLE a; ALTER TABLE b RENAME TO a",
            "",
            "",
        ),
        ("DO $$ BEGIN UPDATE a SET x = 1; END $$", "", "a.x a.y a.z"),
        ("ALTER TYPE mood RENAME VALUE 'a' TO 'b'", "", "a.x a.y a.z c.x c.a_x"),
        ("UPDATE a SET x = 1", trigger, "a.x a.y a.z c.x c.a_x"),
        ("UPDATE b SET x = 1", trigger, ""),
    ];
    for (sql, code, expected) in cases {
        let found = touched(sql, Dialect::Postgres, &shapes, &[code]);
        let all = shapes.iter().flat_map(|shape| {
            shape.columns.iter().map(move |column| (shape.name.as_str(), column.name.as_str()))
        });
        let meant: Vec<String> = all
            .filter(|(table, column)| found.has(table, column))
            .map(|(table, column)| format!("{table}.{column}"))
            .collect();
        assert_eq!(meant.join(" "), expected, "{sql}");
    }
}
