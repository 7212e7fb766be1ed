//! What a server's certificate says, as far as a person or a pin asks.

use std::net::IpAddr;
use std::time::SystemTime;

use portcullis_model::config::Pin;
use portcullis_model::digest::Digest;
use portcullis_model::redact;
use x509_cert::der::{Decode as _, Encode as _};
use x509_cert::ext::pkix::SubjectAltName;
use x509_cert::ext::pkix::name::GeneralName;

/// A certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Certificate {
    /// The pin of its public key.
    pub(crate) key: Pin,
    /// The pin of the certificate as a whole.
    pub(crate) whole: Pin,
    /// Valid from here on.
    pub(crate) not_before: SystemTime,
    /// Valid until here.
    pub(crate) not_after: SystemTime,
    /// Whose it is, for people.
    pub(crate) subject: String,
    /// Who signed it, for people.
    pub(crate) issuer: String,
    /// The hosts that it is for, for people.
    pub(crate) hosts: Vec<String>,
}

impl Certificate {
    /// Reads one in DER; `None` if it isn't one.
    pub(crate) fn of(der: &[u8]) -> Option<Self> {
        let whole = x509_cert::Certificate::from_der(der).ok()?;
        let body = whole.tbs_certificate();
        let key = body.subject_public_key_info().to_der().ok()?;
        let names = body.get_extension::<SubjectAltName>().ok().flatten();
        let hosts = names.map(|(_, names)| names.0.iter().filter_map(host).collect());
        let shown =
            |name: &x509_cert::name::Name| redact::printable(&name.to_string()).into_owned();
        Some(Self {
            key: Pin::Key(Digest::of(&key)),
            whole: Pin::Certificate(Digest::of(der)),
            not_before: SystemTime::UNIX_EPOCH + body.validity().not_before.to_unix_duration(),
            not_after: SystemTime::UNIX_EPOCH + body.validity().not_after.to_unix_duration(),
            subject: shown(body.subject()),
            issuer: shown(body.issuer()),
            hosts: hosts.unwrap_or_default(),
        })
    }

    /// The first of the pins that it has.
    pub(crate) fn matched(&self, pins: &[Pin]) -> Option<Pin> {
        pins.iter().copied().find(|pin| [self.key, self.whole].contains(pin))
    }
}

fn host(name: &GeneralName) -> Option<String> {
    match name {
        GeneralName::DnsName(name) => Some(redact::printable(name.as_str()).into_owned()),
        GeneralName::IpAddress(bytes) => {
            let address = match bytes.as_bytes() {
                four if four.len() == 4 => IpAddr::from(<[u8; 4]>::try_from(four).ok()?),
                sixteen => IpAddr::from(<[u8; 16]>::try_from(sixteen).ok()?),
            };
            Some(address.to_string())
        }
        _ => None,
    }
}
