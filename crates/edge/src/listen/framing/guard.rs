//! The adapter between TLS and hyper.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::{Buf as _, BytesMut};
use doorward_kit::net::Scheme;
use doorward_policy::{SizePolicy, TimePolicy};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, ReadBuf};
use tokio::sync::oneshot;
use tokio::time::Instant;

use super::chunk::{Chunked, Step};
use super::head::{BodyFraming, Head, HeadScan, Scan};
use super::lane::Lane;
use super::linger::Linger;
use super::timer::{Alarm, Pace};
use super::{BodyFault, FramingFault};

/// Handed to hyper in place of a refused head. What it says does not matter: the service knows it by its number.
pub(super) const MARKED: &[u8] = b"GET / HTTP/1.1\r\nhost: refused.invalid\r\n\r\n";

/// What the guard holds a connection to.
#[derive(Debug, Clone, Copy)]
pub(crate) struct GuardRules {
    /// Sizes of heads.
    pub(crate) sizes: SizePolicy,
    /// Patience.
    pub(crate) times: TimePolicy,
    /// What absolute targets must say.
    pub(crate) scheme: Scheme,
}

/// Reads from `S` and passes on only what was checked; writes go through as they are.
#[derive(Debug)]
pub(crate) struct Guard<S> {
    io: S,
    rules: GuardRules,
    lane: Arc<Lane>,
    phase: Phase,
    /// Read, not yet judged.
    input: BytesMut,
    /// Judged, not yet handed on; goes before anything else.
    output: BytesMut,
    /// Heads handed on, the marked one included.
    handed_on: u64,
    /// The head that was handed on last asks for an upgrade.
    asks_upgrade: bool,
    alarm: Alarm,
    /// Since when nothing is under way.
    idle_since: Option<Instant>,
    /// Since when the other side takes nothing.
    stalled_since: Option<Instant>,
    write_alarm: Alarm,
    linger: Linger,
    /// Dropped with the connection, wherever an upgrade may have carried it.
    _alive: oneshot::Sender<()>,
}

#[derive(Debug)]
enum Phase {
    /// In a head, or before one.
    Head { scan: HeadScan, begun: Option<Instant> },
    /// In a body of known length.
    Length { left: u64, pace: Pace },
    /// In a chunked body.
    Chunked { at: Chunked, pace: Pace },
    /// An upgrade was asked for: what comes next is HTTP or not, depending on the answer.
    Held,
    /// No longer HTTP.
    Passing,
    /// Refused: whatever else comes is not looked at. The answer closes the connection.
    Refused,
    /// No more will be read.
    Ended,
}

impl Phase {
    fn head() -> Self {
        Self::Head { scan: HeadScan::default(), begun: None }
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Guard<S> {
    /// A guard, and what is done once it is gone: with its connection, or with the tunnel that the connection became.
    pub(crate) fn new(io: S, rules: GuardRules, lane: Arc<Lane>) -> (Self, oneshot::Receiver<()>) {
        let (alive, gone) = oneshot::channel();
        let guard = Self {
            io,
            rules,
            lane,
            phase: Phase::head(),
            input: BytesMut::new(),
            output: BytesMut::new(),
            handed_on: 0,
            asks_upgrade: false,
            alarm: Alarm::default(),
            idle_since: None,
            stalled_since: None,
            write_alarm: Alarm::default(),
            linger: Linger::default(),
            _alive: alive,
        };
        (guard, gone)
    }

    /// Judges what is there of a head; `true` when the phase has changed.
    fn judge_head(&mut self) -> bool {
        let Phase::Head { scan, begun } = &mut self.phase else { return false };
        if !self.input.is_empty() {
            begun.get_or_insert_with(Instant::now);
        }
        match scan.look(&self.input, &self.rules.sizes, self.rules.scheme) {
            Scan::Partial => return false,
            Scan::Whole(head) => {
                self.input.advance(head.skip);
                let checked = self.input.split_to(head.end - head.skip);
                self.output = checked;
                self.enter_body(head);
            }
            Scan::Refused(fault) => self.refuse(fault),
        }
        true
    }

    /// The common case: one read brought one whole head, which then needs no copy. `true` when it was so.
    fn judge_in_place(&mut self, buf: &mut ReadBuf<'_>, before: usize) -> bool {
        let Phase::Head { scan, .. } = &mut self.phase else { return false };
        let fresh = &buf.filled()[before..];
        if let Scan::Whole(head) = scan.look(fresh, &self.rules.sizes, self.rules.scheme)
            && head.skip == 0
        {
            self.input.extend_from_slice(&fresh[head.end..]);
            buf.set_filled(before + head.end);
            self.enter_body(head);
            return true;
        }
        // Anything else is looked at again, from its start, where it can grow.
        *scan = HeadScan::default();
        false
    }

    fn enter_body(&mut self, head: Head) {
        self.handed_on += 1;
        self.asks_upgrade = head.upgrade;
        let pace = || Pace::of_body(&self.rules.times);
        match head.body {
            BodyFraming::None => self.enter_head(),
            BodyFraming::Length(left) => self.phase = Phase::Length { left, pace: pace() },
            BodyFraming::Chunked => self.phase = Phase::Chunked { at: Chunked::Size, pace: pace() },
        }
    }

    fn enter_head(&mut self) {
        self.phase = if self.asks_upgrade { Phase::Held } else { Phase::head() };
    }

    fn refuse(&mut self, fault: FramingFault) {
        self.handed_on += 1;
        self.lane.refuse(self.handed_on, fault);
        self.output = BytesMut::from(MARKED);
        self.input = BytesMut::new();
        self.phase = Phase::Refused;
        self.linger.want();
    }

    fn break_body(&mut self, fault: BodyFault) -> Poll<io::Result<()>> {
        self.phase = Phase::Ended;
        self.linger.want();
        Poll::Ready(Err(fault.into()))
    }

    /// Reads into the caller's buffer as scratch space and moves what came to `input`; zero octets are the end.
    fn poll_fill(&mut self, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<usize>> {
        let before = buf.filled().len();
        ready!(Pin::new(&mut self.io).poll_read(cx, buf))?;
        let got = buf.filled().len() - before;
        if got > 0 && self.input.is_empty() && self.judge_in_place(buf, before) {
            return Poll::Ready(Ok(got));
        }
        self.input.extend_from_slice(&buf.filled()[before..]);
        buf.set_filled(before);
        Poll::Ready(Ok(got))
    }

    fn poll_head(&mut self, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        match self.poll_fill(cx, buf)? {
            Poll::Ready(0) if self.input.is_empty() => {
                self.phase = Phase::Ended;
                Poll::Ready(Ok(()))
            }
            Poll::Ready(0) => {
                self.refuse(FramingFault::Incomplete);
                Poll::Ready(Ok(()))
            }
            Poll::Ready(_) => {
                self.idle_since = None;
                if buf.filled().len() == before {
                    self.judge_head();
                }
                Poll::Ready(Ok(()))
            }
            Poll::Pending => self.poll_patience(cx),
        }
    }

    /// Nothing to read in or before a head: waits, as long as is right.
    fn poll_patience(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let Phase::Head { begun, .. } = &self.phase else { return Poll::Pending };
        if let Some(begun) = *begun {
            ready!(self.alarm.poll(cx, begun + self.rules.times.head));
            self.refuse(FramingFault::TooSlow);
            return Poll::Ready(Ok(()));
        }
        // While an answer is under way the client may be silent for as long as it takes.
        if !self.lane.is_quiet(self.handed_on) {
            self.idle_since = None;
            return Poll::Pending;
        }
        let since = *self.idle_since.get_or_insert_with(Instant::now);
        ready!(self.alarm.poll(cx, since + self.rules.times.keep_alive));
        self.phase = Phase::Ended;
        Poll::Ready(Ok(()))
    }

    /// Hands on at most `limit` octets of data. `Ok(0)` is the end of the connection.
    fn poll_data(&mut self, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>, limit: u64) -> Poll<io::Result<usize>> {
        let limit = usize::try_from(limit).unwrap_or(usize::MAX).min(buf.remaining());
        if !self.input.is_empty() {
            let take = limit.min(self.input.len());
            buf.put_slice(&self.input[..take]);
            self.input.advance(take);
            return Poll::Ready(Ok(take));
        }
        let before = buf.filled().len();
        ready!(Pin::new(&mut (&mut self.io).take(limit as u64)).poll_read(cx, buf))?;
        Poll::Ready(Ok(buf.filled().len() - before))
    }

    fn poll_length(&mut self, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>, left: u64) -> Poll<io::Result<()>> {
        let polled = self.poll_data(cx, buf, left)?;
        let Phase::Length { left, pace } = &mut self.phase else { return Poll::Pending };
        let Poll::Ready(got) = polled else {
            ready!(pace.poll_too_slow(cx, &mut self.alarm));
            return self.break_body(BodyFault::TooSlow);
        };
        pace.arrived(got);
        *left -= got as u64;
        if got == 0 {
            self.phase = Phase::Ended;
        } else if *left == 0 {
            self.enter_head();
        }
        Poll::Ready(Ok(()))
    }

    fn poll_chunked(&mut self, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let Phase::Chunked { at, .. } = &mut self.phase else { return Poll::Pending };
        let polled = match *at {
            Chunked::Data(left) => self.poll_data(cx, buf, left)?,
            Chunked::Done => {
                self.enter_head();
                return Poll::Ready(Ok(()));
            }
            _ => match at.step(&mut self.input, &mut self.output) {
                Ok(Step::Moved) => return Poll::Ready(Ok(())),
                Ok(Step::Starved) => self.poll_fill(cx, buf)?,
                Err(fault) => return self.break_body(fault),
            },
        };
        let Phase::Chunked { at, pace } = &mut self.phase else { return Poll::Pending };
        let Poll::Ready(got) = polled else {
            ready!(pace.poll_too_slow(cx, &mut self.alarm));
            return self.break_body(BodyFault::TooSlow);
        };
        pace.arrived(got);
        if let Chunked::Data(left) = at {
            *left -= got as u64;
            if *left == 0 {
                *at = Chunked::DataEnd;
            }
        }
        if got == 0 {
            self.phase = Phase::Ended;
        }
        Poll::Ready(Ok(()))
    }

    /// An upgrade has been asked for: the answer decides what the next octets are.
    fn poll_held(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.lane.wait(cx.waker());
        if self.lane.has_upgraded() {
            self.phase = Phase::Passing;
        } else if self.lane.is_quiet(self.handed_on) {
            self.asks_upgrade = false;
            self.phase = Phase::head();
        } else {
            return Poll::Pending;
        }
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncRead for Guard<S> {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let before = buf.filled().len();
        if buf.remaining() == 0 {
            return Poll::Ready(Ok(()));
        }
        loop {
            if !this.output.is_empty() {
                let take = this.output.len().min(buf.remaining());
                buf.put_slice(&this.output.split_to(take));
            }
            if buf.filled().len() > before {
                return Poll::Ready(Ok(()));
            }
            match &this.phase {
                Phase::Head { scan, .. } => {
                    let unseen = scan.has_unseen(this.input.len());
                    if !(unseen && this.judge_head()) {
                        ready!(this.poll_head(cx, buf))?;
                    }
                }
                Phase::Length { left, .. } => {
                    let left = *left;
                    ready!(this.poll_length(cx, buf, left))?;
                }
                Phase::Chunked { .. } => ready!(this.poll_chunked(cx, buf))?,
                Phase::Held => ready!(this.poll_held(cx))?,
                Phase::Passing => {
                    ready!(this.poll_data(cx, buf, u64::MAX))?;
                    return Poll::Ready(Ok(()));
                }
                Phase::Refused => {
                    // An end of the stream would make hyper drop the answer; its own `connection: close` ends this.
                    let since = *this.idle_since.get_or_insert_with(Instant::now);
                    ready!(this.alarm.poll(cx, since + this.rules.times.keep_alive));
                    this.phase = Phase::Ended;
                }
                Phase::Ended => return Poll::Ready(Ok(())),
            }
        }
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Guard<S> {
    /// A client that takes nothing for too long has gone (a stalled reader holds buffers and an upstream).
    fn poll_stall<T>(&mut self, cx: &mut Context<'_>, polled: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if polled.is_ready() {
            self.stalled_since = None;
            return polled;
        }
        if matches!(self.phase, Phase::Passing) {
            return Poll::Pending;
        }
        let since = *self.stalled_since.get_or_insert_with(Instant::now);
        ready!(self.write_alarm.poll(cx, since + self.rules.times.body_idle));
        Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, "the client takes no answer")))
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Guard<S> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        // An answer is under way; flushing alone is none.
        this.idle_since = None;
        let polled = Pin::new(&mut this.io).poll_write(cx, bytes);
        this.poll_stall(cx, polled)
    }

    fn poll_write_vectored(self: Pin<&mut Self>, cx: &mut Context<'_>, slices: &[io::IoSlice<'_>]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        this.idle_since = None;
        let polled = Pin::new(&mut this.io).poll_write_vectored(cx, slices);
        this.poll_stall(cx, polled)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let polled = Pin::new(&mut this.io).poll_flush(cx);
        this.poll_stall(cx, polled)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if !matches!(this.phase, Phase::Head { begun: None, .. } | Phase::Passing) {
            this.linger.want();
        }
        this.linger.poll(cx, &mut this.io)
    }
}
