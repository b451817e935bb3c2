//! Relays that misbehave, and a sender that panics.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use doorward_app::{Relay, RelayTimes};
use doorward_config::{Protection, Remote};
use doorward_domain::store::MailState;
use doorward_kit::{Clock, SystemClock, Timestamp};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};

use crate::house::{House, Mailing};

/// What a scripted relay does next.
#[derive(Clone, Copy)]
enum Act {
    /// Says this, with a line end.
    Say(&'static str),
    /// Reads a line.
    Hear,
    /// Reads to the end of a message.
    HearMessage,
    /// Says nothing more, and keeps the connection.
    Hang,
}

use Act::{Hang, Hear, HearMessage, Say};

/// A relay that follows a script on every connection, and then closes it.
struct Scripted {
    address: SocketAddr,
    heard: Arc<Mutex<Vec<String>>>,
}

impl Scripted {
    async fn start(script: Vec<Act>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let (address, heard) = (listener.local_addr().expect("bound"), Arc::new(Mutex::new(Vec::new())));
        let ears = heard.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(follow(stream, script.clone(), ears.clone()));
            }
        });
        Self { address, heard }
    }

    fn heard(&self) -> Vec<String> {
        self.heard.lock().expect("lines").clone()
    }

    fn relay(&self, protection: Protection) -> Relay {
        let server = Remote {
            host: "127.0.0.1".parse().expect("a host"),
            port: self.address.port(),
            protection,
            user: None,
            password: None,
            ca_file: None,
        };
        let times = RelayTimes { connect: Duration::from_secs(5), conversation: Duration::from_millis(300) };
        Relay::new(&server, None).expect("a relay").with_times(times)
    }
}

async fn follow(mut stream: TcpStream, script: Vec<Act>, heard: Arc<Mutex<Vec<String>>>) {
    let (read, mut write) = stream.split();
    let mut lines = BufReader::new(read).lines();
    for act in script {
        match act {
            Say(text) => write.write_all(format!("{text}\r\n").as_bytes()).await.unwrap_or_default(),
            Hear => {
                let line = lines.next_line().await.ok().flatten();
                heard.lock().expect("lines").extend(line);
            }
            HearMessage => {
                while let Some(line) = lines.next_line().await.ok().flatten().filter(|line| line != ".") {
                    heard.lock().expect("lines").push(line);
                }
            }
            Hang => std::future::pending().await,
        }
    }
}

/// A house with one mail to this relay, after one attempt.
async fn after_one_attempt(script: Vec<Act>, protection: Protection) -> (House, Scripted) {
    let scripted = Scripted::start(script).await;
    let house = House::mailing(Mailing { relay: Some(scripted.relay(protection)), clock: None }).await;
    house.sign_up("ada@example.com").await;
    assert_eq!(house.deliver().await, 0);
    (house, scripted)
}

async fn error(house: &House) -> (MailState, String) {
    let rows = house.outbox().await;
    let [row] = rows.as_slice() else { panic!("one mail") };
    (row.state, row.last_error.clone().expect("an error"))
}

const HELLO: [Act; 3] = [Say("220 relay"), Hear, Say("250 relay")];

fn after_hello(acts: &[Act]) -> Vec<Act> {
    [&HELLO, acts].concat()
}

#[tokio::test]
async fn email_10_a_relay_that_offers_no_starttls_hears_our_name_and_nothing_else() {
    let (house, relay) = after_one_attempt(after_hello(&[Hear, Hear]), Protection::StartTls).await;
    assert_eq!(error(&house).await, (MailState::Waiting, "no_starttls".to_owned()));
    assert_eq!(relay.heard(), ["EHLO app.example.com"]);
}

#[tokio::test]
async fn email_10_a_relay_that_takes_starttls_back_hears_nothing_else() {
    let script =
        vec![Say("220 relay"), Hear, Say("250-relay\r\n250 STARTTLS"), Hear, Say("454 not now"), Hear, Say("221 bye"), Hear];
    let (house, relay) = after_one_attempt(script, Protection::StartTls).await;
    assert_eq!(error(&house).await, (MailState::Waiting, "tls 454".to_owned()));
    assert_eq!(relay.heard(), ["EHLO app.example.com", "STARTTLS", "QUIT"]);
}

#[tokio::test]
async fn email_10_a_relay_that_speaks_clear_text_where_tls_was_agreed_hears_nothing_of_the_mail() {
    let (house, relay) = after_one_attempt(after_hello(&[Hear, Hear]), Protection::Tls).await;
    assert_eq!(error(&house).await, (MailState::Waiting, "tls".to_owned()));
    assert!(!relay.heard().iter().any(|line| line.contains("EHLO") || line.contains("ada")), "{:?}", relay.heard());
}

#[tokio::test]
async fn a_relay_that_falls_silent_at_any_point_is_given_its_time_and_no_more() {
    let silences: [&[Act]; 6] = [
        &[Hang],
        &[Say("220 relay"), Hear, Hang],
        &[Say("220 relay"), Hear, Say("250-half an answer"), Hang],
        &[HELLO[0], HELLO[1], HELLO[2], Hear, Hang],
        &[HELLO[0], HELLO[1], HELLO[2], Hear, Say("250 ok"), Hear, Say("250 ok"), Hear, Hang],
        &[HELLO[0], HELLO[1], HELLO[2], Hear, Say("250 ok"), Hear, Say("250 ok"), Hear, Say("354 go"), HearMessage, Hang],
    ];
    for silence in silences {
        let (house, _relay) = after_one_attempt(silence.to_vec(), Protection::Plain).await;
        assert_eq!(error(&house).await, (MailState::Waiting, "timed_out".to_owned()));
        house.clock.advance(Duration::from_secs(60));
        assert_eq!(house.deliver().await, 0, "and again");
        assert_eq!(house.outbox().await[0].attempts, 2);
    }
}

#[tokio::test]
async fn a_relay_that_breaks_off_at_any_point_gets_the_mail_again_later() {
    let whole = after_hello(&[Hear, Say("250 ok"), Hear, Say("250 ok"), Hear, Say("354 go"), HearMessage]);
    for length in 0..=whole.len() {
        let (house, _relay) = after_one_attempt(whole[..length].to_vec(), Protection::Plain).await;
        let (state, error) = error(&house).await;
        assert_eq!(state, MailState::Waiting, "after {length}");
        assert!(["unreachable", "protocol"].contains(&&*error), "{error} after {length}");
    }
}

#[tokio::test]
async fn what_a_relay_has_against_us_is_no_verdict_on_the_mail_wherever_it_says_so() {
    use MailState::{Dead, Waiting};
    let refusals = [
        ("550 5.1.1 nobody here", Dead, "550"),
        ("550-5.2.1 nobody\r\n550 5.7.1 here", Dead, "550"),
        ("550 nobody here", Dead, "550"),
        ("551 moved", Dead, "551"),
        ("552 5.2.2 full", Dead, "552"),
        ("553 5.1.3 what is this", Dead, "553"),
        ("550 5.7.1 client host rejected", Waiting, "relay 550"),
        ("550-5.7.26 not signed\r\n550 5.1.1 at all", Waiting, "relay 550"),
        ("550 5.4.5 quota of the day", Waiting, "relay 550"),
        ("552 5.3.4 too much", Waiting, "relay 552"),
        ("554 5.7.1 access denied", Waiting, "relay 554"),
        ("554 5.1.1 whatever", Waiting, "relay 554"),
        ("530 5.7.0 sign in first", Waiting, "relay 530"),
        ("535 who", Waiting, "relay 535"),
        ("503 what", Waiting, "relay 503"),
        ("451 5.7.1 later", Waiting, "451"),
    ];
    let until_recipient = after_hello(&[Hear, Say("250 ok"), Hear]);
    let until_message = [&until_recipient[..], &[Say("250 ok"), Hear, Say("354 go"), HearMessage]].concat();
    for (stage, before) in [("recipient", until_recipient), ("message", until_message)] {
        for (refusal, state, fault) in refusals {
            let (house, _relay) = after_one_attempt([&before[..], &[Say(refusal), Hear]].concat(), Protection::Plain).await;
            let fault = if fault.starts_with("relay") { fault.to_owned() } else { format!("{stage} {fault}") };
            assert_eq!(error(&house).await, (state, fault), "{refusal}");
        }
    }
}

#[tokio::test]
async fn a_mail_that_is_sent_twice_bears_one_message_id() {
    let script = after_hello(&[Hear, Say("250 ok"), Hear, Say("250 ok"), Hear, Say("354 go"), HearMessage]);
    let (house, relay) = after_one_attempt(script, Protection::Plain).await;
    house.clock.advance(Duration::from_secs(60));
    assert_eq!(house.deliver().await, 0);
    let heard = relay.heard();
    let ids: Vec<_> = heard.iter().filter(|line| line.starts_with("Message-ID: ")).collect();
    let id = house.outbox().await[0].id;
    assert_eq!(ids, [&format!("Message-ID: <{id}@app.example.com>"); 2]);
}

#[tokio::test]
async fn nonsense_is_no_smtp_and_neither_kept_nor_believed() {
    for nonsense in ["", "hello", "999 what", "2", "250", "\u{0}\u{0}", "220-\r\n220-\r\n550"] {
        let (house, _relay) = after_one_attempt(vec![Say(nonsense), Hear], Protection::Plain).await;
        let (state, error) = error(&house).await;
        assert_eq!(state, MailState::Waiting, "{nonsense:?}");
        assert!(["unreachable", "protocol", "timed_out", "relay 550"].contains(&&*error), "{error} for {nonsense:?}");
    }
}

#[tokio::test]
async fn a_relay_that_is_down_is_asked_for_a_few_mails_and_not_for_every_one_that_waits() {
    let scripted = Scripted::start(vec![Say("421 closing"), Hear]).await;
    let house = House::mailing(Mailing { relay: Some(scripted.relay(Protection::Plain)), clock: None }).await;
    for number in 0..40 {
        house.sign_up(&format!("ada{number}@example.com")).await;
    }
    assert_eq!(house.deliver().await, 0);
    let tried = house.outbox().await.iter().filter(|row| row.attempts > 0).count();
    assert_eq!(tried, 8);
}

/// Panics when it is looked at, a number of times.
struct Cracked(AtomicU32);

impl Clock for Cracked {
    fn now(&self) -> Timestamp {
        let is_over = self.0.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1)).is_err();
        assert!(is_over, "a crack in the clock");
        SystemClock.now()
    }
}

#[tokio::test]
async fn a_sender_that_panics_is_started_again_and_the_mail_leaves() {
    let clock = Arc::new(Cracked(AtomicU32::new(0)));
    let house = House::mailing(Mailing { relay: None, clock: Some(clock.clone()) }).await;
    house.sign_up("ada@example.com").await;
    // Both jobs look at the clock first of all, so that both panic, twice each.
    clock.0.store(4, Ordering::SeqCst);
    let (stop, stopped) = tokio::sync::watch::channel(false);
    let jobs = house.app.spawn_jobs(stopped);
    while house.mails().is_empty() {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(house.app.job_restarts(), 4);
    stop.send(true).expect("jobs listen");
    jobs.join_all().await;
}
