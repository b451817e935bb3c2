//! The guard against octets at random: it never panics, never depends on how octets were cut into reads, and hands on nothing
//! that another strict parser would refuse or read differently.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use doorward_kit::net::Scheme;
use doorward_policy::{SizePolicy, TimePolicy};
use proptest::prelude::*;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::guard::{Guard, GuardRules, MARKED};
use super::lane::Lane;
use super::{BodyFault, FramingFault};

/// Gives what it was given, cut where it was told, and then ends.
struct Pieces {
    octets: Vec<u8>,
    cuts: Vec<usize>,
    at: usize,
}

impl AsyncRead for Pieces {
    fn poll_read(self: Pin<&mut Self>, _: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<std::io::Result<()>> {
        let this = self.get_mut();
        let end = this.cuts.iter().copied().filter(|cut| *cut > this.at).min().unwrap_or(this.octets.len());
        let take = (end.min(this.octets.len()) - this.at).min(buf.remaining());
        buf.put_slice(&this.octets[this.at..this.at + take]);
        this.at += take;
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Pieces {
    fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<std::io::Result<usize>> {
        Poll::Ready(Ok(bytes.len()))
    }
    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Poll::Ready(Ok(()))
    }
    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

#[derive(Debug, PartialEq, Eq)]
struct Passed {
    octets: Vec<u8>,
    head: Option<FramingFault>,
    body: Option<BodyFault>,
}

/// Everything that gets through, read in steps of `step` octets, with every request answered at once.
fn pass(octets: &[u8], cuts: &[usize], step: usize) -> Passed {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime");
    let _entered = runtime.enter();
    let lane = Arc::new(Lane::default());
    let rules = GuardRules { sizes: SizePolicy::default(), times: TimePolicy::default(), scheme: Scheme::Https };
    let (mut guard, _gone) = Guard::new(Pieces { octets: octets.to_vec(), cuts: cuts.to_vec(), at: 0 }, rules, lane.clone());
    let mut passed = Passed { octets: Vec::new(), head: None, body: None };
    let mut space = vec![0; step];
    loop {
        let mut buf = ReadBuf::new(&mut space);
        match Pin::new(&mut guard).poll_read(&mut Context::from_waker(Waker::noop()), &mut buf) {
            Poll::Ready(Ok(())) if buf.filled().is_empty() => break,
            Poll::Ready(Ok(())) => passed.octets.extend_from_slice(buf.filled()),
            Poll::Ready(Err(error)) => {
                passed.body = error.get_ref().and_then(|inner| inner.downcast_ref::<BodyFault>()).copied();
                break;
            }
            // It waits for an answer, or has refused and waits for the end.
            Poll::Pending => match lane.arrive() {
                (Some(fault), _) => {
                    passed.head = Some(fault);
                    break;
                }
                (None, ticket) => drop(ticket),
            },
        }
    }
    if passed.head.is_some() {
        assert!(passed.octets.ends_with(MARKED), "a refused head is replaced");
        passed.octets.truncate(passed.octets.len() - MARKED.len());
    }
    passed
}

/// Reads what was passed as a second parser would: heads by `httparse`, bodies by their one length.
fn reread(mut octets: &[u8]) {
    while !octets.is_empty() {
        let mut fields = [httparse::EMPTY_HEADER; 128];
        let mut request = httparse::Request::new(&mut fields);
        let Ok(httparse::Status::Complete(length)) = request.parse(octets) else { panic!("not a whole head: {octets:?}") };
        let count = |name: &str| request.headers.iter().filter(|field| field.name.eq_ignore_ascii_case(name)).count();
        assert_eq!(count("host"), 1);
        assert!(count("content-length") + count("transfer-encoding") <= 1);
        let head = &octets[..length];
        let ends = head.windows(2).filter(|two| two == b"\r\n").count();
        assert_eq!(head.iter().filter(|octet| matches!(octet, b'\r' | b'\n')).count(), ends * 2, "bare line ends");
        let value =
            |name: &str| request.headers.iter().find(|field| field.name.eq_ignore_ascii_case(name)).map(|field| field.value);
        octets = &octets[length..];
        if let Some(declared) = value("content-length") {
            let declared: usize = std::str::from_utf8(declared).expect("digits").parse().expect("a number");
            octets = &octets[declared.min(octets.len())..];
        } else if value("transfer-encoding").is_some() {
            octets = reread_chunks(octets);
        }
    }
}

fn reread_chunks(mut octets: &[u8]) -> &[u8] {
    loop {
        let Some(end) = octets.windows(2).position(|two| two == b"\r\n") else {
            assert!(octets.len() < 18, "a size line in canonical spelling is short");
            return &[];
        };
        let size =
            std::str::from_utf8(&octets[..end]).ok().and_then(|text| u64::from_str_radix(text, 16).ok()).expect("a plain size");
        octets = &octets[end + 2..];
        if size == 0 {
            return octets.strip_prefix(b"\r\n").expect("no trailers");
        }
        let take = usize::try_from(size).unwrap_or(usize::MAX).min(octets.len());
        octets = &octets[take..];
        if octets.len() < 2 {
            return &[];
        }
        octets = octets.strip_prefix(b"\r\n").expect("the end of a chunk");
    }
}

fn soup() -> impl Strategy<Value = Vec<u8>> {
    let fragments: Vec<&'static [u8]> = vec![
        b"GET / HTTP/1.1\r\n",
        b"POST /a?b HTTP/1.1\r\n",
        b"GET https://a/ HTTP/1.1\r\n",
        b"OPTIONS * HTTP/1.0\r\n",
        b"host: a\r\n",
        b"Host:a:443\r\n",
        b"content-length: 5\r\n",
        b"content-length: 0\r\n",
        b"transfer-encoding: chunked\r\n",
        b"upgrade: websocket\r\n",
        b"expect: 100-continue\r\n",
        b"x: y\r\n",
        b"\r\n",
        b"5\r\nhello\r\n",
        b"5;a=b\r\nhello\r\n",
        b"0\r\n\r\n",
        b"0\r\nt: v\r\n\r\n",
        b"hello",
        b"\n",
        b"\r",
        b"\0",
        b" ",
        b":",
        b"\xff",
    ];
    let fragment = prop_oneof![
        8 => proptest::sample::select(fragments).prop_map(<[u8]>::to_vec),
        1 => proptest::collection::vec(any::<u8>(), 0..8),
    ];
    // Half of all start like a request, or hardly any would get past their first line.
    let start = prop_oneof![
        Just(Vec::new()),
        Just(b"GET / HTTP/1.1\r\nhost: a\r\n".to_vec()),
        Just(b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 5\r\n\r\nhello".to_vec()),
        Just(b"POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n".to_vec()),
    ];
    (start, proptest::collection::vec(fragment, 0..24)).prop_map(|(start, rest)| [start, rest.concat()].concat())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_passes_reads_the_same_to_a_second_parser(octets in soup()) {
        reread(&pass(&octets, &[], 8192).octets);
    }

    #[test]
    fn cutting_octets_into_reads_decides_nothing(octets in soup(), cuts in proptest::collection::vec(0usize..400, 0..40), step in 1usize..64) {
        prop_assert_eq!(pass(&octets, &cuts, step), pass(&octets, &[], 8192));
    }

    #[test]
    fn octets_at_random_are_never_a_request(octets in proptest::collection::vec(any::<u8>(), 0..2000)) {
        let passed = pass(&octets, &[], 8192);
        prop_assert!(passed.octets.is_empty());
    }
}

#[test]
fn a_refused_head_is_the_last_that_is_looked_at() {
    let passed = pass(b"GET / HTTP/1.1\r\nbad\r\n\r\nGET / HTTP/1.1\r\nhost: a\r\n\r\n", &[], 8192);
    assert_eq!(passed, Passed { octets: Vec::new(), head: Some(FramingFault::Field), body: None });
}

#[test]
fn limits_are_the_same_for_one_long_read_and_many_short_ones() {
    let line = [b"GET /".as_slice(), &[b'a'; 9000], b" HTTP/1.1\r\nhost: a\r\n\r\n"].concat();
    let head = [b"GET / HTTP/1.1\r\nhost: a\r\nx: ".as_slice(), &[b'a'; 17_000], b"\r\n\r\n"].concat();
    for (octets, fault) in [(line, FramingFault::LineTooLong), (head, FramingFault::HeadTooLarge)] {
        let cuts: Vec<usize> = (0..octets.len()).step_by(7).collect();
        for cuts in [&cuts[..], &[]] {
            assert_eq!(pass(&octets, cuts, 512).head, Some(fault));
        }
    }
}
