//! How many frames of each kind a client may send, and what it has left.
//!
//! The library bounds what frames make it hold; nothing there bounds how many frames that hold nothing a client has us read, answer
//! and forget (RFC 9113 §10.5). The numbers leave a browser and a client of gRPC room many times over, and cost us less than one
//! request in the same time.

use std::time::Duration;

use tokio::time::Instant;

use super::frames::FrameHead;

const DATA: u8 = 0;
const HEADERS: u8 = 1;
const PRIORITY: u8 = 2;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const PING: u8 = 6;
const WINDOW_UPDATE: u8 = 8;
const CONTINUATION: u8 = 9;

const END_STREAM: u8 = 1;
const PADDED: u8 = 8;
/// Padding that is as long as can be with an octet that says so: a frame up to here may hold no data at all.
const PADDING_MAX: u32 = 256;

/// Parts of one head behind its first; a head of 16 KiB fits into one frame (HTTP-09).
const CONTINUATIONS_MAX: u32 = 4;
/// `WINDOW_UPDATE` frames that one DATA frame of ours gives leave to: one for its stream, one for the connection, and as many again
/// for clients that give the window back in pieces. A fast download needs no other leave.
const UPDATES_PER_DATA: u32 = 4;

/// A bucket that leaks.
#[derive(Debug, Clone, Copy)]
struct Rate {
    burst: u32,
    per_second: u32,
}

/// A client says its settings once, acknowledges ours once, and changes its mind hardly ever.
const OF_SETTINGS: Rate = Rate { burst: 50, per_second: 2 };
/// A client of gRPC measures the line with one ping for each round trip while data comes; 100 are a round trip of 10 ms.
const OF_PING: Rate = Rate { burst: 500, per_second: 100 };
/// Given up by RFC 9113; old browsers build a tree of six nodes and hang each stream into it.
const OF_PRIORITY: Rate = Rate { burst: 300, per_second: 100 };
/// A page that is left takes up to 100 streams with it. Beyond this pace a client asks in order to cancel.
const OF_RESET: Rate = Rate { burst: 300, per_second: 20 };
/// Beside those that follow data of ours: a client widens its windows when it connects, and for each stream that it opens.
const OF_UPDATE: Rate = Rate { burst: 500, per_second: 50 };
/// Libraries end a body with one, which is not counted; in the middle of a body nobody needs them.
const OF_EMPTY_DATA: Rate = Rate { burst: 100, per_second: 10 };
/// `GOAWAY`, `PRIORITY_UPDATE` and kinds that nobody knows.
const OF_OTHER: Rate = Rate { burst: 300, per_second: 100 };

/// When a bucket will have run dry. A frame moves that on; it may not lie further ahead than the burst.
#[derive(Debug, Clone, Copy)]
struct Bucket {
    rate: Rate,
    dry_at: Instant,
}

impl Bucket {
    fn new(rate: Rate, now: Instant) -> Self {
        Self { rate, dry_at: now }
    }

    fn one(&self) -> Duration {
        Duration::from_secs(1) / self.rate.per_second
    }

    /// `false` when there is no room for one more.
    fn take(&mut self, now: Instant) -> bool {
        self.dry_at = self.dry_at.max(now) + self.one();
        self.dry_at - now <= self.one() * self.rate.burst
    }

    fn give_back(&mut self, count: u32, now: Instant) {
        self.dry_at = self.dry_at.checked_sub(self.one() * count).unwrap_or(now);
    }
}

/// What one connection has left.
#[derive(Debug)]
pub(super) struct Quota {
    settings: Bucket,
    ping: Bucket,
    priority: Bucket,
    reset: Bucket,
    update: Bucket,
    empty_data: Bucket,
    other: Bucket,
    continuations: u32,
}

impl Quota {
    pub(super) fn new(now: Instant) -> Self {
        let bucket = |rate| Bucket::new(rate, now);
        Self {
            settings: bucket(OF_SETTINGS),
            ping: bucket(OF_PING),
            priority: bucket(OF_PRIORITY),
            reset: bucket(OF_RESET),
            update: bucket(OF_UPDATE),
            empty_data: bucket(OF_EMPTY_DATA),
            other: bucket(OF_OTHER),
            continuations: 0,
        }
    }

    /// A frame has come; `false` when it is one too many.
    pub(super) fn received(&mut self, frame: FrameHead, now: Instant) -> bool {
        match frame.kind {
            DATA => !is_empty_data(frame) || self.empty_data.take(now),
            // Streams are bounded by the library and counted as requests by the limiter.
            HEADERS => {
                self.continuations = 0;
                true
            }
            CONTINUATION => {
                self.continuations += 1;
                self.continuations <= CONTINUATIONS_MAX
            }
            PRIORITY => self.priority.take(now),
            RST_STREAM => self.reset.take(now),
            SETTINGS => self.settings.take(now),
            PING => self.ping.take(now),
            WINDOW_UPDATE => self.update.take(now),
            _ => self.other.take(now),
        }
    }

    /// A frame has been sent.
    pub(super) fn sent(&mut self, frame: FrameHead, now: Instant) {
        if frame.kind == DATA {
            self.update.give_back(UPDATES_PER_DATA, now);
        }
    }
}

/// Whether a DATA frame holds nothing, or may hold nothing but padding, and ends nothing either.
fn is_empty_data(frame: FrameHead) -> bool {
    let holds_nothing = frame.length == 0 || (frame.flags & PADDED != 0 && frame.length <= PADDING_MAX);
    holds_nothing && frame.flags & END_STREAM == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(kind: u8) -> FrameHead {
        FrameHead { length: 0, kind, flags: 0 }
    }

    /// Frames that pass at once, and in the second after that.
    fn passes(kind: u8) -> (u32, u32) {
        let now = Instant::now();
        let mut quota = Quota::new(now);
        let mut count = |now| (0..10_000).take_while(|_| quota.received(frame(kind), now)).count();
        let (first, second) = (count(now), count(now + Duration::from_secs(600)));
        (u32::try_from(first).expect("few"), u32::try_from(second).expect("few"))
    }

    #[test]
    fn every_kind_has_its_burst_and_gets_it_back_in_time() {
        for (kind, rate) in [
            (DATA, OF_EMPTY_DATA),
            (PRIORITY, OF_PRIORITY),
            (RST_STREAM, OF_RESET),
            (SETTINGS, OF_SETTINGS),
            (PING, OF_PING),
            (WINDOW_UPDATE, OF_UPDATE),
            (7, OF_OTHER),
            (16, OF_OTHER),
            (255, OF_OTHER),
        ] {
            assert_eq!(passes(kind), (rate.burst, rate.burst), "{kind}");
        }
        assert_eq!(passes(CONTINUATION).0, CONTINUATIONS_MAX);
        assert_eq!(passes(HEADERS).0, 10_000);
    }

    #[test]
    fn kinds_do_not_use_up_each_others_quotas_and_a_steady_pace_passes_for_ever() {
        let begun = Instant::now();
        let mut quota = Quota::new(begun);
        for second in 0..10_000_u64 {
            let now = begun + Duration::from_secs(second);
            for (kind, rate) in [(PING, OF_PING), (RST_STREAM, OF_RESET), (SETTINGS, OF_SETTINGS), (DATA, OF_EMPTY_DATA)] {
                assert!((0..rate.per_second).all(|_| quota.received(frame(kind), now)), "{kind} in second {second}");
            }
        }
    }

    #[test]
    fn data_of_ours_gives_leave_to_updates_and_to_no_more_than_the_burst_ahead() {
        let now = Instant::now();
        let mut quota = Quota::new(now);
        for _ in 0..100_000 {
            quota.sent(FrameHead { length: 16_384, kind: DATA, flags: 0 }, now);
            assert!((0..UPDATES_PER_DATA).all(|_| quota.received(frame(WINDOW_UPDATE), now)));
        }
        (0..100).for_each(|_| quota.sent(frame(DATA), now));
        let left = (0..10_000).take_while(|_| quota.received(frame(WINDOW_UPDATE), now)).count();
        assert_eq!(left, OF_UPDATE.burst as usize);
    }

    #[test]
    fn what_ends_a_body_is_not_empty_and_what_is_padded_may_be() {
        for (length, flags, is_empty) in [
            (0, 0, true),
            (0, END_STREAM, false),
            (1, 0, false),
            (1, PADDED, true),
            (256, PADDED, true),
            (257, PADDED, false),
            (256, PADDED | END_STREAM, false),
        ] {
            assert_eq!(is_empty_data(FrameHead { length, kind: DATA, flags }), is_empty, "{length} {flags}");
        }
    }
}
