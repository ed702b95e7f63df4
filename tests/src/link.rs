//! The way to a server, which a test can cut, clog and mend.

use std::net::SocketAddr;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio_util::task::AbortOnDropHandle;

/// Forwards TCP connections to a server until it is told otherwise.
#[derive(Debug)]
pub struct Link {
    pub address: SocketAddr,
    state: watch::Sender<State>,
    _accepting: AbortOnDropHandle<()>,
}

#[derive(Debug, Clone, Copy)]
struct State {
    flow: Flow,
    /// Connections of an earlier epoch carry nothing any more.
    epoch: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Flow {
    Open,
    /// Connections end, new ones end at once: the server is gone.
    Cut,
    /// Connections stay but carry nothing: the network swallows it all.
    Clogged,
}

impl Link {
    /// A way to `server`, open.
    pub async fn to(server: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("a bound listener has an address");
        let state = watch::Sender::new(State { flow: Flow::Open, epoch: 0 });
        let accepting = tokio::spawn(accept(listener, server, state.clone()));
        Self { address, state, _accepting: AbortOnDropHandle::new(accepting) }
    }

    pub fn cut(&self) {
        self.state.send_modify(|state| state.flow = Flow::Cut);
    }

    pub fn clog(&self) {
        self.state.send_modify(|state| state.flow = Flow::Clogged);
    }

    /// The connections that there are carry nothing any more and never end; new ones do as they should.
    pub fn lose(&self) {
        self.state.send_modify(|state| state.epoch += 1);
    }

    pub fn mend(&self) {
        self.state.send_modify(|state| state.flow = Flow::Open);
    }
}

async fn accept(listener: TcpListener, server: SocketAddr, state: watch::Sender<State>) {
    while let Ok((client, _)) = listener.accept().await {
        let mut state = state.subscribe();
        tokio::spawn(async move {
            let carried = carry(client, server, state.clone());
            tokio::select! {
                _ = carried => {}
                _ = state.wait_for(|state| state.flow == Flow::Cut) => {}
            }
        });
    }
}

async fn carry(client: TcpStream, server: SocketAddr, state: watch::Receiver<State>) -> std::io::Result<()> {
    let server = TcpStream::connect(server).await?;
    let (client_reads, client_writes) = client.into_split();
    let (server_reads, server_writes) = server.into_split();
    tokio::try_join!(
        pump(client_reads, server_writes, state.clone()),
        pump(server_reads, client_writes, state)
    )?;
    Ok(())
}

async fn pump(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    mut state: watch::Receiver<State>,
) -> std::io::Result<()> {
    let epoch = state.borrow().epoch;
    let mut buffer = vec![0; 64 * 1024];
    loop {
        let count = from.read(&mut buffer).await?;
        // The sender lives as long as the link that accepts.
        let _ = state.wait_for(|state| state.flow == Flow::Open && state.epoch == epoch).await;
        if count == 0 {
            return to.shutdown().await;
        }
        to.write_all(&buffer[..count]).await?;
    }
}
