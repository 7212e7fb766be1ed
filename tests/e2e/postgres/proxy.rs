//! A TCP proxy that can hold what a server says, and cut connections.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// Between clients and a server on this machine.
pub(crate) struct Proxy {
    port: u16,
    state: Arc<State>,
}

#[derive(Default)]
struct State {
    holds: AtomicBool,
    connections: Mutex<Vec<TcpStream>>,
}

impl Proxy {
    /// To the server at this port.
    pub(crate) fn to(server: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let (port, state) = (listener.local_addr().unwrap().port(), Arc::<State>::default());
        let shared = state.clone();
        std::thread::spawn(move || {
            for client in listener.incoming() {
                connect(client.unwrap(), server, &shared);
            }
        });
        Self { port, state }
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// Keeps from its clients what the server says from now on.
    pub(crate) fn hold(&self) {
        self.state.holds.store(true, Ordering::SeqCst);
    }

    /// Cuts every connection. New ones go through.
    pub(crate) fn cut(&self) {
        for connection in self.state.connections.lock().unwrap().drain(..) {
            let _ = connection.shutdown(Shutdown::Both);
        }
        self.state.holds.store(false, Ordering::SeqCst);
    }
}

fn connect(client: TcpStream, server: u16, state: &Arc<State>) {
    let Ok(server) = TcpStream::connect(("127.0.0.1", server)) else { return };
    let mut connections = state.connections.lock().unwrap();
    connections.extend([client.try_clone().unwrap(), server.try_clone().unwrap()]);
    drop(connections);
    let (from_client, to_server) = (client.try_clone().unwrap(), server.try_clone().unwrap());
    std::thread::spawn(move || pump(from_client, to_server, &State::default()));
    let state = state.clone();
    std::thread::spawn(move || pump(server, client, &state));
}

fn pump(mut from: TcpStream, mut to: TcpStream, state: &State) {
    let mut buffer = [0; 16 * 1024];
    while let Ok(read @ 1..) = from.read(&mut buffer) {
        while state.holds.load(Ordering::SeqCst) {
            std::thread::sleep(Duration::from_millis(5));
        }
        if to.write_all(&buffer[..read]).is_err() {
            break;
        }
    }
    let _ = to.shutdown(Shutdown::Both);
    let _ = from.shutdown(Shutdown::Both);
}
