//! How many entries a second the trail takes, each of them on the disk when it counts.

use std::sync::Arc;
use std::time::{Duration, Instant};

use doorward_domain::credential::{Argon2Pool, Argon2Settings};
use doorward_domain::service::{AccountRules, Parts};
use doorward_domain::throttle::MemoryCounters;
use doorward_domain::{Accounts, AuditEntry, AuditEvent, Outcome, Store};
use doorward_kit::{Clock, Entropy, KeyPurpose, KeyRing, SharedRing, SystemClock, SystemEntropy};
use doorward_policy::LimitPolicy;

/// What a measurement may end with.
pub(crate) type Fault = Box<dyn std::error::Error + Send + Sync>;

/// How long each of them takes.
const TIME: Duration = Duration::from_secs(5);
/// Loose entries between two looks at whether they are stored: fewer than the queue holds, so that none is lost.
const LOOSE_AT_ONCE: u32 = 2000;

/// Prints one line of JSON.
pub(crate) async fn measure(store: Arc<dyn Store>, durability: &str) -> Result<(), Fault> {
    let accounts = assemble(store)?;
    let loose = loose(&accounts).await;
    let one = committed(&accounts, 1).await?;
    let many = committed(&accounts, 16).await?;
    println!(
        "{{\"durability\":\"{durability}\",\"loose_per_s\":{loose:.0},\"committed_by_1_per_s\":{one:.0},\
         \"committed_by_16_per_s\":{many:.0}}}"
    );
    let node = &accounts.rules().node;
    accounts.verify_audit(node, &[], |_| {}).await?.map(drop).map_err(Into::into)
}

fn assemble(store: Arc<dyn Store>) -> Result<Arc<Accounts>, Fault> {
    let (clock, entropy): (Arc<dyn Clock>, Arc<dyn Entropy>) = (Arc::new(SystemClock), Arc::new(SystemEntropy));
    let keys = SharedRing::new(KeyRing::parse("a key of a measurement, of no worth to anybody")?, Arc::clone(&clock));
    let hashing = Argon2Settings { memory_kib: 64, passes: 1, lanes: 1, threads: 1, queue_per_thread: 1 };
    let hasher = Argon2Pool::start(hashing, keys.of(KeyPurpose::PasswordPepper), &entropy)?;
    let rules = AccountRules::new("https://app.example.org", "Example", "node-1", LimitPolicy::new(Vec::new()));
    let counters = Arc::new(MemoryCounters::default());
    Ok(Arc::new(Accounts::new(Parts {
        store,
        hasher: Arc::new(hasher),
        counters,
        clock,
        entropy,
        keys,
        providers: Vec::new(),
        rules,
    })))
}

/// A failure is of no kind that is counted instead of written.
fn entry() -> AuditEntry {
    let entry = AuditEntry::of_house(AuditEvent::SignInFailed, Outcome::Failure, SystemClock.now());
    entry.about("0123456789abcdef0123456789abcdef").because("unknown")
}

/// As refusals are: queued, many to a transaction.
async fn loose(accounts: &Accounts) -> f64 {
    let (start, mut count) = (Instant::now(), 0);
    while start.elapsed() < TIME {
        (0..LOOSE_AT_ONCE).for_each(|_| accounts.record(entry()));
        accounts.flush().await;
        count += LOOSE_AT_ONCE;
    }
    f64::from(count) / start.elapsed().as_secs_f64()
}

/// As those of flows are: each with a transaction of its own, so many at the same time.
async fn committed(accounts: &Arc<Accounts>, writers: u32) -> Result<f64, Fault> {
    let start = Instant::now();
    let write = |accounts: Arc<Accounts>| async move {
        let mut count = 0;
        while start.elapsed() < TIME {
            accounts.record_now(entry()).await?;
            count += 1;
        }
        Ok::<u32, Fault>(count)
    };
    let tasks: Vec<_> = (0..writers).map(|_| tokio::spawn(write(Arc::clone(accounts)))).collect();
    let mut count = 0;
    for task in tasks {
        count += task.await??;
    }
    Ok(f64::from(count) / start.elapsed().as_secs_f64())
}
