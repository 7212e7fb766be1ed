//! Makes the connection: the environment, TLS with its checks, the login, the session.

use std::net::IpAddr;
use std::time::Duration;

use diesel_async::AsyncPgConnection;
use portcullis_model::config::{ChannelBinding, Server};
use tokio::runtime::Runtime;
use tokio_postgres::config::{
    ChannelBinding as Binding, SslMode, SslNegotiation, TargetSessionAttrs,
};
use tokio_postgres::{Config, Socket};

use super::certificate::Certificate;
use super::conn::{Conn, Facts, Failure};
use super::not_connected::{Why, explain};
use super::tls::{CheckedTls, Demand, Seen, Stream};
use super::{environment, password};
use crate::{Error, ErrorKind, Result};

const OPERATION: &str = "connect";

/// From the first packet to the end of the login.
const PATIENCE: Duration = Duration::from_secs(10);

/// What a connection is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// To read; the server refuses whatever would write.
    Look,
    /// To change the database.
    Change,
}

/// Connects to the target's database.
pub(crate) fn connect(server: &Server, purpose: Purpose) -> Result<Conn> {
    environment::refuse(std::env::vars_os())?;
    let secret = password::read(&server.password)?;
    let tls = CheckedTls::new(server, Demand::Pins(server.pins.clone()))?;
    let runtime = runtime(server)?;
    let config = login(server, purpose, &secret);
    let made = runtime.block_on(async {
        let attempt = async {
            let (client, connection, address) = dial(server, &config, &tls).await?;
            let client = AsyncPgConnection::try_from_client_and_connection(client, connection);
            client.await.map(|client| (client, address)).map_err(|_| Why::Setup)
        };
        tokio::time::timeout(PATIENCE, attempt).await.unwrap_or(Err(Why::Slow))
    });
    let seen = tls.seen().clone();
    let (client, address) = match made {
        Ok(made) => made,
        Err(why) => {
            // A name that is still being looked up isn't waited for.
            runtime.shutdown_background();
            return Err(explain(server, &why, &seen, || look(server)));
        }
    };
    let Some(certificate) = seen.certificate else {
        return Err(explain(server, &Why::Setup, &Seen::default(), || None));
    };
    let facts = Facts {
        certificate,
        pin: seen.pin,
        address,
        channel_binding: server.channel_binding == ChannelBinding::Require,
    };
    let mut conn = Conn::new(client, runtime, tls.ear(), facts);
    begin_session(&mut conn, server)?;
    Ok(conn)
}

/// Connects to another database of the target's server.
pub(crate) fn connect_to(server: &Server, database: &str, purpose: Purpose) -> Result<Conn> {
    connect(&Server { database: database.to_owned(), ..server.clone() }, purpose)
}

/// The certificate that the server shows, whatever it is worth; nothing is sent to it.
fn look(server: &Server) -> Option<Certificate> {
    let tls = CheckedTls::new(server, Demand::Nothing).ok()?;
    let runtime = runtime(server).ok()?;
    runtime.block_on(async {
        let _ = tokio::time::timeout(PATIENCE, dial(server, &Config::new(), &tls)).await;
    });
    runtime.shutdown_background();
    tls.seen().certificate.take()
}

/// The certificate of a server whose chain and host name are right. No role's name and no
/// password is sent to it.
pub(crate) fn examine(server: &Server) -> Result<Certificate> {
    environment::refuse(std::env::vars_os())?;
    // No pin is wanted, so the handshake can't succeed: nothing is sent after it.
    let tls = CheckedTls::new(server, Demand::Pins(Vec::new()))?;
    let runtime = runtime(server)?;
    let why = runtime.block_on(async {
        match tokio::time::timeout(PATIENCE, dial(server, &Config::new(), &tls)).await {
            Ok(result) => result.err().unwrap_or(Why::Setup),
            Err(_) => Why::Slow,
        }
    });
    runtime.shutdown_background();
    let seen = tls.seen().clone();
    match seen.certificate.clone() {
        Some(certificate) => Ok(certificate),
        None => Err(explain(server, &why, &seen, || look(server))),
    }
}

fn runtime(server: &Server) -> Result<Runtime> {
    let built = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
    built.map_err(|error| {
        let next = "see what the operating system says";
        let place = server.shown();
        Error::new(ErrorKind::Refused, OPERATION, place, error.to_string(), next)
    })
}

/// Field by field: a connection string could say more than it seems to.
fn login(server: &Server, purpose: Purpose, secret: &str) -> Config {
    let mut config = Config::new();
    config
        .user(&server.user)
        .password(secret)
        .dbname(&server.database)
        .application_name("portcullis")
        .options(options(server, purpose))
        .channel_binding(match server.channel_binding {
            ChannelBinding::Require => Binding::Require,
            // Where a proxy ends TLS, one that is offered would fail.
            ChannelBinding::Off => Binding::Disable,
        });
    config
}

/// Settings from the login on, so that they are what `RESET ALL` goes back to.
fn options(server: &Server, purpose: Purpose) -> String {
    // Zero would be for ever.
    let milliseconds = |time: Duration| time.as_millis().clamp(1, i32::MAX as u128);
    let mut options = format!(
        "-c lock_timeout={} -c statement_timeout={} -c idle_in_transaction_session_timeout=0 \
         -c TimeZone=UTC",
        milliseconds(server.lock_timeout),
        milliseconds(server.statement_timeout),
    );
    if purpose == Purpose::Look {
        options.push_str(" -c default_transaction_read_only=on");
    }
    options
}

type Dialled = (tokio_postgres::Client, tokio_postgres::Connection<Socket, Stream>, IpAddr);

/// Tries the host's addresses in turn until one accepts a connection. What the first that
/// does says is final: another address is no way around a check.
async fn dial(server: &Server, config: &Config, tls: &CheckedTls) -> Result<Dialled, Why> {
    let addresses = tokio::net::lookup_host((server.host.as_str(), server.port)).await;
    let mut why = Why::NoAddress;
    for address in addresses.map_err(|_| Why::NoAddress)? {
        let mut config = config.clone();
        config
            .host(&server.host)
            .hostaddr(address.ip())
            .port(server.port)
            .ssl_mode(SslMode::Require)
            .ssl_negotiation(SslNegotiation::Postgres)
            .target_session_attrs(TargetSessionAttrs::Any)
            .connect_timeout(PATIENCE)
            // A network that is cut is noticed within a minute.
            .tcp_user_timeout(Duration::from_secs(60))
            .keepalives_idle(Duration::from_secs(30))
            .keepalives_interval(Duration::from_secs(10))
            .keepalives_retries(3);
        match config.connect(tls.clone()).await {
            Ok((client, connection)) => return Ok((client, connection, address.ip())),
            Err(error) => why = Why::Driver(error),
        }
        if tls.seen().connected {
            break;
        }
    }
    Err(why)
}

/// What the gate reads, it reads in one form, and nothing of the server's own ends a
/// session that waits for a backup.
const SETTINGS: &str = "SELECT pg_catalog.set_config(s.name, v.value, false)
    FROM pg_catalog.pg_settings s
    JOIN (VALUES ('DateStyle', 'ISO'), ('idle_session_timeout', '0'), ('transaction_timeout', '0'))
        v (name, value) ON s.name = v.name";

/// A server of version 14 or newer notices by it that the gate was killed, also in the
/// middle of a statement; not on every operating system.
const NOTICE_DEATH: &str = "SET client_connection_check_interval = '1s'";

fn begin_session(conn: &mut Conn, server: &Server) -> Result<()> {
    let failed = |failure: Failure| {
        let next = "see the server's log";
        Error::new(ErrorKind::Refused, "begin a session", server.shown(), failure.to_string(), next)
    };
    conn.find_only_the_servers().map_err(failed)?;
    conn.keep_setting(SETTINGS).map_err(failed)?;
    // What only helps isn't demanded.
    let _ = conn.keep_setting(NOTICE_DEATH);
    let pids = process(conn).and_then(|first| {
        conn.run("BEGIN")?;
        let inside = process(conn)?;
        conn.run("COMMIT")?;
        Ok([first, inside, process(conn)?])
    });
    if pids.map_err(failed)? == [conn.backend_pid(); 3] {
        return Ok(());
    }
    Err(Error::new(
        ErrorKind::Refused,
        OPERATION,
        server.shown(),
        "a connection pooler answers there, and the lock of a run doesn't hold through one",
        "name the server itself in the target's url, not the pooler",
    ))
}

fn process(conn: &mut Conn) -> Result<i32, Failure> {
    let row = conn.ask_one("SELECT pg_catalog.pg_backend_pid()")?;
    let number = row.first().cloned().flatten().and_then(|text| text.parse().ok());
    number.ok_or_else(|| Failure::of("the server doesn't say which of its processes answers"))
}

#[cfg(test)]
mod tests;
