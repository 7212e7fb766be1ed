//! What stands between the gate and its server: a proxy that ends TLS itself, and a pooler.

use std::io::{ErrorKind, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::time::Duration;

use native_tls::{Certificate, TlsAcceptor, TlsConnector, TlsStream};
use portcullis_cluster::certificates::{Authority, Identity, Request};
use portcullis_cluster::{Cluster, Options};

use super::target::{Says, run, start, workspace};

/// What it does with what the server says.
#[derive(Clone, Copy)]
enum Manner {
    /// It passes everything on.
    Passes,
    /// It tells a number of a server process of its own, as poolers do.
    Pools,
}

/// Shows a certificate of its own, and has a TLS connection of its own to the cluster.
fn between(cluster: &Cluster, identity: &Identity, manner: Manner) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let shown = native_tls::Identity::from_pkcs8(
        identity.certificate_pem.as_bytes(),
        identity.key_pem.as_bytes(),
    );
    let acceptor = TlsAcceptor::new(shown.unwrap()).unwrap();
    let authority = cluster.identity().unwrap().authority_pem.clone();
    let connector = TlsConnector::builder()
        .add_root_certificate(Certificate::from_pem(authority.as_bytes()).unwrap())
        .build()
        .unwrap();
    let server = cluster.port();
    std::thread::spawn(move || {
        for client in listener.incoming() {
            let (acceptor, connector) = (acceptor.clone(), connector.clone());
            std::thread::spawn(move || {
                let mut client = client.unwrap();
                client.read_exact(&mut [0; 8]).ok()?;
                client.write_all(b"S").ok()?;
                let client = acceptor.accept(client).ok()?;
                let mut server = TcpStream::connect(("127.0.0.1", server)).ok()?;
                server.write_all(&[0, 0, 0, 8, 4, 210, 22, 47]).ok()?;
                server.read_exact(&mut [0]).ok()?;
                let server = connector.connect("localhost", server).ok()?;
                carry(client, server, manner)
            });
        }
    });
    port
}

fn carry(
    mut client: TlsStream<TcpStream>,
    mut server: TlsStream<TcpStream>,
    manner: Manner,
) -> Option<()> {
    for stream in [client.get_ref(), server.get_ref()] {
        stream.set_read_timeout(Some(Duration::from_millis(2))).ok()?;
    }
    loop {
        let said = read(&mut client)?;
        server.write_all(&said).ok()?;
        let mut said = read(&mut server)?;
        if let Manner::Pools = manner {
            let key = said.windows(5).position(|bytes| bytes == b"K\0\0\0\x0c");
            key.into_iter().for_each(|at| said[at + 8] ^= 1);
        }
        client.write_all(&said).ok()?;
    }
}

/// What there is to read now; `None` at the end.
fn read(stream: &mut TlsStream<TcpStream>) -> Option<Vec<u8>> {
    let mut buffer = [0; 16 << 10];
    match stream.read(&mut buffer) {
        Ok(0) => None,
        Ok(read) => Some(buffer[..read].to_vec()),
        Err(error) if [ErrorKind::WouldBlock, ErrorKind::TimedOut].contains(&error.kind()) => {
            Some(Vec::new())
        }
        Err(_) => None,
    }
}

#[test]
fn what_ends_tls_in_between_is_noticed() {
    let cluster = start(&Options::default());
    let identity = Authority::new("A proxy's").unwrap().issue(&Request::local(30)).unwrap();
    let through = |manner, more: &str| Says {
        password: cluster.password().to_owned(),
        more: more.to_owned(),
        ..Says::of(between(&cluster, &identity, manner), &identity)
    };
    let off = "channel-binding = \"off\"\n";
    for (manner, more, words) in [
        (Manner::Passes, "", "isn't bound to the server's own TLS connection"),
        (Manner::Pools, off, "a connection pooler answers there"),
    ] {
        let says = through(manner, more);
        let ran = run(&workspace(&says), &says, &["status"], &[]).expect(1);
        assert!(ran.stderr.contains(words), "{words:?} isn't in:\n{}", ran.stderr);
    }
    // A proxy that is known and pinned may be there, once somebody says so.
    let says = through(Manner::Passes, off);
    run(&workspace(&says), &says, &["status"], &[]).expect(0);
}
