//! TLS to one server: the chain, the host name and the pin are checked before anything but
//! the handshake is sent.

use std::pin::Pin as Pinned;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use native_tls::{Certificate as Trusted, Protocol, TlsConnector};
use portcullis_model::config::{Pin, Server};
use portcullis_model::redact;
use tokio_postgres::Socket;
use tokio_postgres::tls::{self, ChannelBinding, MakeTlsConnect, TlsConnect};

use super::certificate::Certificate;
use super::wire::{Ear, Listened};
use crate::{Error, ErrorKind, Result};

/// What is demanded of a server.
#[derive(Debug, Clone)]
pub(crate) enum Demand {
    /// A chain that ends at the authority, the host name, and one of the pins.
    Pins(Vec<Pin>),
    /// Nothing: the certificate is only looked at, to say what is wrong with it, and the
    /// handshake always fails then. Nothing is ever sent to a server that wasn't checked.
    Nothing,
}

/// Why TLS ended before it began to carry anything.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// The handshake failed: no TLS, or the chain or the host name is wrong.
    #[error("{0}")]
    Handshake(#[from] native_tls::Error),
    /// The server has shown no certificate, or none that can be read.
    #[error("the server has shown no certificate that can be read")]
    NoCertificate,
    /// Chain and host name are right, and no pin matches.
    #[error("the certificate has none of the pins")]
    Pin,
    /// It was only to be looked at.
    #[error("only the certificate was looked at")]
    LookedAt,
}

/// What is known of the server so far; told also where the connection fails.
#[derive(Debug, Clone, Default)]
pub(crate) struct Seen {
    /// There is a TCP connection.
    pub(crate) connected: bool,
    /// What the server has shown.
    pub(crate) certificate: Option<Certificate>,
    /// The pin that matched.
    pub(crate) pin: Option<Pin>,
    /// A login can be bound to this connection.
    pub(crate) binds: bool,
}

/// Makes TLS connections that are checked, and listened to.
#[derive(Clone)]
pub(crate) struct CheckedTls {
    connector: TlsConnector,
    demand: Demand,
    host: String,
    seen: Arc<Mutex<Seen>>,
    ear: Ear,
}

impl CheckedTls {
    pub(crate) fn new(server: &Server, demand: Demand) -> Result<Self> {
        const OPERATION: &str = "set up TLS";
        let mut builder = TlsConnector::builder();
        builder.disable_built_in_roots(true).min_protocol_version(Some(Protocol::Tlsv12));
        postgres_native_tls::set_postgresql_alpn(&mut builder);
        match demand {
            Demand::Pins(_) => {
                for authority in authorities(server)? {
                    builder.add_root_certificate(authority);
                }
            }
            Demand::Nothing => {
                builder.danger_accept_invalid_certs(true).danger_accept_invalid_hostnames(true);
            }
        }
        let connector = builder.build().map_err(|error| {
            let next = "see the cause";
            let place = server.shown();
            Error::new(ErrorKind::Refused, OPERATION, place, error.to_string(), next)
        })?;
        let host = server.host.clone();
        Ok(Self { connector, demand, host, seen: Arc::default(), ear: Ear::default() })
    }

    pub(crate) fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn ear(&self) -> Ear {
        self.ear.clone()
    }

    async fn shake(self, socket: Socket) -> Result<Stream, Failure> {
        let connector = tokio_native_tls::TlsConnector::from(self.connector.clone());
        let stream = connector.connect(&self.host, socket).await?;
        let tls = stream.get_ref();
        let der = tls.peer_certificate()?.ok_or(Failure::NoCertificate)?.to_der()?;
        let certificate = Certificate::of(&der).ok_or(Failure::NoCertificate)?;
        let binding = tls.tls_server_end_point()?;
        let mut seen = self.seen();
        let pin = match &self.demand {
            Demand::Pins(pins) => certificate.matched(pins).ok_or(Failure::Pin),
            Demand::Nothing => Err(Failure::LookedAt),
        };
        seen.certificate = Some(certificate);
        seen.binds = binding.is_some();
        seen.pin = Some(pin?);
        drop(seen);
        Ok(Listened::new(stream, self.ear))
    }
}

/// A system's whole bundle has a quarter of it.
const LARGEST_CA: u64 = 1 << 20;

/// The certificates that a chain may end at.
fn authorities(server: &Server) -> Result<Vec<Trusted>> {
    const OPERATION: &str = "read the certificate authority's certificate";
    let path = &server.ca;
    let io = |error: std::io::Error| Error::io(OPERATION, path, &error).refused();
    let refused = |cause: &str| {
        let next = "name the file with its certificate, in PEM, as the target's ca";
        Error::new(ErrorKind::Refused, OPERATION, redact::path(path), cause, next)
    };
    let metadata = std::fs::metadata(path).map_err(io)?;
    if !metadata.is_file() || metadata.len() > LARGEST_CA {
        return Err(refused("it is no file of certificates"));
    }
    let bytes = std::fs::read(path).map_err(io)?;
    let found = Trusted::stack_from_pem(&bytes)
        .map_err(|_| refused("it holds no certificate that can be read"))?;
    if found.is_empty() {
        return Err(refused("it holds no certificate"));
    }
    Ok(found)
}

impl MakeTlsConnect<Socket> for CheckedTls {
    type Stream = Stream;
    type TlsConnect = Self;
    type Error = Failure;

    fn make_tls_connect(&mut self, _: &str) -> Result<Self, Failure> {
        self.seen().connected = true;
        Ok(self.clone())
    }
}

impl TlsConnect<Socket> for CheckedTls {
    type Stream = Stream;
    type Error = Failure;
    type Future = Pinned<Box<dyn Future<Output = Result<Stream, Failure>> + Send>>;

    fn connect(self, socket: Socket) -> Self::Future {
        Box::pin(self.shake(socket))
    }
}

/// A checked connection.
pub(crate) type Stream = Listened<tokio_native_tls::TlsStream<Socket>>;

impl tls::TlsStream for Stream {
    fn channel_binding(&self) -> ChannelBinding {
        match self.get_ref().get_ref().tls_server_end_point() {
            Ok(Some(binding)) => ChannelBinding::tls_server_end_point(binding),
            _ => ChannelBinding::none(),
        }
    }
}
