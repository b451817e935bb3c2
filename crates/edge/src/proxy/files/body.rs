//! A file on its way out: one piece in memory at a time, read when the one before has been taken.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use tokio::task::JoinHandle;

use crate::body::BoxError;

/// Octets of one read: what a fast client's window takes at once; what a slow one costs.
pub(super) const PIECE: usize = 64 * 1024;

/// A part of an open file.
pub(super) struct FileBody {
    file: Arc<File>,
    at: u64,
    left: u64,
    reading: Option<JoinHandle<io::Result<Bytes>>>,
}

impl FileBody {
    /// `length` octets from `at` on. A file that turns out to be shorter ends the body with an error, so that nobody takes what came for
    /// the whole.
    pub(super) fn new(file: File, at: u64, length: u64) -> Self {
        Self { file: Arc::new(file), at, left: length, reading: None }
    }

    fn read(&self) -> JoinHandle<io::Result<Bytes>> {
        let (file, at) = (self.file.clone(), self.at);
        let most = usize::try_from(self.left).map_or(PIECE, |left| left.min(PIECE));
        tokio::task::spawn_blocking(move || read_at(&file, at, most))
    }
}

/// What is there between `at` and `most` octets further; fewer only at the end of the file.
pub(super) fn read_at(file: &File, at: u64, most: usize) -> io::Result<Bytes> {
    let mut piece = vec![0; most];
    let mut filled = 0;
    while filled < most {
        match file.read_at(&mut piece[filled..], at + filled as u64) {
            Ok(0) => break,
            Ok(count) => filled += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    piece.truncate(filled);
    Ok(piece.into())
}

impl Body for FileBody {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let this = self.get_mut();
        if this.left == 0 {
            return Poll::Ready(None);
        }
        let mut reading = this.reading.take().unwrap_or_else(|| this.read());
        let Poll::Ready(read) = Pin::new(&mut reading).poll(cx) else {
            this.reading = Some(reading);
            return Poll::Pending;
        };
        let piece = read.map_err(io::Error::from).flatten();
        let piece = piece.and_then(|piece| if piece.is_empty() { Err(io::ErrorKind::UnexpectedEof.into()) } else { Ok(piece) });
        Poll::Ready(Some(match piece {
            Ok(piece) => {
                this.at += piece.len() as u64;
                this.left -= piece.len() as u64;
                Ok(Frame::data(piece))
            }
            Err(error) => {
                this.left = 0;
                Err(error.into())
            }
        }))
    }

    fn is_end_stream(&self) -> bool {
        self.left == 0
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left)
    }
}
