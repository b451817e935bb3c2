//! Answers and bodies longer than memory, through the real binary over TLS (HTTP-17).
//!
//! What always runs reads as much of ten GiB as fits into some seconds of a debug build; the ignored test reads them to the end.

use std::io;
use std::time::{Duration, Instant};

use doorward_testkit::h2::{DATA, END_HEADERS, END_STREAM, H2Frames, HEADERS, PING, SETTINGS, WINDOW_UPDATE};
use doorward_testkit::{Faucet, House, INSIDE, RawClient, until};

const MIB: u64 = 1024 * 1024;
const TEN_GIB: u64 = 10 * 1024 * MIB;
/// What a connection may need for its buffers, and what a process that has just begun still grows by.
const GROWTH_MAX: u64 = 24 * MIB;
/// How much is read of an answer before its client goes.
const READ: u64 = 64 * MIB;
const PATIENCE: Duration = Duration::from_secs(60);

fn house(faucet: &Faucet) -> House {
    House::builder().upstream("tap", &faucet.url()).route("/", "tap", "public").start()
}

/// Memory that the house occupies, in octets.
fn resident(house: &House) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", house.pid())).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").trim().parse::<u64>().unwrap() * 1024
}

/// Looks at every octet, and from time to time at the memory of the house.
struct Reader<'a> {
    house: &'a House,
    place: u64,
    begun: u64,
    highest: u64,
    looked: u64,
}

impl<'a> Reader<'a> {
    fn new(house: &'a House) -> Self {
        Self { house, place: 0, begun: 0, highest: 0, looked: 0 }
    }

    fn take(&mut self, octets: &[u8]) {
        let is_right = (0..octets.len()).step_by(997).all(|at| octets[at] == Faucet::octet(self.place + at as u64));
        assert!(is_right, "the octets after {} are not the upstream's", self.place);
        self.place += octets.len() as u64;
        if self.place - self.looked >= 4 * MIB {
            self.looked = self.place;
            let now = resident(self.house);
            // What is there once and stays, such as buffers of the allocator, is there by then.
            if self.begun == 0 {
                self.begun = now;
            }
            self.highest = self.highest.max(now);
        }
    }

    #[track_caller]
    fn assert_flat(&self) {
        let grown = self.highest.saturating_sub(self.begun);
        assert!(self.looked > 0 && grown < GROWTH_MAX, "{} KiB more after {} MiB", grown / 1024, self.place / MIB);
    }
}

/// Asks over HTTP/1.1 and reads the answer's head.
fn ask(house: &House) -> RawClient {
    let mut raw = house.raw();
    raw.send(format!("GET /all HTTP/1.1\r\nHost: {}\r\n\r\n", house.authority()));
    let head = raw.read_head_of_reply().unwrap();
    assert_eq!((head.status, head.header("content-length")), (200, Some(TEN_GIB.to_string().as_str())));
    raw
}

fn read_http1(house: &House, most: u64) -> (RawClient, u64) {
    let mut raw = ask(house);
    let mut reader = Reader::new(house);
    while reader.place < most {
        let octets = raw.read_some().unwrap();
        reader.take(&octets);
    }
    reader.assert_flat();
    (raw, reader.place)
}

/// Asks over HTTP/2 and gives back the window for what was read.
fn read_http2(house: &House, most: u64) -> (H2Frames, u64) {
    let mut frames = H2Frames::connect(house.https(), INSIDE, house.host()).unwrap();
    let (authority, stream) = (house.authority(), frames.open());
    let fields = [(":method", "GET"), (":scheme", "https"), (":authority", authority.as_str()), (":path", "/all")];
    frames.headers(stream, &fields, END_STREAM);
    let mut reader = Reader::new(house);
    let mut owed = 0;
    while reader.place < most {
        let frame = frames.read().unwrap();
        match frame.kind {
            SETTINGS if frame.flags & 1 == 0 => frames.send(SETTINGS, 1, 0, &[]),
            PING if frame.flags & 1 == 0 => frames.send(PING, 1, 0, &frame.payload),
            HEADERS => assert!(frame.flags & END_HEADERS != 0 && frame.flags & END_STREAM == 0),
            DATA => {
                reader.take(&frame.payload);
                owed += u32::try_from(frame.payload.len()).unwrap();
                if owed > 16 * 1024 {
                    frames.send(WINDOW_UPDATE, 0, 0, &owed.to_be_bytes());
                    frames.send(WINDOW_UPDATE, 0, stream, &owed.to_be_bytes());
                    owed = 0;
                }
            }
            SETTINGS | PING | WINDOW_UPDATE => {}
            other => panic!("a frame of kind {other} after {} octets", reader.place),
        }
    }
    reader.assert_flat();
    (frames, reader.place)
}

#[test]
fn http_17_an_answer_of_ten_gib_that_its_client_leaves_keeps_memory_flat_and_ends_at_the_upstream() {
    let faucet = Faucet::start(TEN_GIB);
    let mut house = house(&faucet);
    let (http1, read) = read_http1(&house, READ);
    assert!(faucet.given() - read < 16 * MIB, "no more is taken in than goes out: {} of {read}", faucet.given());
    drop(http1);
    until(PATIENCE, "the end of the first answer at the upstream", || (faucet.answers() == [1, 0, 1]).then_some(()));
    let (http2, _) = read_http2(&house, READ);
    drop(http2);
    until(PATIENCE, "the end of the second answer at the upstream", || (faucet.answers() == [2, 0, 2]).then_some(()));
    let given = faucet.given();
    assert!(given < 2 * READ + 32 * MIB, "{given}");
    house.assert_alive();
}

#[test]
fn http_17_clients_that_do_not_read_hold_little_and_stop_their_upstreams() {
    const CROWD: u64 = 60;
    let faucet = Faucet::start(TEN_GIB);
    let mut house = house(&faucet);
    drop(ask(&house));
    until(PATIENCE, "the end of the first", || (faucet.answers() == [1, 0, 1]).then_some(()));
    let (before, begun) = (resident(&house), faucet.given());
    let crowd: Vec<RawClient> = (0..CROWD).map(|_| ask(&house)).collect();
    // Until nothing moves any more, and then for a while longer.
    let mut seen = (0, Instant::now());
    while seen.1.elapsed() < Duration::from_secs(2) {
        let given = faucet.given();
        if given != seen.0 {
            seen = (given, Instant::now());
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    let grown = resident(&house).saturating_sub(before);
    assert!(grown < CROWD * MIB, "{} KiB for each", grown / 1024 / CROWD);
    // Most of it lies in the kernel's buffers.
    let given = (faucet.given() - begun) / CROWD;
    assert!(given < 24 * MIB, "{} KiB were taken for each", given / 1024);
    drop(crowd);
    let all = usize::try_from(CROWD).unwrap() + 1;
    until(PATIENCE, "the end of all answers at the upstream", || (faucet.answers() == [all, 0, all]).then_some(()));
    house.assert_alive();
}

#[test]
fn a_body_of_ten_gib_is_refused_before_it_is_sent_or_as_soon_as_it_is_too_long() {
    let faucet = Faucet::start(1);
    let mut house = house(&faucet);
    let before = resident(&house);
    let head = |field: &str| format!("POST /all HTTP/1.1\r\nHost: {}\r\n{field}\r\n\r\n", house.authority());
    let mut raw = house.raw();
    raw.send(head(&format!("Content-Length: {TEN_GIB}")));
    assert_eq!(raw.reply().status, 413);
    assert_eq!(faucet.answers(), [0, 0, 0], "nobody was asked");
    let mut raw = house.raw();
    raw.send(head("Transfer-Encoding: chunked"));
    let chunk = [b"10000\r\n".as_slice(), &vec![b'x'; 65_536], b"\r\n"].concat();
    let mut sent = 0_u64;
    let ended: io::Result<()> = (0..TEN_GIB / 65_536).try_for_each(|_| {
        raw.try_send(&chunk)?;
        sent += 65_536;
        Ok(())
    });
    assert!(ended.is_err(), "the door took ten GiB");
    assert!(sent < 64 * MIB, "{} MiB were taken", sent / MIB);
    let grown = resident(&house).saturating_sub(before);
    assert!(grown < GROWTH_MAX, "{} KiB more", grown / 1024);
    house.assert_alive();
}

#[test]
#[ignore = "reads ten GiB twice: some minutes; run it with the release build (`cargo nextest run --release --run-ignored only`)"]
fn ten_gib_arrive_whole_in_either_version_with_flat_memory() {
    let faucet = Faucet::start(TEN_GIB);
    let house = house(&faucet);
    assert_eq!(read_http1(&house, TEN_GIB).1, TEN_GIB);
    assert_eq!(read_http2(&house, TEN_GIB).1, TEN_GIB);
    until(PATIENCE, "both to be whole", || (faucet.answers() == [2, 2, 0]).then_some(()));
}
