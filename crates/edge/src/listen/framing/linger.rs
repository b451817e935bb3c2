//! Closing so that the last answer arrives.
//!
//! A socket that is closed while octets are unread is reset by the kernel, and the reset can overtake the answer that explains it
//! (RFC 9112 §9.6). So our side is ended first, and the rest is read and thrown away for a moment.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::Instant;

use super::timer::Alarm;

/// How long is listened at most.
const SPAN: Duration = Duration::from_secs(1);
/// How much is thrown away at most.
const OCTETS_MAX: usize = 256 * 1024;

/// The end of a connection.
#[derive(Debug, Default)]
pub(in crate::listen) struct Linger {
    wanted: bool,
    closed: bool,
    until: Option<Instant>,
    thrown_away: usize,
    alarm: Alarm,
}

impl Linger {
    /// Something may be left unread.
    pub(in crate::listen) fn want(&mut self) {
        self.wanted = true;
    }

    /// Ends our side, then listens if that is wanted.
    pub(in crate::listen) fn poll<S>(&mut self, cx: &mut Context<'_>, io: &mut S) -> Poll<io::Result<()>>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        if !self.closed {
            ready!(Pin::new(&mut *io).poll_shutdown(cx))?;
            self.closed = true;
        }
        if !self.wanted {
            return Poll::Ready(Ok(()));
        }
        let until = *self.until.get_or_insert_with(|| Instant::now() + SPAN);
        let mut waste = [0; 4096];
        while self.thrown_away < OCTETS_MAX {
            let mut buf = ReadBuf::new(&mut waste);
            match Pin::new(&mut *io).poll_read(cx, &mut buf) {
                Poll::Ready(Ok(())) if !buf.filled().is_empty() => self.thrown_away += buf.filled().len(),
                Poll::Ready(_) => break,
                Poll::Pending => {
                    ready!(self.alarm.poll(cx, until));
                    break;
                }
            }
        }
        Poll::Ready(Ok(()))
    }
}
