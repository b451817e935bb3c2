//! Counts frames of HTTP/2 between TLS and the library, and ends a connection that sends too many of them (HTTP-09).
//!
//! Comes in: octets in both directions. Goes out: the same octets, or, once a client has gone too far, `GOAWAY` with
//! `ENHANCE_YOUR_CALM` and the end. Holds a head of nine octets for each direction and no payload. Must never know: what a stream
//! is for.

mod frames;
mod quota;

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::Instant;

use self::frames::Frames;
use self::quota::Quota;
use super::framing::{Alarm, Linger};

/// Octets that a client sends before its first frame (RFC 9113 §3.4).
const PREFACE: usize = 24;
/// On stream 0, with last stream 0: nothing that is under way is promised. The code is `ENHANCE_YOUR_CALM` (RFC 9113 §6.8, §7).
const GO_AWAY: [u8; 17] = [0, 0, 8, 7, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xb];

/// How long the end may take when the client does not even take that.
const END_MAX: Duration = Duration::from_secs(3);

/// A connection whose frames are counted.
#[derive(Debug)]
pub(super) struct Meter<S> {
    io: S,
    received: Frames,
    sent: Frames,
    quota: Quota,
    /// The client has gone too far: what is left to say, and the end.
    end: Option<End>,
}

#[derive(Debug)]
struct End {
    left: &'static [u8],
    linger: Linger,
    until: Instant,
    alarm: Alarm,
}

impl<S> Meter<S> {
    pub(super) fn new(io: S) -> Self {
        let (received, sent) = (Frames::behind(PREFACE), Frames::default());
        Self { io, received, sent, quota: Quota::new(Instant::now()), end: None }
    }

    /// `false` when a frame was one too many.
    fn count_received(&mut self, octets: &[u8]) -> bool {
        let (now, mut is_within) = (Instant::now(), true);
        let quota = &mut self.quota;
        self.received.pass(octets, |head| is_within &= quota.received(head, now));
        is_within
    }

    fn count_sent(&mut self, octets: &[u8], now: Instant) {
        let quota = &mut self.quota;
        self.sent.pass(octets, |head| quota.sent(head, now));
    }

    fn give_up(&mut self) {
        // Inside a frame of the library's there is no place for one of ours.
        let left: &[u8] = if self.sent.is_inside() { &[] } else { &GO_AWAY };
        let mut linger = Linger::default();
        linger.want();
        self.end = Some(End { left, linger, until: Instant::now() + END_MAX, alarm: Alarm::default() });
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Meter<S> {
    /// Ends the connection if it is to be ended. Whatever the library wants meanwhile gets no other answer than that.
    fn poll_end(&mut self, cx: &mut Context<'_>) -> Option<Poll<io::Error>> {
        let end = self.end.as_mut()?;
        Some(end.poll(cx, &mut self.io).map(|ended| ended.err().unwrap_or_else(too_many)))
    }
}

fn too_many() -> io::Error {
    io::Error::new(io::ErrorKind::ConnectionAborted, "too many control frames")
}

impl End {
    fn poll<S: AsyncRead + AsyncWrite + Unpin>(&mut self, cx: &mut Context<'_>, io: &mut S) -> Poll<io::Result<()>> {
        if self.alarm.poll(cx, self.until).is_ready() {
            return Poll::Ready(Ok(()));
        }
        while !self.left.is_empty() {
            match ready!(Pin::new(&mut *io).poll_write(cx, self.left))? {
                0 => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                written => self.left = &self.left[written..],
            }
        }
        self.linger.poll(cx, io)
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncRead for Meter<S> {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if let Some(ended) = this.poll_end(cx) {
            return ended.map(Err);
        }
        let before = buf.filled().len();
        ready!(Pin::new(&mut this.io).poll_read(cx, buf))?;
        if this.count_received(&buf.filled()[before..]) {
            return Poll::Ready(Ok(()));
        }
        buf.set_filled(before);
        this.give_up();
        this.poll_end(cx).unwrap_or_else(|| Poll::Ready(too_many())).map(Err)
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Meter<S> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        if let Some(ended) = this.poll_end(cx) {
            return ended.map(Err);
        }
        let written = ready!(Pin::new(&mut this.io).poll_write(cx, bytes))?;
        this.count_sent(bytes.get(..written).unwrap_or(bytes), Instant::now());
        Poll::Ready(Ok(written))
    }

    fn poll_write_vectored(self: Pin<&mut Self>, cx: &mut Context<'_>, slices: &[io::IoSlice<'_>]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        if let Some(ended) = this.poll_end(cx) {
            return ended.map(Err);
        }
        let written = ready!(Pin::new(&mut this.io).poll_write_vectored(cx, slices))?;
        let (now, mut left) = (Instant::now(), written);
        for slice in slices {
            let part = slice.get(..left).unwrap_or(slice);
            this.count_sent(part, now);
            left -= part.len();
        }
        Poll::Ready(Ok(written))
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        match this.poll_end(cx) {
            Some(ended) => ended.map(Err),
            None => Pin::new(&mut this.io).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        match this.poll_end(cx) {
            Some(ended) => ended.map(Err),
            None => Pin::new(&mut this.io).poll_shutdown(cx),
        }
    }
}
