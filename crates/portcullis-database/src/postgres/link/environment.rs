//! Variables that other PostgreSQL clients, or OpenSSL, obey. This connection reads none of
//! them; one that says something else than the configuration does is refused by name, so
//! that nobody believes it holds. Child programs get none of them.

use std::ffi::OsString;

use crate::{Error, ErrorKind, Result};

/// What becomes of a variable that is set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stance {
    /// It has no effect here, and is common where people work.
    Ignored,
    /// It is refused, whatever it says.
    Refused,
    /// It is refused unless it says what holds anyway.
    RefusedUnless(&'static [&'static str]),
}

use Stance::{Ignored, Refused, RefusedUnless};

const ELSEWHERE: &str = "it would lead elsewhere than the target says";
const WEAKER: &str = "it would change how the connection is secured";
const TRUST: &str = "it would choose what is trusted; the target's ca and pins do";
const CODE: &str = "it would load configuration or code into OpenSSL";

/// Each variable, what becomes of it, and why.
pub(crate) const VARIABLES: &[(&str, Stance, &str)] = &[
    ("PGHOST", Ignored, "the target names the host"),
    ("PGPORT", Ignored, "the target names the port"),
    ("PGUSER", Ignored, "the target names the role"),
    ("PGDATABASE", Ignored, "the target names the database"),
    ("PGPASSWORD", Ignored, "the target says where the password is"),
    ("PGPASSFILE", Ignored, "the target says where the password is"),
    ("DATABASE_URL", Ignored, "the target names the database"),
    ("PGAPPNAME", Ignored, "only a name"),
    ("PGCONNECT_TIMEOUT", Ignored, "the gate has its own"),
    ("PGCLIENTENCODING", Ignored, "always UTF-8"),
    ("PGTZ", Ignored, "always UTC, as Diesel has it"),
    ("PGDATESTYLE", Ignored, "the role's"),
    ("PGGEQO", Ignored, "the role's"),
    ("PGLOCALEDIR", Ignored, "only words"),
    ("PGSSLCERT", Ignored, "no client certificate is shown"),
    ("PGSSLKEY", Ignored, "no client certificate is shown"),
    ("PGKRBSRVNAME", Ignored, "no Kerberos"),
    ("PGGSSLIB", Ignored, "no Kerberos"),
    ("PGREQUIREPEER", Ignored, "for Unix sockets, which aren't used"),
    ("SSL_CERT_FILE", Ignored, "only the target's ca is trusted"),
    ("SSL_CERT_DIR", Ignored, "only the target's ca is trusted"),
    ("PGHOSTADDR", Refused, ELSEWHERE),
    ("PGSERVICE", Refused, ELSEWHERE),
    ("PGSERVICEFILE", Refused, ELSEWHERE),
    ("PGSYSCONFDIR", Refused, ELSEWHERE),
    ("PGTARGETSESSIONATTRS", RefusedUnless(&["any", "read-write", "primary"]), ELSEWHERE),
    ("PGLOADBALANCEHOSTS", RefusedUnless(&["disable"]), ELSEWHERE),
    ("PGOPTIONS", Refused, "it could switch off constraints and triggers"),
    ("PGSSLMODE", RefusedUnless(&["verify-full"]), WEAKER),
    ("PGREQUIRESSL", Refused, WEAKER),
    ("PGSSLCOMPRESSION", RefusedUnless(&["0"]), WEAKER),
    ("PGSSLCERTMODE", RefusedUnless(&["disable", "allow"]), WEAKER),
    ("PGSSLSNI", RefusedUnless(&["1"]), WEAKER),
    ("PGSSLNEGOTIATION", RefusedUnless(&["postgres"]), WEAKER),
    ("PGSSLMINPROTOCOLVERSION", RefusedUnless(&["TLSv1.2"]), WEAKER),
    ("PGSSLMAXPROTOCOLVERSION", Refused, WEAKER),
    ("PGGSSENCMODE", RefusedUnless(&["disable"]), "GSS encryption would take the place of TLS"),
    ("PGGSSDELEGATION", RefusedUnless(&["0"]), WEAKER),
    ("PGCHANNELBINDING", RefusedUnless(&["require"]), WEAKER),
    ("PGREQUIREAUTH", RefusedUnless(&["scram-sha-256"]), WEAKER),
    ("PGSSLROOTCERT", Refused, TRUST),
    ("PGSSLCRL", Refused, "no revocation list is read here; a pin is taken away instead"),
    ("PGSSLCRLDIR", Refused, "no revocation list is read here; a pin is taken away instead"),
    ("SSLKEYLOGFILE", Refused, "it would write down the connection's keys"),
    ("OPENSSL_CONF", Refused, CODE),
    ("OPENSSL_CONF_INCLUDE", Refused, CODE),
    ("OPENSSL_MODULES", Refused, CODE),
    ("OPENSSL_ENGINES", Refused, CODE),
];

/// Refuses to connect while a variable is set that says otherwise.
pub(crate) fn refuse(variables: impl Iterator<Item = (OsString, OsString)>) -> Result<()> {
    let hostile = hostile(variables);
    let Some((first, why)) = hostile.first() else { return Ok(()) };
    let names: Vec<&str> = hostile.iter().map(|(name, _)| *name).collect();
    Err(Error::new(
        ErrorKind::Refused,
        "check the environment",
        format!("the variable {first}"),
        *why,
        format!("unset {}", names.join(" ")),
    ))
}

/// The variables that are refused, in the order of the table.
fn hostile(
    variables: impl Iterator<Item = (OsString, OsString)>,
) -> Vec<(&'static str, &'static str)> {
    // An empty one is as good as none, to libpq and to OpenSSL.
    let set: Vec<_> = variables.filter(|(_, value)| !value.is_empty()).collect();
    let value = |name: &str| set.iter().find(|(one, _)| one == name).map(|(_, value)| value);
    let is_refused = |name: &str, stance: &Stance| match (value(name), stance) {
        (None, _) | (_, Ignored) => false,
        (Some(_), Refused) => true,
        (Some(value), RefusedUnless(harmless)) => !harmless.iter().any(|one| value == one),
    };
    VARIABLES
        .iter()
        .filter(|(name, stance, _)| is_refused(name, stance))
        .map(|(name, _, why)| (*name, *why))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(variables: &[(&str, &str)]) -> Vec<&'static str> {
        let variables = variables.iter().map(|(name, value)| (name.into(), value.into()));
        hostile(variables).into_iter().map(|(name, _)| name).collect()
    }

    #[test]
    fn each_has_its_stance() {
        for (name, stance, _) in VARIABLES {
            let anything = refused(&[(name, "anything")]);
            match stance {
                Ignored => assert!(anything.is_empty(), "{name}"),
                Refused | RefusedUnless(_) => assert_eq!(anything, [*name]),
            }
            if let RefusedUnless(harmless) = stance {
                for value in *harmless {
                    assert!(refused(&[(name, value)]).is_empty(), "{name}={value}");
                }
            }
            assert!(refused(&[(name, "")]).is_empty(), "{name} is empty");
        }
    }

    #[test]
    fn all_are_named_at_once_and_no_value_is() {
        let variables = [
            ("PGSSLMODE", "disable"),
            ("HOME", "/root"),
            ("PGSERVICE", "hunter2"),
            ("PGHOST", "evil.example"),
        ];
        assert_eq!(refused(&variables), ["PGSERVICE", "PGSSLMODE"]);
        let variables = variables.iter().map(|(name, value)| (name.into(), value.into()));
        let error = refuse(variables).unwrap_err();
        assert_eq!(error.next_step, "unset PGSERVICE PGSSLMODE");
        assert!(!format!("{error:?}").contains("hunter2"));
    }
}
