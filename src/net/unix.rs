//! Unix sockets: listening on one, reached by programs of this machine that the file's permissions let in, and connecting.
//!
//! Invariants: the file appears with its permissions or not at all; one that nobody listens on any more is replaced, one
//! that is in use is not; the file goes when listening ends.

use std::fs::{self, Permissions};
use std::io;
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::os::unix::net::UnixStream as Probe;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::net::{UnixListener, UnixStream};
use tokio::time::timeout;

use super::connection::Connection;
use super::listener::{Service, accept_until};

/// A Unix socket that listens. Dropping it removes the file.
pub struct UnixSocket {
    socket: UnixListener,
    path: PathBuf,
}

impl UnixSocket {
    /// Binds it for whom the mode of its file lets in. Must be called within the runtime.
    pub fn bind(path: &Path, mode: u32) -> io::Result<UnixSocket> {
        match fs::symlink_metadata(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
            // What is no socket is not ours to remove.
            Ok(there) if !there.file_type().is_socket() => return Err(io::ErrorKind::AlreadyExists.into()),
            Ok(_) if Probe::connect(path).is_ok() => return Err(io::ErrorKind::AddrInUse.into()),
            Ok(_) => {}
        }
        // Under another name first, where nobody looks for it: between bind and chmod the mode is that of the umask.
        let mut name = path.file_name().ok_or(io::ErrorKind::InvalidInput)?.to_owned();
        name.push(".new");
        let new = path.with_file_name(name);
        match fs::remove_file(&new) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let socket = UnixListener::bind(&new)?;
        fs::set_permissions(&new, Permissions::from_mode(mode))?;
        fs::rename(&new, path)?;
        Ok(UnixSocket {
            socket,
            path: path.to_owned(),
        })
    }

    /// Accepts until `service.shutdown`, and runs `serve` for each connection in a task of its own. There is neither
    /// encryption nor a proxy on this side of the machine's edge.
    pub async fn accept<F, S>(self, service: Service, serve: S)
    where
        S: Fn(Connection) -> F + Clone + Send + 'static,
        F: Future<Output = ()> + Send + 'static,
    {
        let socket = &self.socket;
        let admit = |(unix, _)| self.admit(unix, &service, serve.clone());
        accept_until(&service.shutdown, self.path.display(), || socket.accept(), admit).await;
    }

    fn admit<F, S>(&self, unix: UnixStream, service: &Service, serve: S)
    where
        S: Fn(Connection) -> F + Send + 'static,
        F: Future<Output = ()> + Send + 'static,
    {
        let Ok(permit) = service.connections.clone().try_acquire_owned() else {
            tracing::warn!(path = %self.path.display(), "connection refused: all permits are taken");
            let _ = unix.try_write(service.refusal);
            return;
        };
        let session = serve(Connection::unix(unix));
        service.tasks.spawn(async move {
            let _permit = permit;
            session.await;
        });
    }
}

/// Connects to what listens on a socket of this machine, within this time.
pub async fn connect(path: &Path, limit: Duration) -> io::Result<Connection> {
    let unix = timeout(limit, UnixStream::connect(path)).await??;
    Ok(Connection::unix(unix))
}

impl Drop for UnixSocket {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.path);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_is_left_is_replaced_and_what_is_in_use_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lmtp");
        let bound = UnixSocket::bind(&path, 0o620).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o620);
        let second = UnixSocket::bind(&path, 0o600).err().unwrap();
        assert_eq!(second.kind(), io::ErrorKind::AddrInUse);
        drop(bound);
        assert!(!path.exists());

        // A socket that a crash left: bound by a listener that is gone, its file still there.
        drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
        assert!(path.exists());
        drop(UnixSocket::bind(&path, 0o600).unwrap());

        fs::write(&path, "somebody's letter").unwrap();
        assert_eq!(
            UnixSocket::bind(&path, 0o600).err().unwrap().kind(),
            io::ErrorKind::AlreadyExists
        );
        assert_eq!(fs::read(&path).unwrap(), b"somebody's letter");
    }
}
