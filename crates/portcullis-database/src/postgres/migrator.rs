//! A role that migrates a database and does nothing else, as a proposal.

use super::link::conn::{literal, name};

/// Statements with the reason for each; nobody runs them but a person.
pub(super) fn proposal(database: &str, schemas: &[String]) -> String {
    let plain = format!("{database}_migrator");
    let role = name(&plain);
    let database = name(database);
    let schemas: Vec<&str> = match schemas {
        [] => vec!["public"],
        schemas => schemas.iter().map(String::as_str).collect(),
    };
    let owned: String = schemas
        .iter()
        .map(|schema| format!("ALTER SCHEMA {} OWNER TO {role};\n", name(schema)))
        .collect();
    let list: Vec<String> = schemas.iter().map(|schema| literal(schema)).collect();
    format!(
        "\
-- It logs in, and has no right beyond this database.
CREATE ROLE {role} LOGIN NOSUPERUSER NOCREATEROLE NOCREATEDB NOREPLICATION NOBYPASSRLS;
-- psql asks for the password, so that it stands in no file and in no log:
\\password {role}
-- Only an owner may change a table, or write the gate's mark on the database.
ALTER DATABASE {database} OWNER TO {role};
{owned}\
SELECT format('ALTER TABLE %I.%I OWNER TO %I', n.nspname, c.relname, {owner})
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
  WHERE n.nspname IN ({list}) AND c.relkind IN ('r', 'p', 'v', 'm', 'f', 'S')
    AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = c.oid AND d.deptype IN ('a', 'i'))
\\gexec
-- The application keeps its rights on tables that migrations make (name its role for app):
-- ALTER DEFAULT PRIVILEGES FOR ROLE {role} GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO app;
-- Only where some tables stay somebody else's: pg_dump reads every one (from version 14 on).
-- GRANT pg_read_all_data TO {role};
-- Only for restores and auto-restore: a database beside this one takes its place, the sessions
-- of the application are ended for that, and a replication slot proves that nobody has written.
-- ALTER ROLE {role} CREATEDB REPLICATION;
-- GRANT pg_signal_backend TO {role};
",
        owner = literal(&plain),
        list = list.join(", "),
    )
}
