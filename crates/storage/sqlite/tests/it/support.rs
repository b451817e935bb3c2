//! A whole house of accounts over a database of its own: whichever the including crate has.

use std::net::{IpAddr, SocketAddr};
use std::num::NonZeroU32;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use doorward_domain::audit::AuditRow;
use doorward_domain::credential::{Argon2Pool, Argon2Settings};
use doorward_domain::factor::SignInOutcome;
use doorward_domain::federation::Provider;
use doorward_domain::service::{AccountRules, FlowError, Parts, SignIn, SignUp, SignedIn};
use doorward_domain::store::PageLimit;
use doorward_domain::throttle::MemoryCounters;
use doorward_domain::{Accounts, AuditEvent, Password, Store, Visitor};
use doorward_kit::{
    ClientAddr, Entropy, KeyPurpose, KeyRing, ManualClock, PeerAddr, RequestContext, RequestId, SharedRing, Timestamp,
};
use doorward_policy::{LimitPolicy, Quota};
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::{Rng as _, SeedableRng as _};

use crate::database::{Database, TestStore};

/// The same octets for the same seed.
pub(crate) struct SeededEntropy(Mutex<ChaCha20Rng>);

impl Entropy for SeededEntropy {
    fn fill(&self, out: &mut [u8]) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).fill_bytes(out);
    }
}

/// Hashing that takes microseconds: what it costs is measured elsewhere.
pub(crate) const QUICK: Argon2Settings =
    Argon2Settings { memory_kib: 64, passes: 1, lanes: 1, threads: 2, queue_per_thread: 1000 };

/// A password that every policy takes.
pub(crate) const PASSWORD: &str = "copper lantern meadow violin";

/// The master key of every house.
pub(crate) const MASTER: &str = "q83vEjRWeJq7zJk2mZ8yK1vXw7uQeRtYuIoPaSdF";

pub(crate) struct House {
    pub(crate) accounts: Arc<Accounts>,
    pub(crate) store: Arc<TestStore>,
    pub(crate) clock: Arc<ManualClock>,
    /// The keys of every node.
    pub(crate) keys: SharedRing,
    /// Who else may say who somebody is.
    pub(crate) providers: Vec<Arc<dyn Provider>>,
    pub(crate) database: Database,
}

/// Quotas that never stand in the way, for tests of something else.
pub(crate) fn generous() -> Vec<(&'static str, Quota)> {
    let scopes = [
        "auth_register",
        "auth_login",
        "auth_login_account",
        "verify_email",
        "verify_email_resend",
        "verify_email_resend_address",
        "forgot_password",
        "forgot_password_address",
        "reset_password",
        "reset_password_total",
        "auth_password",
        "auth_email",
        "email_confirm",
        "auth_delete",
        "auth_second_factor",
        "auth_passkey",
        "auth_factors",
        "auth_factors_change",
        "auth_step_up",
        "auth_gate",
        "auth_oauth",
        "auth_oauth_unlink",
    ];
    scopes.map(|scope| (scope, quota(1_000, 1))).to_vec()
}

pub(crate) fn quota(count: u32, seconds: u64) -> Quota {
    Quota { count: NonZeroU32::new(count).unwrap(), window: Duration::from_secs(seconds) }
}

fn rules(limits: Vec<(&'static str, Quota)>) -> AccountRules {
    AccountRules::new("https://app.example.org", "Example", "node-1", LimitPolicy::new(limits))
}

/// A sign-up without invitation.
pub(crate) fn wish<'a>(email: &'a str, password: &str, name: Option<&'a str>) -> SignUp<'a> {
    SignUp { email, password: secret(password), name, invitation: None }
}

/// A sign-in from a browser that nothing is known of.
pub(crate) fn proof<'a>(identifier: &'a str, password: &str, presented: Option<&'a str>) -> SignIn<'a> {
    SignIn { identifier, password: secret(password), presented, device: None, remember: false }
}

impl House {
    pub(crate) async fn new() -> Self {
        Self::with(generous(), QUICK, |_| {}).await
    }

    pub(crate) async fn with_limits(limits: Vec<(&'static str, Quota)>) -> Self {
        let all = limits.into_iter().chain(generous()).collect();
        Self::with(all, QUICK, |_| {}).await
    }

    pub(crate) async fn with(
        limits: Vec<(&'static str, Quota)>,
        hashing: Argon2Settings,
        change: impl Fn(&mut AccountRules),
    ) -> Self {
        Self::with_providers(limits, hashing, change, Vec::new()).await
    }

    pub(crate) async fn with_providers(
        limits: Vec<(&'static str, Quota)>,
        hashing: Argon2Settings,
        change: impl Fn(&mut AccountRules),
        providers: Vec<Arc<dyn Provider>>,
    ) -> Self {
        let (store, database) = Database::fresh().await;
        let clock = Arc::new(ManualClock::at(Timestamp::from_second(1_700_000_000).unwrap()));
        let mut rules = rules(limits);
        change(&mut rules);
        let keys = SharedRing::new(KeyRing::parse(MASTER).unwrap(), Arc::clone(&clock) as Arc<dyn doorward_kit::Clock>);
        let accounts = assemble(&store, &clock, &keys, hashing, rules, &providers);
        Self { accounts, store, clock, keys, providers, database }
    }

    /// The same data after a restart, with other hashing parameters or rules.
    pub(crate) fn restart(&mut self, hashing: Argon2Settings) {
        self.accounts = assemble(&self.store, &self.clock, &self.keys, hashing, self.accounts.rules().clone(), &self.providers);
    }

    /// Another process over the same data: it shares rows, and neither cache nor counters.
    pub(crate) fn other_node(&self) -> Arc<Accounts> {
        assemble(&self.store, &self.clock, &self.keys, QUICK, self.accounts.rules().clone(), &self.providers)
    }

    /// As [`Self::other_node`], with a clock and a ring of its own.
    pub(crate) fn node_at(&self, clock: &Arc<ManualClock>, keys: &SharedRing) -> Arc<Accounts> {
        assemble(&self.store, clock, keys, QUICK, self.accounts.rules().clone(), &self.providers)
    }

    /// As [`Self::other_node`], with other rules.
    pub(crate) fn with_rules(&self, change: impl Fn(&mut AccountRules)) -> Arc<Accounts> {
        let mut rules = self.accounts.rules().clone();
        change(&mut rules);
        assemble(&self.store, &self.clock, &self.keys, QUICK, rules, &self.providers)
    }

    /// As [`Self::other_node`], by another name.
    pub(crate) fn as_node(&self, node: &str) -> Arc<Accounts> {
        let mut rules = self.accounts.rules().clone();
        node.clone_into(&mut rules.node);
        assemble(&self.store, &self.clock, &self.keys, QUICK, rules, &self.providers)
    }

    /// Every octet that is on the disk.
    pub(crate) fn octets_on_disk(&self) -> Vec<u8> {
        self.database.octets()
    }

    /// What a statement answers that is run beside the store: one number.
    pub(crate) async fn count(&self, statement: &str) -> i64 {
        self.database.ask(statement).await.parse().expect("a number")
    }

    pub(crate) async fn sign_up(&self, email: &str, password: &str) -> Result<(), FlowError> {
        self.accounts.sign_up(visitor(&caller(1)), wish(email, password, Some("Ann"))).await
    }

    pub(crate) async fn sign_in(&self, email: &str, password: &str) -> Result<SignedIn, FlowError> {
        self.sign_in_from(1, email, password).await
    }

    pub(crate) async fn sign_in_from(&self, host: u8, email: &str, password: &str) -> Result<SignedIn, FlowError> {
        whole(self.accounts.sign_in(visitor(&caller(host)), proof(email, password, None)).await)
    }

    pub(crate) async fn verify(&self, token: &str) -> Result<(), FlowError> {
        self.accounts.verify_email(visitor(&caller(1)), token, None).await
    }

    /// As whoever knows the password of the sign-up as well.
    pub(crate) async fn verify_with(&self, token: &str, password: &str) -> Result<(), FlowError> {
        self.accounts.verify_email(visitor(&caller(1)), token, Some(secret(password))).await
    }

    /// An account that may sign in with [`PASSWORD`].
    pub(crate) async fn member(&self, email: &str) {
        self.sign_up(email, PASSWORD).await.unwrap();
        self.verify(&self.mailed_token(email).await).await.unwrap();
    }

    /// Asks for a reset link.
    pub(crate) async fn forgot(&self, email: &str) {
        self.accounts.forgot_password(visitor(&caller(1)), Some(email)).await.unwrap();
    }

    /// The token of a reset link that was asked for.
    pub(crate) async fn recovery_token(&self, email: &str) -> String {
        self.take_mail().await;
        self.forgot(email).await;
        self.mailed_token(email).await
    }

    pub(crate) async fn reset(&self, token: &str, password: &str) -> Result<(), FlowError> {
        self.accounts.reset_password(visitor(&caller(1)), token, secret(password)).await
    }

    /// Takes every mail that waits, as the sender would: recipient, subject, body.
    pub(crate) async fn take_mail(&self) -> Vec<(String, String, String)> {
        let mut taken = Vec::new();
        for mail in self.accounts.due_mail(1000).await.unwrap() {
            self.accounts.mail_sent(mail.id).await.unwrap();
            taken.push((mail.to, mail.subject, mail.body));
        }
        taken
    }

    /// As [`Self::take_mail`], besides what tells of sign-ins with browsers that are not known.
    pub(crate) async fn take_mail_but_sign_ins(&self) -> Vec<(String, String, String)> {
        let mut taken = self.take_mail().await;
        taken.retain(|(_, subject, _)| subject != "A new sign-in to your account at Example");
        taken
    }

    /// The token of the latest link mailed to an address.
    pub(crate) async fn mailed_token(&self, email: &str) -> String {
        let mails = self.take_mail().await;
        let (_, _, body) = mails.iter().rev().find(|(to, ..)| to.eq_ignore_ascii_case(email)).expect("a mail to that address");
        token_in(body)
    }

    /// The whole audit trail, loose entries included.
    pub(crate) async fn audit(&self) -> Vec<AuditRow> {
        self.accounts.flush().await;
        let mut tx = self.store.begin().await.unwrap();
        tx.audit().list("node-1", 0, PageLimit::new(1000)).await.unwrap()
    }

    /// As [`Self::audit`], however long it is.
    pub(crate) async fn whole_audit(&self) -> Vec<AuditRow> {
        self.accounts.flush().await;
        let mut tx = self.store.begin().await.unwrap();
        let mut rows: Vec<AuditRow> = Vec::new();
        loop {
            let page = tx.audit().list("node-1", rows.last().map_or(0, |row| row.seq), PageLimit::new(1000)).await.unwrap();
            if page.is_empty() {
                return rows;
            }
            rows.extend(page);
        }
    }

    pub(crate) async fn events(&self, event: AuditEvent) -> Vec<AuditRow> {
        self.whole_audit().await.into_iter().filter(|row| row.record.event == event).collect()
    }

    pub(crate) async fn account_count(&self) -> usize {
        self.accounts.list_users(None, PageLimit::new(1000)).await.unwrap().items.len()
    }

    pub(crate) async fn is_live(&self, cookie: &str) -> bool {
        self.accounts.lookup_session(cookie).await.unwrap().is_some()
    }
}

/// The accounts of a house over another store.
pub(crate) fn over<S: Store>(store: &Arc<S>, house: &House) -> Arc<Accounts> {
    assemble(store, &house.clock, &house.keys, QUICK, house.accounts.rules().clone(), &house.providers)
}

fn assemble<S: Store>(
    store: &Arc<S>,
    clock: &Arc<ManualClock>,
    keys: &SharedRing,
    hashing: Argon2Settings,
    rules: AccountRules,
    providers: &[Arc<dyn Provider>],
) -> Arc<Accounts> {
    let entropy: Arc<dyn Entropy> = Arc::new(SeededEntropy(Mutex::new(ChaCha20Rng::seed_from_u64(seed()))));
    let hasher = Argon2Pool::start(hashing, keys.of(KeyPurpose::PasswordPepper), &entropy).unwrap();
    Arc::new(Accounts::new(Parts {
        store: Arc::clone(store) as Arc<dyn Store>,
        hasher: Arc::new(hasher),
        counters: Arc::new(MemoryCounters::default()),
        clock: Arc::clone(clock) as Arc<dyn doorward_kit::Clock>,
        entropy,
        keys: keys.clone(),
        providers: providers.to_vec(),
        rules,
    }))
}

/// A sign-in of an account that has no second factor.
pub(crate) fn whole(outcome: Result<SignInOutcome, FlowError>) -> Result<SignedIn, FlowError> {
    outcome.map(|outcome| outcome.done().expect("an account without a second factor"))
}

/// A new seed for each house, the same in every run: two houses over one database must not draw the same ids.
fn seed() -> u64 {
    static NEXT: std::sync::atomic::AtomicU64 = std::sync::atomic::AtomicU64::new(1);
    NEXT.fetch_add(1, std::sync::atomic::Ordering::Relaxed)
}

/// A caller at `198.51.100.<host>`.
pub(crate) fn caller(host: u8) -> RequestContext {
    let address = IpAddr::from([198, 51, 100, host]);
    RequestContext {
        request_id: RequestId::from_bytes([host; 16]),
        client: ClientAddr::new(address),
        peer: PeerAddr(SocketAddr::new(IpAddr::from([10, 0, 0, 1]), 40_000)),
        secure: true,
    }
}

pub(crate) fn visitor(context: &RequestContext) -> Visitor<'_> {
    Visitor { context, user_agent: Some("Browser/1"), host: "app.example.org", method: "POST", route: "/api/auth/login" }
}

pub(crate) fn secret(text: &str) -> Password {
    Password::new(text.to_owned())
}

/// The token behind `#token=` in a mail.
pub(crate) fn token_in(body: &str) -> String {
    let (_, rest) = body.split_once("#token=").expect("a link");
    rest.lines().next().unwrap().to_owned()
}
