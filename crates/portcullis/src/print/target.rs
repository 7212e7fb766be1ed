//! A server that is met for the first time.

use portcullis_database::introduction::{Met, Shown};
use portcullis_model::redact::printable;
use portcullis_model::words::count;

use super::{QUIET, text};

fn line(label: &str, value: &str) -> String {
    format!("{QUIET}{label:>12}{QUIET:#}  {value}\n")
}

/// What it shows before anything is sent to it, and how to compare it.
pub(crate) fn server_shown(place: &str, shown: &Shown) {
    let hosts = shown.hosts.join(", ");
    let mut out = line("server", place);
    out.push_str(&line("certificate", &shown.subject));
    out.push_str(&line("from", &shown.issuer));
    out.push_str(&line("for", &hosts));
    out.push_str(&line("valid", &format!("{} to {}", shown.not_before, shown.not_after)));
    out.push_str(&line("pin", &shown.key.to_string()));
    out.push_str(&line("or", &format!("{} (changes with each renewal)", shown.whole)));
    out.push_str(
        "\nThe chain and the host name are right; nothing but a handshake was sent. Whether it is\n\
         your server, the pin tells. Compare it with this, run on the server itself:\n\n  \
         openssl x509 -in server.crt -pubkey -noout | openssl pkey -pubin -outform der \\\n    \
         | openssl dgst -sha256 -binary | base64\n",
    );
    text(&out);
}

/// What is there.
pub(crate) fn database_met(place: &str, met: &Met) {
    let mut out = line("database", &format!("{place}, number {}", met.database_oid));
    out.push_str(&line("cluster", &met.cluster.to_string()));
    out.push_str(&line("server", &format!("PostgreSQL {}", printable(&met.server_version))));
    let rights = if met.excess.is_empty() {
        String::new()
    } else {
        format!(", which is {}: more than a migration needs", met.excess.join(", "))
    };
    out.push_str(&line("role", &format!("{}{rights}", printable(&met.role))));
    let applied = match (&met.migrated_by, met.applied.last()) {
        (Some(by), Some(last)) => format!(
            "{} by {}, the last is {}; they are taken as they are, accepted by nobody",
            count(met.applied.len(), "migration"),
            printable(by),
            printable(last)
        ),
        (Some(by), None) => format!("no migration; Diesel's table is {}'s", printable(by)),
        (None, _) => "no migration: Diesel's table isn't there".to_owned(),
    };
    out.push_str(&line("applied", &applied));
    out.push_str(
        "\nA role for migrations and nothing else, as a proposal; nothing of it was run:\n\n",
    );
    for row in met.proposal.lines() {
        out.push_str(&format!("  {}\n", printable(row)));
    }
    text(&out);
}
