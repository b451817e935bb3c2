//! Besieges a site that runs on this machine, for `cargo xtask bench edge`:
//! `siege HTTPS_ADDRESS HTTP_ADDRESS AUTHORITY SLOW ABUSERS WINDOW_MS PAIRS_MIN PAIRS_MAX` prints one line of JSON.
#![expect(clippy::expect_used, clippy::print_stdout, reason = "a tool of the benchmark says what it saw, and why it did not")]

use std::time::Duration;

use doorward_testkit::siege::{Outcome, Siege};
use serde_json::json;

fn main() {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let [https, http, authority, slow, abusers, window, least, most] = words.as_slice() else {
        println!("siege HTTPS_ADDRESS HTTP_ADDRESS AUTHORITY SLOW ABUSERS WINDOW_MS PAIRS_MIN PAIRS_MAX");
        return;
    };
    let number = |word: &String| word.parse::<usize>().expect("a number");
    let siege = Siege {
        https: https.parse().expect("an address"),
        http: http.parse().expect("an address"),
        authority: authority.clone(),
        slow: number(slow),
        abusers: abusers.parse().expect("a small number"),
        window: Duration::from_millis(number(window) as u64),
        pairs: (number(least), number(most)),
    };
    let Outcome { verdict, harm, slow_left } = siege.run(0.0);
    let ms = |time: Duration| time.as_secs_f64() * 1e3;
    let said = json!({
        "quiet_ms": ms(verdict.quiet), "besieged_ms": ms(verdict.besieged), "ratio": verdict.ratio, "at_most": verdict.at_most,
        "waits": verdict.waits, "slow_left": slow_left, "connections": harm.connections, "turned_away": harm.turned_away,
        "refused": harm.refused, "answered": harm.answered, "reset": harm.reset,
    });
    println!("{said}");
}
