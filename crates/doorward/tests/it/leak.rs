//! What keeps a secret out of a log when somebody is careless (LOG-05).

use std::fmt::{Debug, Display};
use std::marker::PhantomData;
use std::process::Command;

use doorward::telemetry::{self, Format};
use doorward_domain::{CsrfKey, Password};
use doorward_kit::{MasterKey, Secret, SubKey, Token, TokenDigest};
use serde::Serialize;
use tracing::level_filters::LevelFilter;

/// Whether a type has a trait: the inherent constant is chosen where its bound holds.
macro_rules! has {
    ($type:ty, $bound:path) => {{
        struct Probe<T>(PhantomData<T>);
        #[allow(dead_code, reason = "not chosen where the bound holds")]
        trait Otherwise {
            const HAS: bool = false;
        }
        impl<T> Otherwise for Probe<T> {}
        impl<T: $bound> Probe<T> {
            #[allow(dead_code, reason = "chosen only where the bound holds")]
            const HAS: bool = true;
        }
        Probe::<$type>::HAS
    }};
}

macro_rules! assert_silent {
    ($($type:ty),*) => {$(
        assert!(!has!($type, Display), concat!(stringify!($type), " can be printed"));
        assert!(!has!($type, Serialize), concat!(stringify!($type), " can be serialised"));
    )*};
}

#[test]
fn log_05_types_that_hold_secrets_have_no_way_to_show_them() {
    assert!(
        has!(String, Display) && has!(String, Serialize) && !has!(Vec<u8>, Display),
        "the question can be answered both ways"
    );
    assert_silent!(Secret<String>, Secret<Vec<u8>>, Token, TokenDigest, MasterKey, SubKey, CsrfKey, Password);
    assert!(!has!(CsrfKey, Debug) || !has!(CsrfKey, Serialize));
    let master = MasterKey::new(&[b'k'; 48]).unwrap();
    let shown = [
        format!("{:?}", Secret::new("canary-secret-text".to_owned())),
        format!("{:?}", Password::new("canary-secret-text".to_owned())),
        format!("{:?}", Token::parse(&"A".repeat(43)).unwrap()),
        format!("{master:?} {:?}", master.derive(doorward_kit::KeyPurpose::Csrf)),
    ];
    for shown in shown {
        assert!(shown.contains("(..)") && !shown.contains("canary") && !shown.contains("AAA"), "{shown}");
    }
}

/// Tells the child that it is one, and how its panic is to come about.
const CHILD: &str = "DOORWARD_TEST_PANIC";

#[test]
fn log_05_a_panic_message_that_holds_a_secret_is_not_logged() {
    if std::env::var_os(CHILD).is_some() {
        telemetry::start(LevelFilter::TRACE, Format::Json);
        let secret = ["canary", "panic", "Zq8Wn3Lk7Vt2"].join("-");
        let message = secret.clone();
        assert!(std::thread::spawn(move || panic!("could not use {message}")).join().is_err());
        assert!(std::thread::spawn(move || refuse(secret).expect("a value")).join().is_err());
        return;
    }
    let child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "leak::log_05_a_panic_message_that_holds_a_secret_is_not_logged", "--nocapture"])
        .env(CHILD, "1")
        .env("RUST_BACKTRACE", "full")
        .output()
        .unwrap();
    assert!(child.status.success());
    let text = String::from_utf8([child.stdout, child.stderr].concat()).unwrap();
    assert_eq!(text.matches("a task panicked").count(), 2, "{text}");
    assert!(text.contains("leak.rs:") && !text.contains("canary") && !text.contains("Zq8Wn3Lk7Vt2"), "{text}");
}

/// An error that holds a secret, as a careless caller of `expect` would meet it.
fn refuse<E>(error: E) -> Result<(), E> {
    Err(error)
}
