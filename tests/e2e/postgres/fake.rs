//! A server that misbehaves on purpose, and tells what a client has sent to it.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use native_tls::{Protocol, TlsAcceptor};
use portcullis_cluster::certificates::Identity;

/// What it does with `SSLRequest`.
pub(crate) enum Manner {
    /// It answers that it has no TLS.
    NoTls,
    /// It answers that it has, and sends this.
    Then(&'static [u8]),
    /// It answers that it has, and is silent from then on.
    Silent,
    /// It never answers.
    Mute,
    /// It shows this certificate, in this version of TLS or a newer one.
    Shows(Box<Identity>),
}

/// What a client has sent.
#[derive(Debug, Default, Clone)]
pub(crate) struct Sent {
    /// In the clear: before TLS, and what TLS's own messages show.
    pub(crate) clear: Vec<u8>,
    /// Inside of TLS.
    pub(crate) inside: Vec<u8>,
    /// How many TLS handshakes were finished.
    pub(crate) handshakes: usize,
    pub(crate) connections: usize,
}

pub(crate) struct Fake {
    pub(crate) port: u16,
    sent: Arc<Mutex<Sent>>,
}

impl Fake {
    /// Serves until the test ends.
    pub(crate) fn new(manner: Manner) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let sent = Arc::<Mutex<Sent>>::default();
        let (notes, manner) = (sent.clone(), Arc::new(manner));
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let (notes, manner) = (notes.clone(), manner.clone());
                notes.lock().unwrap().connections += 1;
                std::thread::spawn(move || serve(stream.unwrap(), &manner, &notes));
            }
        });
        Self { port, sent }
    }

    /// What clients have sent, once they are gone.
    pub(crate) fn sent(&self) -> Sent {
        std::thread::sleep(Duration::from_millis(100));
        self.sent.lock().unwrap().clone()
    }
}

fn serve(mut stream: TcpStream, manner: &Manner, notes: &Mutex<Sent>) {
    let _ = stream.set_read_timeout(Some(Duration::from_secs(20)));
    let mut request = [0; 8];
    if stream.read_exact(&mut request).is_err() {
        return;
    }
    notes.lock().unwrap().clear.extend(request);
    let answer: &[u8] = match manner {
        Manner::NoTls => b"N",
        Manner::Then(_) | Manner::Silent | Manner::Shows(_) => b"S",
        Manner::Mute => b"",
    };
    let _ = stream.write_all(answer);
    match manner {
        Manner::Then(bytes) => {
            let _ = stream.write_all(bytes);
            listen(&mut stream, |bytes| notes.lock().unwrap().clear.extend(bytes));
        }
        Manner::NoTls | Manner::Silent | Manner::Mute => {
            listen(&mut stream, |bytes| notes.lock().unwrap().clear.extend(bytes));
        }
        Manner::Shows(identity) => shake(stream, identity, notes),
    }
}

fn shake(stream: TcpStream, identity: &Identity, notes: &Mutex<Sent>) {
    let chain = format!("{}{}", identity.certificate_pem, identity.authority_pem);
    let pkcs8 =
        native_tls::Identity::from_pkcs8(chain.as_bytes(), identity.key_pem.as_bytes()).unwrap();
    let acceptor =
        TlsAcceptor::builder(pkcs8).min_protocol_version(Some(Protocol::Tlsv12)).build().unwrap();
    let Ok(mut inside) = acceptor.accept(stream) else { return };
    notes.lock().unwrap().handshakes += 1;
    listen(&mut inside, |bytes| notes.lock().unwrap().inside.extend(bytes));
}

fn listen(stream: &mut impl std::io::Read, mut heard: impl FnMut(&[u8])) {
    let mut buffer = [0; 4096];
    while let Ok(read @ 1..) = stream.read(&mut buffer) {
        heard(&buffer[..read]);
    }
}

/// Whether bytes are `SSLRequest` and after it only messages of TLS's handshake.
pub(crate) fn is_only_a_handshake(clear: &[u8]) -> bool {
    const REQUEST: [u8; 8] = [0, 0, 0, 8, 4, 210, 22, 47];
    let mut rest = clear;
    while !rest.is_empty() {
        if let Some(tail) = rest.strip_prefix(&REQUEST) {
            rest = tail;
            continue;
        }
        // Type, version, length: an alert or a handshake, never data.
        let [20..=22, 3, _, high, low, tail @ ..] = rest else { return false };
        let length = usize::from(u16::from_be_bytes([*high, *low]));
        let Some(tail) = tail.get(length..) else { return false };
        rest = tail;
    }
    true
}
