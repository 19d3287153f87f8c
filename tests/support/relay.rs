//! A TCP relay between client and server, which a test can cut, close, stall, slow down and watch.
//! Not here: any knowledge of the protocol.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};
use tokio_util::task::AbortOnDropHandle;

/// Refused or waiting connections that the kernel queues.
const BACKLOG: u32 = 128;

/// Longest time that a closed listener may linger.
const FREE_WITHIN: Duration = Duration::from_secs(60);
/// Most bytes of one read.
const CHUNK: usize = 16 * 1024;
/// Bytes that are searched for a watched request; a request with its headers is smaller.
const WATCHED: usize = 64 * 1024;
/// Start of a request.
const BEGINNING: &[u8] = b"POST /";

/// A TCP relay to a target. All of its connections are cut when it is dropped.
pub(crate) struct Relay {
    address: SocketAddr,
    wire: Arc<Wire>,
    acceptor: Option<AbortOnDropHandle<()>>,
    /// Socket while connections are refused: bound without listening, which reserves the port.
    refusing: Option<TcpSocket>,
}

struct Wire {
    /// Targets; the first one that accepts gets the connection.
    targets: Vec<String>,
    pace: watch::Sender<Pace>,
    tripwire: watch::Sender<Option<Tripwire>>,
    connections: Mutex<Connections>,
}

/// Speed of the bytes, in both directions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pace {
    /// Without delay.
    Free,
    /// This many bytes at a time, each portion with this delay.
    Slow { bytes: usize, late: Duration },
    /// No bytes at all; connections stay open and are accepted.
    Stalled,
}

/// Texts of a request that is held back, and the channel for its event.
#[derive(Clone)]
struct Tripwire {
    texts: Vec<Vec<u8>>,
    tripped: mpsc::UnboundedSender<()>,
}

#[derive(Default)]
struct Connections {
    accepted: usize,
    open: Vec<Connection>,
}

struct Connection {
    /// Channel whose end cuts the connection.
    held: oneshot::Sender<()>,
    task: JoinHandle<()>,
}

impl Relay {
    /// Starts a relay on a free loopback port to `target`, a host and port.
    pub(crate) fn start(target: &str) -> Self {
        Self::start_any(vec![target.to_owned()])
    }

    /// Starts a relay to the first of several targets that accepts a connection.
    pub(crate) fn start_any(targets: Vec<String>) -> Self {
        let socket = bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)));
        let address = socket.local_addr().expect("a bound socket has an address");
        let wire = Arc::new(Wire {
            targets,
            pace: watch::Sender::new(Pace::Free),
            tripwire: watch::Sender::new(None),
            connections: Mutex::default(),
        });
        let acceptor = Some(accept(socket, &wire));
        Self { address, wire, acceptor, refusing: None }
    }

    /// Host and port for clients.
    pub(crate) fn address(&self) -> String {
        self.address.to_string()
    }

    /// Number of connections that were accepted since the start.
    pub(crate) fn accepted(&self) -> usize {
        self.wire.connections().accepted
    }

    /// Number of connections that are open now.
    pub(crate) fn open(&self) -> usize {
        self.wire.connections().open.iter().filter(|connection| !connection.task.is_finished()).count()
    }

    /// Resets the open connections at both ends and returns when they have ended. New ones are accepted.
    pub(crate) async fn cut(&self) {
        let open = std::mem::take(&mut self.wire.connections().open);
        for Connection { held, task } in open {
            drop(held);
            task.await.expect("a connection's task does not panic");
        }
    }

    /// Refuses new connections from now on, or accepts them again. Open ones are left alone.
    pub(crate) async fn refuse(&mut self, refuse: bool) {
        if refuse && let Some(acceptor) = self.acceptor.take() {
            acceptor.abort();
            drop(acceptor.await);
            self.refusing = Some(bind_again(self.address).await);
        }
        if !refuse && let Some(socket) = self.refusing.take() {
            self.acceptor = Some(accept(socket, &self.wire));
        }
    }

    /// Stalls all bytes from now on, or lets them pass again. Connections stay open and are accepted.
    pub(crate) fn stall(&self, stall: bool) {
        self.pace(if stall { Pace::Stalled } else { Pace::Free });
    }

    /// Sets the speed from now on.
    pub(crate) fn pace(&self, pace: Pace) {
        self.wire.pace.send_replace(pace);
    }

    /// Holds back an HTTP request with all of these texts, and all later bytes of its connection. The receiver gets an
    /// event then; dropping it ends the watch.
    pub(crate) fn trip_on(&self, texts: &[&str]) -> mpsc::UnboundedReceiver<()> {
        self.trip_on_bytes(&texts.iter().map(|text| text.as_bytes()).collect::<Vec<_>>())
    }

    /// As [`Relay::trip_on`], of any protocol: holds back the portion of bytes that completes all of these.
    pub(crate) fn trip_on_bytes(&self, texts: &[&[u8]]) -> mpsc::UnboundedReceiver<()> {
        let (tripped, told) = mpsc::unbounded_channel();
        let texts = texts.iter().map(|text| text.to_vec()).collect();
        self.wire.tripwire.send_replace(Some(Tripwire { texts, tripped }));
        told
    }
}

impl Wire {
    async fn connect(&self) -> Option<TcpStream> {
        for target in &self.targets {
            if let Ok(stream) = TcpStream::connect(target).await {
                return Some(stream);
            }
        }
        None
    }

    fn connections(&self) -> MutexGuard<'_, Connections> {
        self.connections.lock().expect("nothing panics while it holds the lock")
    }

    fn carry(self: &Arc<Self>, client: TcpStream) {
        let (held, cut) = oneshot::channel();
        let task = tokio::spawn(connection(client, Arc::clone(self), cut));
        let mut connections = self.connections();
        connections.accepted += 1;
        connections.open.retain(|connection| !connection.task.is_finished());
        connections.open.push(Connection { held, task });
    }
}

fn bind(address: SocketAddr) -> TcpSocket {
    try_bind(address).expect("the loopback port is free")
}

/// Binds a port after its listener was closed. A process that another thread is starting holds a copy of the listener
/// until its program runs.
async fn bind_again(address: SocketAddr) -> TcpSocket {
    let bound = async {
        loop {
            match try_bind(address) {
                Ok(socket) => return socket,
                Err(_) => sleep(Duration::from_millis(1)).await,
            }
        }
    };
    timeout(FREE_WITHIN, bound).await.expect("the port is free again in time")
}

fn try_bind(address: SocketAddr) -> io::Result<TcpSocket> {
    let socket = TcpSocket::new_v4()?;
    // the port is bound again while closed connections of it linger
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    Ok(socket)
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

async fn connection(mut client: TcpStream, wire: Arc<Wire>, cut: oneshot::Receiver<()>) {
    let Some(mut server) = wire.connect().await else {
        reset(&client);
        return;
    };
    let (client_read, client_write) = client.split();
    let (server_read, server_write) = server.split();
    let there = pump(client_read, server_write, wire.pace.subscribe(), Some(wire.tripwire.subscribe()));
    let back = pump(server_read, client_write, wire.pace.subscribe(), None);
    let was_cut = tokio::select! {
        _ = cut => true,
        _ = async { tokio::join!(there, back) } => false,
    };
    if was_cut {
        reset(&client);
        reset(&server);
    }
}

/// Makes the next close a reset: without lingering, the kernel sends RST instead of FIN.
fn reset(stream: &TcpStream) {
    stream.set_zero_linger().expect("a socket has the option");
}

/// Copies bytes until one end is closed; an end of file is passed on too.
async fn pump(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    mut pace: watch::Receiver<Pace>,
    tripwire: Option<watch::Receiver<Option<Tripwire>>>,
) {
    let (mut buffer, mut passed) = (vec![0; CHUNK], Vec::new());
    loop {
        let portion = match *pace.borrow() {
            Pace::Slow { bytes, .. } => bytes.min(CHUNK),
            Pace::Free | Pace::Stalled => CHUNK,
        };
        let read = from.read(&mut buffer[..portion]).await.unwrap_or(0);
        let tripped = tripwire.as_ref().and_then(|tripwire| tripwire.borrow().clone());
        if let Some(tripwire) = tripped
            && tripwire.is_touched(&mut passed, &buffer[..read])
        {
            return std::future::pending().await;
        }
        let allowed = pace.wait_for(|pace| *pace != Pace::Stalled).await.map(|pace| *pace);
        match allowed {
            Ok(Pace::Slow { late, .. }) => sleep(late).await,
            Ok(Pace::Free | Pace::Stalled) => {}
            Err(_) => return,
        }
        if read == 0 || to.write_all(&buffer[..read]).await.is_err() {
            drop(to.shutdown().await);
            return;
        }
    }
}

impl Tripwire {
    /// Whether all texts are in the last request, and the test still waits for it.
    fn is_touched(&self, passed: &mut Vec<u8>, next: &[u8]) -> bool {
        if self.tripped.is_closed() {
            passed.clear();
            return false;
        }
        passed.extend_from_slice(next);
        let surplus = passed.len().saturating_sub(WATCHED);
        let begins = passed.windows(BEGINNING.len()).rposition(|window| window == BEGINNING);
        passed.drain(..begins.unwrap_or(0).max(surplus));
        let holds = |text: &Vec<u8>| passed.windows(text.len()).any(|window| window == text);
        self.texts.iter().all(holds) && self.tripped.send(()).is_ok()
    }
}
