//! Certificates for throwaway servers, good ones and, for tests, bad ones.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa,
    Issuer, KeyPair, KeyUsagePurpose, SerialNumber,
};

use crate::error::{Error, ErrorKind, Result};
use crate::random;

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// An authority that signs certificates: a new one each time, its key only in memory.
#[derive(Debug)]
pub struct Authority {
    pem: String,
    issuer: Issuer<'static, KeyPair>,
}

/// What a certificate is to say.
#[derive(Debug, Clone)]
pub struct Request {
    /// Host names and addresses.
    pub names: Vec<String>,
    /// When it holds.
    pub validity: Validity,
    /// Whose it is.
    pub key: Key,
}

/// When a certificate holds, in days from now: negative ones are past.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Validity {
    /// From this day,
    pub from: i32,
    /// to this one.
    pub to: i32,
}

/// The key of a certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Key {
    /// A new one: ECDSA on the curve P-256.
    P256,
    /// A new one: Ed25519. PostgreSQL can't bind a channel to it.
    Ed25519,
    /// One that another certificate has ([`Identity::key_pem`]): this one renews it.
    Kept(String),
}

/// What a server shows, and what its clients trust.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// The certificate of the authority that signed.
    pub authority_pem: String,
    /// The server's certificate.
    pub certificate_pem: String,
    /// The server's private key (PKCS #8).
    pub key_pem: String,
}

impl Request {
    /// For this machine, from yesterday for so many days.
    pub fn local(days: i32) -> Self {
        Self {
            names: ["localhost", "127.0.0.1", "::1"].map(str::to_owned).to_vec(),
            validity: Validity { from: -1, to: days },
            key: Key::P256,
        }
    }
}

impl Authority {
    /// A new authority; two of one name have different keys.
    ///
    /// # Errors
    /// The system gives no random bytes.
    pub fn new(name: &str) -> Result<Self> {
        let mut params = params(name, Validity { from: -1, to: 3650 }, &[])?;
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let key = KeyPair::generate().map_err(failed)?;
        let pem = params.self_signed(&key).map_err(failed)?.pem();
        Ok(Self { pem, issuer: Issuer::new(params, key) })
    }

    /// Its certificate, which clients trust.
    pub fn pem(&self) -> &str {
        &self.pem
    }

    /// Signs a server's certificate.
    ///
    /// # Errors
    /// A name can't stand in a certificate, or the kept key can't be read.
    pub fn issue(&self, request: &Request) -> Result<Identity> {
        let name = request.names.first().map_or("server", String::as_str);
        let mut params = params(name, request.validity, &request.names)?;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        params.use_authority_key_identifier_extension = true;
        let key = match &request.key {
            Key::P256 => KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256),
            Key::Ed25519 => KeyPair::generate_for(&rcgen::PKCS_ED25519),
            Key::Kept(pem) => KeyPair::from_pem(pem),
        }
        .map_err(failed)?;
        let certificate = params.signed_by(&key, &self.issuer).map_err(failed)?;
        Ok(Identity {
            authority_pem: self.pem.clone(),
            certificate_pem: certificate.pem(),
            key_pem: readable(key.serialize_pem()),
        })
    }
}

/// The same key in PKCS #8's first version: OpenSSL doesn't read an Ed25519 key in the
/// second one, which adds the public key at the end. Their heads are of fifteen bytes, the
/// rest of the first is thirty-three: base64 needn't be decoded.
fn readable(pem: String) -> String {
    let text: String = pem.lines().filter(|line| !line.starts_with('-')).collect();
    match text.strip_prefix("MFECAQEwBQYDK2VwBCIE").and_then(|rest| rest.get(..44)) {
        Some(secret) => format!(
            "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIE{secret}\n-----END PRIVATE KEY-----\n"
        ),
        None => pem,
    }
}

fn params(name: &str, validity: Validity, names: &[String]) -> Result<CertificateParams> {
    let mut params = CertificateParams::new(names).map_err(failed)?;
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, name);
    // Random: a certificate that renews another one would get the same number otherwise.
    let mut serial = random::bytes::<16>()?;
    serial[0] = serial[0] & 0x7f | 0x40;
    params.serial_number = Some(SerialNumber::from_slice(&serial));
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let day = |days: i32| {
        let away = DAY * days.unsigned_abs();
        let since = if days < 0 { now.saturating_sub(away) } else { now.saturating_add(away) };
        rcgen::date_time_ymd(1970, 1, 1) + Duration::from_secs(since.as_secs())
    };
    params.not_before = day(validity.from);
    params.not_after = day(validity.to);
    Ok(params)
}

fn failed(error: rcgen::Error) -> Error {
    Error::new(
        ErrorKind::Failed,
        "make a certificate",
        "the server's identity",
        error.to_string(),
        "check the names and the key that were asked for",
    )
}
