//! Why there is no connection, in words that say what to do.

use std::error::Error as _;
use std::io;
use std::time::SystemTime;

use portcullis_model::config::Server;
use portcullis_model::redact;
use tokio_postgres::error::DbError;

use super::certificate::Certificate;
use super::password;
use super::tls::{Failure, Seen};
use crate::{Error, ErrorKind};

/// What ended the attempt.
#[derive(Debug)]
pub(crate) enum Why {
    /// The name leads to no address.
    NoAddress,
    /// It took too long.
    Slow,
    /// The login succeeded, and what Diesel says first didn't.
    Setup,
    /// Anything else.
    Driver(tokio_postgres::Error),
}

/// What is said of it: what it means, the cause, and what to do.
struct Words(ErrorKind, String, String);

fn refused(cause: impl Into<String>, next: impl Into<String>) -> Words {
    Words(ErrorKind::Refused, cause.into(), next.into())
}

/// Words for it. `look` shows the certificate of a server that failed a check.
pub(crate) fn explain(
    server: &Server,
    why: &Why,
    seen: &Seen,
    look: impl FnOnce() -> Option<Certificate>,
) -> Error {
    let Words(kind, cause, next) = match why {
        Why::NoAddress => refused(
            "the host's name leads to no address",
            "check the host in the target's url, and the name service",
        ),
        Why::Slow if seen.connected => refused(
            "it takes connections, but doesn't answer as a server does",
            "check that host and port are PostgreSQL's; if the server is overloaded, try later",
        ),
        Why::Slow => {
            refused("it doesn't answer", "check host and port, and what the network lets through")
        }
        Why::Setup => {
            refused("the server ended the connection after the login", "see the server's log")
        }
        Why::Driver(error) => driver(server, error, seen, look),
    };
    Error::new(kind, "connect", server.shown(), cause, next)
}

fn driver(
    server: &Server,
    error: &tokio_postgres::Error,
    seen: &Seen,
    look: impl FnOnce() -> Option<Certificate>,
) -> Words {
    let source = error.source();
    if let Some(error) = error.as_db_error() {
        return from_server(server, error);
    }
    if let Some(failure) = source.and_then(|source| source.downcast_ref::<Failure>()) {
        return match failure {
            Failure::Pin => pin(seen),
            Failure::Handshake(error) => handshake(server, &error.to_string(), look),
            Failure::NoCertificate | Failure::LookedAt => {
                refused(failure.to_string(), "give the server a certificate (ssl_cert_file)")
            }
        };
    }
    if let (false, Some(error)) =
        (seen.connected, source.and_then(|source| source.downcast_ref::<io::Error>()))
    {
        return socket(error);
    }
    // The driver's own words, which hold no value.
    let words = source.map(ToString::to_string).unwrap_or_default();
    match words.as_str() {
        "server does not support TLS" => refused(
            "the server offers no TLS, and nothing is sent without it",
            "give the server a certificate, and set ssl = on",
        ),
        "server did not use channel binding"
        | "unsupported SASL mechanism"
        | "unsupported authentication method" => unbound(server, seen),
        _ if seen.pin.is_none() => refused(
            "it ended the connection before TLS began",
            "check that the port is PostgreSQL's",
        ),
        words if words.starts_with("SCRAM") || error.to_string() == "authentication error" => {
            refused(
                "the server couldn't prove that it knows the role's password",
                format!(
                    "check the role, and the password in {}; if both are right, it isn't the server \
                 that you think",
                    password::shown(&server.password)
                ),
            )
        }
        _ => refused("the server ended the connection during the login", "see the server's log"),
    }
}

fn socket(error: &io::Error) -> Words {
    use io::ErrorKind as Io;
    match error.kind() {
        Io::ConnectionRefused => refused(
            "nothing listens there",
            "start the server, or check host and port in the target's url",
        ),
        Io::TimedOut => {
            refused("it doesn't answer", "check host and port, and what the network lets through")
        }
        Io::HostUnreachable | Io::NetworkUnreachable => {
            refused("the network has no way there", "check the network")
        }
        _ => refused(error.to_string(), "see what the operating system says about it"),
    }
}

fn pin(seen: &Seen) -> Words {
    let Some(seen) = &seen.certificate else {
        return refused("its certificate has none of the target's pins", "see its certificate");
    };
    refused(
        format!(
            "its certificate has none of the target's pins; it has {} ({}, valid until {})",
            seen.key,
            seen.subject,
            day(seen.not_after)
        ),
        "was it renewed? compare the pin with the one on the server itself, over another channel; \
         if they are equal, add it to the target's pins. If not, somebody is in between",
    )
}

/// What OpenSSL says, in its own words, of a chain or a handshake.
fn handshake(server: &Server, words: &str, look: impl FnOnce() -> Option<Certificate>) -> Words {
    let says = |one: &str| words.contains(one);
    let shown = || look().map(|certificate| (SystemTime::now(), certificate));
    if says("has expired") {
        return match shown() {
            Some((now, seen)) if seen.not_after < now => refused(
                format!("its certificate has expired, on {}", day(seen.not_after)),
                "renew it on the server",
            ),
            _ => refused(
                "a certificate of its authority has expired",
                "renew it, or name a newer file as the target's ca",
            ),
        };
    }
    if says("not yet valid") {
        let next = "check the clocks of this machine and of whoever made the certificate";
        return match shown() {
            Some((now, seen)) if seen.not_before > now => refused(
                format!("its certificate isn't valid before {}", day(seen.not_before)),
                next,
            ),
            _ => refused("a certificate of its authority isn't valid yet", next),
        };
    }
    if says("ostname mismatch") || says("IP address mismatch") {
        let hosts =
            shown().map(|(_, seen)| seen.hosts.join(", ")).filter(|hosts| !hosts.is_empty());
        let hosts = hosts.unwrap_or_else(|| "no host by name".to_owned());
        return refused(
            format!("its certificate is for {hosts}, not for {}", redact::printable(&server.host)),
            "name the host in the target's url as the certificate does, or have one made for it",
        );
    }
    if says("issuer") || says("self-signed") || says("self signed") || says("unable to verify") {
        let issuer = shown().map(|(_, seen)| format!("; it is from {}", seen.issuer));
        return refused(
            format!(
                "its certificate isn't from the target's authority{}",
                issuer.unwrap_or_default()
            ),
            "name the file of the authority that signed it as the target's ca; if you don't know \
             that authority, it isn't your server",
        );
    }
    if says("unsupported protocol") || says("protocol version") || says("no protocols") {
        return refused(
            "it offers nothing newer than TLS 1.1",
            "set ssl_min_protocol_version = 'TLSv1.2' at the server",
        );
    }
    if says("wrong version number") || says("packet length") || says("record") {
        return refused(
            "it says that it does TLS, and then doesn't",
            "check that host and port are PostgreSQL's",
        );
    }
    refused(
        format!("the TLS handshake failed: {}", reason(words)),
        "check that host and port are PostgreSQL's; see the server's log",
    )
}

/// OpenSSL's reason, out of `error:number:library:function:reason:file:line:`.
fn reason(words: &str) -> &str {
    if let Some((_, verdict)) = words.rsplit_once(" (") {
        return verdict.trim_end_matches(')');
    }
    match words.strip_prefix("error:") {
        Some(rest) => rest.split(':').nth(3).unwrap_or("see the server's log"),
        None => words,
    }
}

fn unbound(server: &Server, seen: &Seen) -> Words {
    if !seen.binds {
        return refused(
            "its certificate's signature has no digest that a login could be bound to",
            "give the server an RSA or ECDSA certificate, or set channel-binding = \"off\"",
        );
    }
    refused(
        "the server doesn't bind the login to the TLS connection",
        format!(
            "have pg_hba.conf ask the role {} for scram-sha-256, and set its password again if it \
             is older than that",
            redact::printable(&server.user)
        ),
    )
}

/// What the server itself says, at the login.
fn from_server(server: &Server, error: &DbError) -> Words {
    let role = redact::printable(&server.user);
    let database = redact::printable(&server.database);
    let said = redact::urls(error.message());
    match error.code().code() {
        "28P01" => refused(
            format!("the server refuses the password of the role {role}"),
            format!("check the password in {}, and the role", password::shown(&server.password)),
        ),
        "28000" if seen_in_between(error) => refused(
            "the login isn't bound to the server's own TLS connection: something in between has one \
             of its own",
            "name the server itself in the target's url; for a proxy that you know and have \
             pinned, set channel-binding = \"off\"",
        ),
        "28000" => refused(
            format!("the server refuses the role {role}: {said}"),
            "make the role, or let it in: CREATE ROLE … LOGIN, and pg_hba.conf",
        ),
        "3D000" => Words(
            ErrorKind::Unreadable,
            format!("there is no database {database}"),
            "check the database in the target's url, or create it".to_owned(),
        ),
        "42501" => refused(
            format!("the role {role} may not connect to {database}"),
            "GRANT CONNECT ON DATABASE … TO … as its owner",
        ),
        "55000" => Words(
            ErrorKind::Fenced,
            format!("the database takes no connections: {said}"),
            "ALTER DATABASE … ALLOW_CONNECTIONS true, once it is known who switched them off"
                .to_owned(),
        ),
        "53300" => Words(
            ErrorKind::Busy,
            "the server has no connection left for it".to_owned(),
            "try again, or raise max_connections".to_owned(),
        ),
        "57P01" | "57P02" | "57P03" => Words(
            ErrorKind::Busy,
            format!("the server isn't ready: {said}"),
            "try again in a moment".to_owned(),
        ),
        code => refused(format!("{said} ({code})"), "see the server's log"),
    }
}

/// The server and the gate see different certificates.
fn seen_in_between(error: &DbError) -> bool {
    error.message().contains("channel binding check failed")
}

/// A point in time as people compare it.
pub(crate) fn day(time: SystemTime) -> String {
    // Before 1970 and after 9999 there are no certificates; the formatter would panic.
    match time.duration_since(SystemTime::UNIX_EPOCH) {
        Ok(since) if since.as_secs() < 253_402_300_800 => {
            humantime::format_rfc3339_seconds(time).to_string()
        }
        _ => "the end of time".to_owned(),
    }
}
