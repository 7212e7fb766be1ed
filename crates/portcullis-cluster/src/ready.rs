//! Whether a server answers, asked without a client library.

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::time::Duration;

use crate::error::{Error, Result};

/// The protocol's `SSLRequest`: eight bytes, the answer is one.
const REQUEST: [u8; 8] = [0, 0, 0, 8, 4, 210, 22, 47];

const PATIENCE: Duration = Duration::from_secs(1);

/// What a server says to who asks for TLS.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Answer {
    Tls,
    NoTls,
}

/// A port that nobody listens on now.
pub(crate) fn free_port() -> Result<u16> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
        .and_then(|listener| listener.local_addr())
        .map(|address| address.port())
        .map_err(|error| Error::io("find a free port", Path::new("127.0.0.1"), &error))
}

/// Whether somebody listens on a port.
pub(crate) fn is_taken(port: u16) -> bool {
    TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_err()
}

/// Whether the server itself says that it is ready.
pub(crate) fn says_so(data: &Path) -> bool {
    let text = std::fs::read_to_string(data.join("postmaster.pid")).unwrap_or_default();
    text.lines().nth(7).is_some_and(|status| status.trim() == "ready")
}

/// What it answers at its port.
pub(crate) fn ask(port: u16) -> Option<Answer> {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let mut stream = TcpStream::connect_timeout(&address, PATIENCE).ok()?;
    stream.set_read_timeout(Some(PATIENCE)).ok()?;
    stream.write_all(&REQUEST).ok()?;
    let mut answer = [0];
    stream.read_exact(&mut answer).ok()?;
    match answer {
        [b'S'] => Some(Answer::Tls),
        [b'N'] => Some(Answer::NoTls),
        _ => None,
    }
}
