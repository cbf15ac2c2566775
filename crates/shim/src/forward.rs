//! A loopback port inside that leads to a socket of the outside.

use std::{io, path::PathBuf, sync::Arc, time::Duration};

use tokio::{
    io::copy_bidirectional,
    net::{TcpListener, TcpStream, UnixStream},
    sync::Semaphore,
    time::sleep,
};

const CONNECTIONS: usize = 256;
const PAUSE: Duration = Duration::from_millis(100);

/// Listens, and carries bytes for as long as the runtime lives.
pub(crate) async fn listen(port: u16, socket: PathBuf) -> io::Result<()> {
    let listener = TcpListener::bind(("127.0.0.1", port)).await?;
    tokio::spawn(async move {
        let places = Arc::new(Semaphore::new(CONNECTIONS));
        while let Ok(place) = Arc::clone(&places).acquire_owned().await {
            let Ok((stream, _)) = listener.accept().await else {
                // Files that are lacking are not there again at once.
                sleep(PAUSE).await;
                continue;
            };
            let socket = socket.clone();
            tokio::spawn(async move {
                // The caller inside sees its connection end; said here, it could fill a log.
                drop(carry(stream, socket).await);
                drop(place);
            });
        }
    });
    Ok(())
}

async fn carry(mut inside: TcpStream, socket: PathBuf) -> io::Result<()> {
    let mut outside = UnixStream::connect(socket).await?;
    copy_bidirectional(&mut inside, &mut outside).await.map(|_| ())
}
