//! Who else may change the schema.

use crate::conformance::bench::{Bench, Engine};

#[test]
fn status_names_every_other_role_that_may_change_the_schema_and_why() {
    let bench = Bench::new(Engine::Postgres);
    bench.step("01_item", "CREATE TABLE item (id integer PRIMARY KEY);\n", "DROP TABLE item;\n");
    bench.gated(&["migrate"]).expect(0);
    let db = &bench.database;
    bench.one(&format!(
        "CREATE ROLE {db}_reader LOGIN; GRANT SELECT ON item TO {db}_reader;
         CREATE ROLE {db}_nobody NOLOGIN; GRANT migrator TO {db}_nobody;
         CREATE ROLE {db}_member LOGIN; GRANT migrator TO {db}_member;
         CREATE ROLE {db}_maker LOGIN; GRANT CREATE ON SCHEMA public TO {db}_maker;
         CREATE ROLE {db}_owner LOGIN; CREATE TABLE theirs (id integer); ALTER TABLE theirs OWNER TO {db}_owner"
    ));
    let status = bench.gated(&["status", "--format", "json"]).expect(0).json();
    let others: Vec<&str> = status["othersWhoMayChange"]
        .as_array()
        .unwrap()
        .iter()
        .map(|other| other.as_str().unwrap())
        .filter(|other| other.starts_with("postgres ") || other.starts_with(db.as_str()))
        .collect();
    assert_eq!(
        others,
        [
            "postgres (superuser)".to_owned(),
            format!("{db}_maker (may create in schema public)"),
            format!("{db}_member (owns the database)"),
            format!("{db}_owner (owns tables)"),
        ]
    );
    let said = bench.gated(&["status"]).expect(0).stdout;
    assert!(said.contains("may change the schema too: postgres (superuser)"), "{said}");
}
