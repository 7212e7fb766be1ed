//! The text of a cluster's configuration.

use std::fmt::Write as _;

use crate::error::{Error, ErrorKind, Result};
use crate::options::{Durability, Options, Tls};

/// Only TLS, only SCRAM, only from this machine; whatever isn't named is refused.
pub(crate) const ACCESS: &str = "hostssl all all 127.0.0.1/32 scram-sha-256\n\
                                 hostssl all all ::1/128 scram-sha-256\n";

/// What the caller can't set, because the cluster is told from it.
const RESERVED: [&str; 6] = [
    "config_file",
    "data_directory",
    "hba_file",
    "listen_addresses",
    "port",
    "unix_socket_directories",
];

const ALWAYS: [(&str, &str); 10] = [
    ("listen_addresses", "127.0.0.1"),
    ("unix_socket_directories", ""),
    ("password_encryption", "scram-sha-256"),
    ("logging_collector", "off"),
    ("lc_messages", "C"),
    ("log_timezone", "UTC"),
    ("timezone", "UTC"),
    // What a machine has that also does other things.
    ("shared_buffers", "32MB"),
    ("max_connections", "50"),
    ("cluster_name", "portcullis"),
];

const TLS: [(&str, &str); 4] = [
    ("ssl", "on"),
    ("ssl_min_protocol_version", "TLSv1.2"),
    ("ssl_cert_file", "server.crt"),
    ("ssl_key_file", "server.key"),
];

/// What isn't worth its time where everything is thrown away.
const FAST: [(&str, &str); 5] = [
    ("fsync", "off"),
    ("full_page_writes", "off"),
    ("synchronous_commit", "off"),
    ("checkpoint_timeout", "30min"),
    ("max_wal_size", "1GB"),
];

/// The file that `postgresql.conf` includes at its end. What the caller sets comes last,
/// so that it wins.
pub(crate) fn text(options: &Options, port: u16) -> Result<String> {
    let port = port.to_string();
    let own = |(name, value): &(String, String)| -> Result<(String, String)> {
        check(name, value)?;
        Ok((name.clone(), value.clone()))
    };
    let theirs: Vec<(String, String)> = options.settings.iter().map(own).collect::<Result<_>>()?;
    let tls = if matches!(options.tls, Tls::Off) { &[("ssl", "off")][..] } else { &TLS };
    let fast = if options.durability == Durability::None { &FAST[..] } else { &[] };
    let ours = [("port", port.as_str())];
    let all = ours.iter().chain(&ALWAYS).chain(tls).chain(fast).copied();
    let all = all.chain(theirs.iter().map(|(name, value)| (name.as_str(), value.as_str())));
    let mut text = String::new();
    for (name, value) in all {
        // The value's quoting is that of SQL, with backslashes as escapes besides.
        let value = value.replace('\\', "\\\\").replace('\'', "''");
        let _ = writeln!(text, "{name} = '{value}'");
    }
    Ok(text)
}

fn check(name: &str, value: &str) -> Result<()> {
    let refuse = |cause: &str| {
        Err(Error::new(
            ErrorKind::Refused,
            "configure a PostgreSQL server",
            format!("the setting {name}"),
            cause,
            "correct it where the cluster is asked for",
        ))
    };
    let good = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.');
    if name.is_empty() || !name.chars().all(good) {
        return refuse("that is no setting's name");
    }
    if RESERVED.contains(&name.to_ascii_lowercase().as_str()) {
        return refuse("the cluster chooses it itself");
    }
    if value.contains(char::is_control) {
        return refuse("its value holds a control character");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_caller_sets_comes_last_and_is_quoted() {
        let options = Options::default().setting("search_path", r"it's a \ path");
        let text = text(&options, 5433).unwrap();
        assert!(text.starts_with("port = '5433'\n"));
        assert!(text.ends_with("search_path = 'it''s a \\\\ path'\n"), "{text}");
    }

    #[test]
    fn what_the_cluster_is_told_from_and_what_would_break_out_is_refused() {
        for (name, value) in [
            ("Port", "5432"),
            ("hba_file", "/tmp/mine"),
            ("", "on"),
            ("a = 'b'\nfsync", "on"),
            ("search_path", "public\nfsync = on"),
        ] {
            let error = text(&Options::default().setting(name, value), 1).unwrap_err();
            assert_eq!(error.kind, ErrorKind::Refused, "{name}");
            assert!(!error.to_string().contains('\n'));
        }
    }
}
