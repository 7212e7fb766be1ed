//! The roles of a throwaway server. A restore runs functions of the database: whoever may
//! write one there gets what the role has that restores. So that role is no superuser, nor
//! is any that the dump can name: a superuser could start programs on this machine.

use std::path::Path;

use portcullis_model::config::{Password, Server};
use uuid::Uuid;

use super::snapshot;
use crate::Result;
use crate::files::write_private;
use crate::nature::{Nature, Role};
use crate::postgres::link::conn::{Conn, Failure, literal, name};
use crate::postgres::link::connect::{self, Purpose};
use crate::postgres::link::transaction::together;

const OPERATION: &str = "prepare a trial restore";

/// Who works on a throwaway server.
pub(crate) struct Hands {
    /// A superuser's connection, which never runs anything of the dump's.
    pub(crate) keeper: Conn,
    /// The superuser.
    pub(crate) keepers: Server,
    /// Logs in as the role that restores.
    pub(crate) restorers: Server,
}

/// Makes both roles, and gives the server's first one, a superuser for ever, a name that no
/// dump has. The passwords' files are in a private directory.
pub(crate) fn take_over(first: &Server, directory: &Path) -> Result<Hands> {
    // Nobody can have guessed it when the dump was made.
    let unique = Uuid::new_v4().simple();
    let role = |role: &str| -> Result<(Server, String)> {
        let secret = format!("{}{}", Uuid::new_v4().simple(), Uuid::new_v4().simple());
        let file = directory.join(role);
        write_private(&file, secret.as_bytes())?;
        let user = format!("portcullis_{role}_{unique}");
        Ok((Server { user, password: Password::File(file), ..first.clone() }, secret))
    };
    let (keepers, keeper_secret) = role("keeper")?;
    let (restorers, restorer_secret) = role("restorer")?;
    let failed = |failure: Failure| crate::postgres::error(first, OPERATION, &failure);
    let made = format!(
        "CREATE ROLE {} SUPERUSER LOGIN PASSWORD {};
         CREATE ROLE {} NOSUPERUSER BYPASSRLS LOGIN PASSWORD {}",
        name(&keepers.user),
        literal(&keeper_secret),
        name(&restorers.user),
        literal(&restorer_secret)
    );
    connect::connect(first, Purpose::Change)?.run(&made).map_err(failed)?;
    let mut keeper = connect::connect(&keepers, Purpose::Change)?;
    let renamed = format!("portcullis_first_{unique}");
    keeper
        .run(&format!("ALTER ROLE {} RENAME TO {}", name(&first.user), name(&renamed)))
        .map_err(failed)?;
    Ok(Hands { keeper, keepers, restorers })
}

/// Makes the roles that the dump names, and the restorer a member of each: it makes what is
/// theirs. One that was a superuser isn't, and has instead what it needs here: it reads
/// everything, and does what the others may.
pub(crate) fn make_roles(
    keeper: &mut Conn,
    nature: &Nature,
    restorer: &str,
) -> Result<(), Failure> {
    let reads = "SELECT FROM pg_catalog.pg_roles WHERE rolname = 'pg_read_all_data'";
    // Before version 14 there is no such role.
    let can_read_all = !keeper.ask(reads)?.is_empty();
    for role in &nature.roles {
        let bypass = if role.superuser { " BYPASSRLS" } else { "" };
        let role_name = name(&role.name);
        keeper.run(&format!(
            "CREATE ROLE {role_name} NOLOGIN NOSUPERUSER{bypass}; GRANT {role_name} TO {}",
            name(restorer)
        ))?;
        // Without the rights that were passed on some would read less than at home.
        if can_read_all && (role.superuser || nature.passed_on) {
            keeper.run(&format!("GRANT pg_read_all_data TO {role_name}"))?;
        }
    }
    let (superusers, others): (Vec<&Role>, Vec<&Role>) =
        nature.roles.iter().partition(|role| role.superuser);
    for (superuser, other) in superusers.iter().flat_map(|one| others.iter().map(move |o| (one, o)))
    {
        keeper.run(&format!("GRANT {} TO {}", name(&other.name), name(&superuser.name)))?;
    }
    Ok(())
}

/// Readies the empty database of the restorer's, over a connection of the keeper's to it:
/// makes the extensions, and lets every role be the owner of something in every schema. The
/// rights of the dump come last of all.
pub(crate) fn ready(keeper: &mut Conn, nature: &Nature, restorer: &str) -> Result<(), Failure> {
    let restorer = name(restorer);
    together(keeper, |keeper| {
        keeper.run(&format!(
            "ALTER SCHEMA public OWNER TO {restorer};
             GRANT CREATE, USAGE ON SCHEMA public TO PUBLIC;
             ALTER DEFAULT PRIVILEGES FOR ROLE {restorer} GRANT CREATE, USAGE ON SCHEMAS TO PUBLIC"
        ))?;
        // They are the restorer's own, so that comments and grants of the dump can be made.
        // Nothing of the dump's is here yet that could run while it is a superuser.
        keeper.run(&format!("ALTER ROLE {restorer} SUPERUSER; SET LOCAL ROLE {restorer}"))?;
        for extension in &nature.extensions {
            let schema = name(&extension.schema);
            if !snapshot::names(keeper, &has_schema(&extension.schema))?.contains(&"t".to_owned()) {
                keeper.run(&format!("CREATE SCHEMA {schema}"))?;
            }
            keeper.run(&format!("CREATE EXTENSION {} SCHEMA {schema}", name(&extension.name)))?;
        }
        for wrapper in snapshot::names(keeper, "SELECT fdwname FROM pg_foreign_data_wrapper")? {
            let wrapper = name(&wrapper);
            keeper.run(&format!("GRANT USAGE ON FOREIGN DATA WRAPPER {wrapper} TO PUBLIC"))?;
        }
        keeper.run(&format!("SET LOCAL ROLE NONE; ALTER ROLE {restorer} NOSUPERUSER"))
    })
}

fn has_schema(schema: &str) -> String {
    format!(
        "SELECT EXISTS (SELECT FROM pg_catalog.pg_namespace WHERE nspname = {})",
        literal(schema)
    )
}

/// Extensions that only a superuser may make, and that give nobody a file or a program of
/// the machine, not even their owner. One that isn't listed isn't made: `dblink` reaches
/// other servers without a password, `adminpack` writes files, untrusted languages do
/// everything.
const HARMLESS: [&str; 38] = [
    "amcheck",
    "autoinc",
    "bloom",
    "btree_gin",
    "btree_gist",
    "citext",
    "cube",
    "dict_int",
    "dict_xsyn",
    "earthdistance",
    "fuzzystrmatch",
    "hstore",
    "insert_username",
    "intagg",
    "intarray",
    "isn",
    "lo",
    "ltree",
    "moddatetime",
    "pg_buffercache",
    "pg_freespacemap",
    "pg_prewarm",
    "pg_stat_statements",
    "pg_trgm",
    "pg_visibility",
    "pgcrypto",
    "pgrowlocks",
    "pgstattuple",
    "postgis",
    "postgis_topology",
    "postgres_fdw",
    "refint",
    "seg",
    "sslinfo",
    "tablefunc",
    "tcn",
    "unaccent",
    "uuid-ossp",
];

/// Whether a superuser may make it for a restorer.
pub(crate) fn is_harmless(extension: &str) -> bool {
    HARMLESS.contains(&extension)
}
