//! A wire between a client and a server that a test can cut, refuse and stall.
//! Not here: any knowledge of what passes through it.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard};

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::{oneshot, watch};
use tokio::task::JoinHandle;
use tokio_util::task::AbortOnDropHandle;

/// How many refused or waiting connections the kernel queues up.
const BACKLOG: u32 = 128;

/// Passes TCP connections on to a target. All of them are cut when it is dropped.
pub(crate) struct Relay {
    address: SocketAddr,
    wire: Arc<Wire>,
    acceptor: Option<AbortOnDropHandle<()>>,
    /// While connections are refused: bound without listening, so that nobody else gets the port.
    refusing: Option<TcpSocket>,
}

struct Wire {
    target: String,
    stalled: watch::Sender<bool>,
    connections: Mutex<Connections>,
}

#[derive(Default)]
struct Connections {
    accepted: usize,
    open: Vec<Connection>,
}

struct Connection {
    /// The connection is cut when this is dropped.
    held: oneshot::Sender<()>,
    task: JoinHandle<()>,
}

impl Relay {
    /// Listens on a free loopback port for connections to `target`, a host and port.
    pub(crate) fn start(target: &str) -> Self {
        let socket = bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)));
        let address = socket.local_addr().expect("a bound socket has an address");
        let wire = Arc::new(Wire {
            target: target.to_owned(),
            stalled: watch::Sender::new(false),
            connections: Mutex::default(),
        });
        let acceptor = Some(accept(socket, &wire));
        Self { address, wire, acceptor, refusing: None }
    }

    /// Where clients connect to, as host and port.
    pub(crate) fn address(&self) -> String {
        self.address.to_string()
    }

    /// How many connections were accepted since the start.
    pub(crate) fn accepted(&self) -> usize {
        self.wire.connections().accepted
    }

    /// How many connections are open now.
    pub(crate) fn open(&self) -> usize {
        self.wire.connections().open.iter().filter(|connection| !connection.task.is_finished()).count()
    }

    /// Resets the open connections at both ends and returns when they are gone. New ones are accepted.
    pub(crate) async fn cut(&self) {
        let open = std::mem::take(&mut self.wire.connections().open);
        for Connection { held, task } in open {
            drop(held);
            task.await.expect("a connection's task does not panic");
        }
    }

    /// From now on new connections are refused, or accepted again. Open ones are left alone.
    pub(crate) async fn refuse(&mut self, refuse: bool) {
        if refuse && let Some(acceptor) = self.acceptor.take() {
            acceptor.abort();
            drop(acceptor.await);
            self.refusing = Some(bind(self.address));
        }
        if !refuse && let Some(socket) = self.refusing.take() {
            self.acceptor = Some(accept(socket, &self.wire));
        }
    }

    /// From now on nothing passes in either direction, although connections stay open and are accepted; or it passes again.
    pub(crate) fn stall(&self, stall: bool) {
        self.wire.stalled.send_replace(stall);
    }
}

impl Wire {
    fn connections(&self) -> MutexGuard<'_, Connections> {
        self.connections.lock().expect("nothing panics while it holds the lock")
    }

    fn carry(&self, client: TcpStream) {
        let (held, cut) = oneshot::channel();
        let task = tokio::spawn(connection(client, self.target.clone(), self.stalled.subscribe(), cut));
        let mut connections = self.connections();
        connections.accepted += 1;
        connections.open.retain(|connection| !connection.task.is_finished());
        connections.open.push(Connection { held, task });
    }
}

fn bind(address: SocketAddr) -> TcpSocket {
    let socket = TcpSocket::new_v4().expect("a socket can be made");
    // the port is taken again while closed connections of it linger
    socket.set_reuseaddr(true).expect("a socket has the option");
    socket.bind(address).expect("the loopback port is free");
    socket
}

fn accept(socket: TcpSocket, wire: &Arc<Wire>) -> AbortOnDropHandle<()> {
    let listener: TcpListener = socket.listen(BACKLOG).expect("a bound socket can listen");
    let wire = Arc::clone(wire);
    AbortOnDropHandle::new(tokio::spawn(async move {
        loop {
            let (client, _) = listener.accept().await.expect("a connection can be accepted");
            wire.carry(client);
        }
    }))
}

async fn connection(mut client: TcpStream, target: String, stalled: watch::Receiver<bool>, cut: oneshot::Receiver<()>) {
    let Ok(mut server) = TcpStream::connect(&target).await else {
        reset(&client);
        return;
    };
    let (client_read, client_write) = client.split();
    let (server_read, server_write) = server.split();
    let both = async {
        tokio::join!(pump(client_read, server_write, stalled.clone()), pump(server_read, client_write, stalled.clone()))
    };
    let was_cut = tokio::select! {
        _ = cut => true,
        _ = both => false,
    };
    if was_cut {
        reset(&client);
        reset(&server);
    }
}

/// Makes the coming close a reset: without lingering the kernel sends RST instead of FIN.
fn reset(stream: &TcpStream) {
    stream.set_zero_linger().expect("a socket has the option");
}

/// Passes bytes on until one end is gone; an end of file is passed on too.
async fn pump(mut from: impl AsyncRead + Unpin, mut to: impl AsyncWrite + Unpin, mut stalled: watch::Receiver<bool>) {
    let mut buffer = vec![0; 16 * 1024];
    loop {
        let read = from.read(&mut buffer).await.unwrap_or(0);
        if stalled.wait_for(|stalled| !stalled).await.is_err() {
            return;
        }
        if read == 0 || to.write_all(&buffer[..read]).await.is_err() {
            drop(to.shutdown().await);
            return;
        }
    }
}
