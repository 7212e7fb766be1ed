//! PostgreSQL: a database of a throwaway server, over TLS.

use std::collections::BTreeMap;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

use diesel::connection::SimpleConnection;
use diesel::migration::{Migration, MigrationConnection};
use diesel::pg::Pg;
use diesel_async::AsyncPgConnection;
use diesel_async::async_connection_wrapper::AsyncConnectionWrapper;
use native_tls::{Certificate, TlsConnector};
use portcullis_cluster::{Cluster, Options};
use postgres_native_tls::MakeTlsConnector;
use tokio::runtime::{Builder, Runtime};
use tokio_postgres::config::SslMode;
use tokio_postgres::{Client, Config, SimpleQueryMessage};

use super::{Database, Way};

const MIGRATIONS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../migrations/postgres");

/// What Diesel sees as a connection that blocks.
pub(crate) type Connection = AsyncConnectionWrapper<AsyncPgConnection>;

/// One server for all tests; it ends with their process.
fn cluster() -> &'static Cluster {
    static CLUSTER: OnceLock<Cluster> = OnceLock::new();
    CLUSTER.get_or_init(|| Cluster::start(&Options::default()).unwrap())
}

pub(crate) struct Postgres {
    name: String,
    /// Diesel's connection.
    pub(crate) connection: Connection,
    /// A second one, for what Diesel has no words for.
    client: Client,
    migrations: Vec<Box<dyn Migration<Pg>>>,
    runtime: Runtime,
}

impl Postgres {
    pub(crate) fn new() -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let name = format!("studio{}", NUMBER.fetch_add(1, Ordering::Relaxed));
        // A thread of its own drives the connections while nobody waits for them.
        let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let server = log_in(&runtime, "postgres");
        runtime.block_on(server.batch_execute(&format!("CREATE DATABASE {name}"))).unwrap();

        let client = log_in(&runtime, &name);
        let diesel = log_in(&runtime, &name);
        let diesel = runtime.block_on(AsyncPgConnection::try_from(diesel)).unwrap();
        let entered = runtime.enter();
        let mut connection = Connection::from(diesel);
        drop(entered);
        connection.setup().unwrap();
        let migrations = super::migrations::<Connection>(MIGRATIONS);
        Self { name, connection, client, migrations, runtime }
    }

    /// Another connection to the same database.
    pub(crate) fn another(&self) -> Client {
        log_in(&self.runtime, &self.name)
    }

    pub(crate) fn runtime(&self) -> &Runtime {
        &self.runtime
    }
}

fn log_in(runtime: &Runtime, database: &str) -> Client {
    let cluster = cluster();
    let authority = std::fs::read(cluster.authority_file()).unwrap();
    let tls = TlsConnector::builder()
        .add_root_certificate(Certificate::from_pem(&authority).unwrap())
        .disable_built_in_roots(true)
        .build()
        .unwrap();
    let mut config = Config::new();
    config.host(cluster.host()).port(cluster.port()).dbname(database);
    config.user(cluster.user()).password(cluster.password()).ssl_mode(SslMode::Require);
    let connected = config.connect(MakeTlsConnector::new(tls));
    let (client, connection) = runtime.block_on(connected).unwrap();
    runtime.spawn(connection);
    client
}

impl Database for Postgres {
    fn directories(&self) -> Vec<String> {
        self.migrations.iter().map(|migration| migration.name().to_string()).collect()
    }

    fn migrate(&mut self, index: usize, way: Way) -> Result<(), String> {
        super::migrate(&mut self.connection, &*self.migrations[index], way)
    }

    fn execute(&mut self, sql: &str) -> Result<(), String> {
        self.connection.batch_execute(sql).map_err(|error| error.to_string())
    }

    fn rows(&self, query: &str) -> Vec<String> {
        let found = self.runtime.block_on(self.client.simple_query(query));
        let found = found.unwrap_or_else(|error| panic!("{error} in {query}"));
        let row = |message| match message {
            SimpleQueryMessage::Row(row) => {
                let values = (0..row.len()).map(|index| row.get(index).unwrap_or("NULL"));
                Some(values.collect::<Vec<_>>().join(" | "))
            }
            _ => None,
        };
        found.into_iter().filter_map(row).collect()
    }

    fn tables(&self) -> Vec<String> {
        self.rows(
            "SELECT tablename FROM pg_tables
             WHERE schemaname = 'public' AND tablename NOT LIKE '\\_\\_diesel\\_%'
             ORDER BY tablename",
        )
    }

    fn columns(&self) -> Vec<[String; 4]> {
        let mut all = Vec::new();
        for table in self.tables() {
            let columns = format!(
                "SELECT attname, format_type(atttypid, atttypmod), attnotnull,
                     COALESCE(attnum = ANY (indkey), false)
                 FROM pg_attribute
                 LEFT JOIN pg_index ON indrelid = attrelid AND indisprimary
                 WHERE attrelid = '{table}'::regclass AND attnum > 0 AND NOT attisdropped
                 ORDER BY attnum"
            );
            for row in self.rows(&columns) {
                let [column, declared, not_null, key] =
                    row.split(" | ").collect::<Vec<_>>().try_into().unwrap();
                let r#type = diesel_type(declared);
                let r#type = match not_null {
                    "t" => r#type.to_owned(),
                    _ => format!("Nullable<{type}>"),
                };
                let key = if key == "t" { "key" } else { "" };
                all.push([table.clone(), column.to_owned(), r#type, key.to_owned()]);
            }
        }
        all
    }

    fn foreign_keys(&self) -> Vec<String> {
        self.rows(
            "SELECT conrelid::regclass || ' -> ' || confrelid::regclass || ' (' || attname || ')'
             FROM pg_constraint
             JOIN pg_attribute ON attrelid = conrelid AND attnum = ANY (conkey)
             WHERE contype = 'f'",
        )
    }

    /// Columns by name: one that comes back is the last of its table.
    fn schema(&self) -> BTreeMap<String, Vec<String>> {
        let parts = self.rows(
            "WITH ours AS (
                 SELECT oid, relkind, relname FROM pg_class
                 WHERE relnamespace = 'public'::regnamespace AND relname NOT LIKE '\\_\\_diesel\\_%'
             )
             SELECT relname, 'column', attname, format_type(atttypid, atttypmod), attnotnull,
                 attcollation::regcollation, pg_get_expr(adbin, adrelid)
             FROM ours
             JOIN pg_attribute ON attrelid = ours.oid AND attnum > 0 AND NOT attisdropped
             LEFT JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum
             WHERE relkind IN ('r', 'v')
             UNION ALL
             SELECT relname, 'constraint', conname, pg_get_constraintdef(pg_constraint.oid),
                 convalidated, NULL, NULL
             FROM ours JOIN pg_constraint ON conrelid = ours.oid
             UNION ALL
             SELECT relname, 'index', '', pg_get_indexdef(oid), true, NULL, NULL
             FROM ours WHERE relkind = 'i'
             UNION ALL
             SELECT relname, 'view', '', pg_get_viewdef(oid), true, NULL, NULL
             FROM ours WHERE relkind = 'v'
             UNION ALL
             SELECT tgname, 'trigger', '', pg_get_triggerdef(pg_trigger.oid), true, NULL, NULL
             FROM ours JOIN pg_trigger ON tgrelid = ours.oid AND NOT tgisinternal
             UNION ALL
             SELECT proname, 'function', '', pg_get_functiondef(oid), true, NULL, NULL
             FROM pg_proc
             WHERE pronamespace = 'public'::regnamespace AND proname NOT LIKE 'diesel\\_%'
             ORDER BY 1, 2, 3",
        );
        let mut schema: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for part in parts {
            let (name, rest) = part.split_once(" | ").unwrap();
            schema.entry(name.to_owned()).or_default().push(rest.to_owned());
        }
        schema
    }

    /// The server refuses them; a constraint may be told to look at new rows only.
    fn orphans(&self) -> Vec<String> {
        self.rows("SELECT conname FROM pg_constraint WHERE NOT convalidated")
    }
}

fn diesel_type(declared: &str) -> &'static str {
    match declared {
        "text" => "Text",
        "integer" => "Integer",
        "boolean" => "Bool",
        "date" => "Date",
        "timestamp without time zone" => "Timestamp",
        other => panic!("say here what Diesel makes of {other}"),
    }
}
