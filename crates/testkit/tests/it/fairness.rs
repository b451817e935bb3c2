//! Those who mean no harm are served as well as ever while others attack (EDGE-RL-10), and slow handshakes hold nobody up (TLS-17).

use std::time::Duration;

use doorward_testkit::siege::Siege;
use doorward_testkit::{EchoUpstream, House};

/// Whatever is compared has to be within this of the other.
const TWOFOLD: f64 = 2.0;

#[test]
#[expect(clippy::print_stdout, reason = "the ratio is the result of a measurement")]
fn edge_rl_10_two_thousand_slow_clients_and_an_abuser_do_not_double_the_p99_of_others() {
    let web = EchoUpstream::start("web");
    let house = House::builder().default_limits().echo(&web).route("/", "web", "public").start();
    let siege = Siege {
        https: house.https(),
        http: house.http(),
        authority: house.authority(),
        slow: 2000,
        abusers: 1,
        window: Duration::from_millis(1200),
        pairs: (6, 14),
    };
    let outcome = siege.run(TWOFOLD);
    println!("{}; {:?}, {} slow clients", outcome.verdict, outcome.harm, outcome.slow_left);
    assert_eq!(outcome.slow_left, 2000, "they are there all the time");
    assert!(outcome.harm.connections > 1000 && outcome.harm.refused > 1000, "the abuser is at full speed: {outcome:?}");
    assert!(outcome.verdict.at_most < TWOFOLD, "{outcome:?}");
}
