//! A TLS front before a plain server, and a proxy as companies have it.
//! Not here: the answers of the server behind it.

use std::net::SocketAddr;
use std::sync::Arc;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};
use tokio_rustls::TlsAcceptor;

use crate::authority::Issued;

/// Host and port of an address.
pub(crate) fn authority_of(address: &str) -> String {
    url::Url::parse(address).unwrap().authority().to_owned()
}

/// A listener that stops when it is dropped.
pub(crate) struct Front {
    pub(crate) address: SocketAddr,
    server: JoinHandle<()>,
}

enum Kind {
    Tls { acceptor: TlsAcceptor, behind: String },
    Proxy { heads: watch::Sender<Vec<String>> },
}

impl Front {
    /// Starts a front that speaks TLS to clients and plain TCP to `behind`.
    pub(crate) async fn start(behind: &str, issued: &Issued) -> Self {
        let chain = vec![CertificateDer::from_pem_slice(issued.certificate.as_bytes()).unwrap()];
        let key = PrivateKeyDer::from_pem_slice(issued.key.as_bytes()).unwrap();
        let config = rustls::ServerConfig::builder_with_provider(rustls::crypto::ring::default_provider().into())
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(chain, key)
            .unwrap();
        Self::serve(Kind::Tls { acceptor: TlsAcceptor::from(Arc::new(config)), behind: behind.to_owned() }).await
    }

    /// Starts a proxy that opens tunnels. The receiver holds the heads of its requests.
    pub(crate) async fn proxy() -> (Self, watch::Receiver<Vec<String>>) {
        let (heads, seen) = watch::channel(Vec::new());
        (Self::serve(Kind::Proxy { heads }).await, seen)
    }

    async fn serve(kind: Kind) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let kind = Arc::new(kind);
        let server = tokio::spawn(async move {
            let mut open = JoinSet::new();
            while let Ok((client, _)) = listener.accept().await {
                let kind = Arc::clone(&kind);
                open.spawn(async move { kind.carry(client).await });
            }
        });
        Self { address, server }
    }
}

impl Kind {
    /// Carries one connection to its end, which the client judges.
    async fn carry(&self, mut client: TcpStream) {
        match self {
            Self::Tls { acceptor, behind } => {
                // a client that does not trust the front ends here
                let Ok(mut client) = acceptor.accept(client).await else { return };
                let mut server = TcpStream::connect(behind).await.unwrap();
                copy_bidirectional(&mut client, &mut server).await.ok();
            }
            Self::Proxy { heads } => {
                let mut head = Vec::new();
                while !head.ends_with(b"\r\n\r\n") {
                    head.push(client.read_u8().await.unwrap());
                }
                let head = String::from_utf8(head).unwrap();
                let mut server = TcpStream::connect(head.split(' ').nth(1).unwrap()).await.unwrap();
                heads.send_modify(|heads| heads.push(head));
                client.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await.unwrap();
                copy_bidirectional(&mut client, &mut server).await.ok();
            }
        }
    }
}

impl Drop for Front {
    fn drop(&mut self) {
        self.server.abort();
    }
}
