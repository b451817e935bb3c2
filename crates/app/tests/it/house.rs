//! A whole application with real parts and a clock that stands still.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use doorward_app::{Admit, App, AppParts, Doorkeeper, Relay};
use doorward_domain::account::EmailAddress;
use doorward_domain::audit::AuditRecord;
use doorward_domain::credential::{Argon2Pool, Argon2Settings};
use doorward_domain::federation::{Authorization, Provider, ProviderAccount, ProviderError, Redemption};
use doorward_domain::service::{AccountRules, Parts, SignUpMode};
use doorward_domain::store::{MailFilter, OutboxRow, PageLimit, SessionFilter};
use doorward_domain::throttle::MemoryCounters;
use doorward_domain::{Accounts, AuditEvent, PasswordHasher, Session, Store, StoreError, Tx, User};
use doorward_kit::{Clock, Entropy, KeyPurpose, ManualClock, MasterKey, Secret, SharedRing, SystemEntropy, TokenDigest, UserId};
use doorward_policy::{Policy, RoutePolicy};
use doorward_storage_sqlite::SqliteStore;
use http::{Request, StatusCode};
use serde_json::json;
use tempfile::TempDir;
use tokio::sync::OnceCell;

use crate::client::{Answer, CSRF, Client, PASSWORD, SESSION, context};

/// A provider that sends people on and believes nobody who comes back.
struct Elsewhere;

#[async_trait]
impl Provider for Elsewhere {
    fn name(&self) -> &'static str {
        "elsewhere"
    }

    fn label(&self) -> &'static str {
        "Elsewhere"
    }

    fn links_by_address(&self) -> bool {
        true
    }

    async fn authorization_url(&self, authorization: Authorization<'_>) -> Result<String, ProviderError> {
        Ok(format!("https://id.example.net/authorize?state={}", authorization.state))
    }

    async fn redeem(&self, _: Redemption<'_>) -> Result<ProviderAccount, ProviderError> {
        Err(ProviderError::Refused("code"))
    }

    async fn revoke(&self, _: Secret<String>) -> Result<(), ProviderError> {
        Ok(())
    }
}

/// The decided configuration, with lines of `[limits]` that replace the open ones.
pub(crate) fn policy(limits: &str) -> Policy {
    Policy::decide(&config(limits, ""))
}

fn config(limits: &str, accounts: &str) -> doorward_config::Config {
    // Limits that no test meets by accident.
    let open: String = doorward_config::SCOPES
        .iter()
        .map(|(scope, _)| scope)
        .filter(|scope| !limits.lines().any(|line| line.starts_with(&format!("{scope} ="))))
        .map(|scope| format!("{scope} = \"100000/min\"\n"))
        .collect();
    // A gate that asks for operators needs some.
    let operators = if accounts.contains("operator_roles") { "" } else { "operator_roles = [\"warden\"]" };
    let text = format!(
        r#"version = 1
[site]
origin = "https://app.example.com"
env = "development"
name = "Test Site"
data_dir = "/nonexistent"
[listen]
https = ["127.0.0.1:8443"]
[tls]
source = "self-signed"
[mail]
url = "file"
from = "Test Site <no-reply@example.com>"
[accounts]
roles = ["staff", "press", "warden"]
{operators}
{accounts}
[limits]
{open}{limits}
[[upstream]]
name = "api"
url = "http://127.0.0.1:9"
[[upstream]]
name = "members"
url = "http://127.0.0.1:9"
[[upstream]]
name = "staff"
url = "http://127.0.0.1:9"
[[route]]
path = "/api/"
upstream = "api"
access = "identified"
[[route]]
path = "/members/"
upstream = "members"
access = "signed-in"
[[route]]
path = "/staff/"
upstream = "staff"
access = "signed-in"
roles = ["staff"]
[[upstream]]
name = "gated"
url = "http://127.0.0.1:11"
[[gate]]
name = "x"
host = "x.app.example.com"
upstream = "gated"
allow = ["203.0.113.0/24"]
users_file = "/nonexistent/users"
operator_session = true
"#
    );
    doorward_config::parse(&text, Path::new("/etc/doorward.toml"), &BTreeMap::new()).unwrap_or_else(|faults| panic!("{faults}"))
}

/// How mail leaves.
#[derive(Default)]
pub(crate) struct Mailing {
    /// A server takes it, instead of a folder.
    pub(crate) relay: Option<Relay>,
    /// What the accounts take the time from, instead of the house's clock.
    pub(crate) clock: Option<Arc<dyn Clock>>,
}

/// The application, its store and its clock.
/// The master key of every house.
pub(crate) const MASTER: &str = "q83vEjRWeJq7zJk2mZ8yK1vXw7uQeRtYuIoPaSdF";

pub(crate) struct House {
    pub(crate) app: App,
    pub(crate) router: axum::Router,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) keys: SharedRing,
    accounts: Arc<Accounts>,
    pub(crate) store: Arc<Breakable>,
    doorkeeper: Doorkeeper,
    policy: Arc<Policy>,
    folder: TempDir,
}

impl House {
    pub(crate) async fn new() -> Self {
        Self::build("", "").await
    }

    /// With other limits than the open ones.
    pub(crate) async fn with(limits: &str) -> Self {
        Self::build(limits, "").await
    }

    /// With lines of `[accounts]`.
    pub(crate) async fn with_accounts(accounts: &str) -> Self {
        Self::build("", accounts).await
    }

    /// One for all who leave no trace.
    pub(crate) async fn shared() -> &'static Self {
        static SHARED: OnceCell<House> = OnceCell::const_new();
        SHARED.get_or_init(Self::new).await
    }

    /// With another hasher than the quick one.
    pub(crate) async fn with_hasher(
        limits: &str,
        wrap: impl FnOnce(&MasterKey, &Arc<dyn Entropy>) -> Arc<dyn PasswordHasher>,
    ) -> Self {
        Self::build_with(limits, "", Mailing::default(), wrap).await
    }

    async fn build(limits: &str, accounts: &str) -> Self {
        Self::build_mailing(limits, accounts, Mailing::default()).await
    }

    /// With a relay, or another clock of the accounts.
    pub(crate) async fn mailing(mailing: Mailing) -> Self {
        Self::build_mailing("", "", mailing).await
    }

    async fn build_mailing(limits: &str, accounts: &str, mailing: Mailing) -> Self {
        // One pass over little memory: what hashing costs is decided elsewhere.
        let settings = Argon2Settings { memory_kib: 64, passes: 1, queue_per_thread: 1000, ..Argon2Settings::default() };
        Self::build_with(limits, accounts, mailing, |master, entropy| {
            Arc::new(Argon2Pool::start(settings, master.derive(KeyPurpose::PasswordPepper), entropy).expect("a pool"))
        })
        .await
    }

    async fn build_with(
        limits: &str,
        accounts: &str,
        mailing: Mailing,
        hasher: impl FnOnce(&MasterKey, &Arc<dyn Entropy>) -> Arc<dyn PasswordHasher>,
    ) -> Self {
        let config = config(limits, accounts);
        let policy = Arc::new(Policy::decide(&config));
        let folder = TempDir::with_prefix("doorward-app-").expect("a folder");
        let master = MasterKey::new(MASTER.as_bytes()).expect("long enough");
        let entropy: Arc<dyn Entropy> = Arc::new(SystemEntropy);
        let start = "2026-03-01T12:00:00Z".parse().expect("an instant");
        let clock = Arc::new(ManualClock::at(start));
        let ring = SharedRing::new(master.clone().into(), clock.clone());
        let store = Arc::new(Breakable { inner: open_store(folder.path()).await, is_broken: AtomicBool::new(false) });
        let accounts = Arc::new(Accounts::new(Parts {
            store: store.clone(),
            hasher: hasher(&master, &entropy),
            counters: Arc::new(MemoryCounters::default()),
            clock: mailing.clock.unwrap_or_else(|| clock.clone()),
            entropy: entropy.clone(),
            keys: ring.clone(),
            providers: vec![Arc::new(Elsewhere)],
            rules: rules(&config, &policy),
        }));
        let app = App::new(AppParts {
            accounts: accounts.clone(),
            policy: policy.clone(),
            clock: clock.clone(),
            entropy,
            keys: &ring,
            data_dir: folder.path().to_owned(),
            relay: mailing.relay,
            mail_from: config.mail.from.clone(),
        })
        .expect("an application");
        Self { router: app.router(), doorkeeper: app.admission(), app, clock, keys: ring, accounts, store, policy, folder }
    }

    pub(crate) fn data_dir(&self) -> PathBuf {
        self.folder.path().to_owned()
    }

    /// Asks for an account as a stranger would; the mail waits in the outbox.
    pub(crate) async fn register(&self, email: &str, name: &str) -> Answer {
        let body = json!({"email": email, "password": PASSWORD, "username": name});
        Client::new(self).post_json("/api/auth/register", &body).await
    }

    pub(crate) async fn sign_up(&self, email: &str) {
        let body = json!({"email": email, "password": PASSWORD});
        let answer = Client::new(self).post_json("/api/auth/register", &body).await;
        assert_eq!(answer.status, StatusCode::ACCEPTED, "{}", answer.text());
    }

    /// The code of the newest mail to an address.
    pub(crate) async fn token_for(&self, email: &str) -> String {
        self.deliver().await;
        let mails = self.mails();
        let mail = mails.iter().rev().find(|mail| mail.contains(&format!("To: {email}"))).expect("a mail");
        let (_, rest) = mail.split_once("/account/verify#token=").expect("a link");
        rest.split_whitespace().next().expect("a code").to_owned()
    }

    /// Signs up, verifies and signs in.
    pub(crate) async fn member(&self, email: &str) -> Client<'_> {
        self.named_member(email, "").await
    }

    pub(crate) async fn named_member(&self, email: &str, name: &str) -> Client<'_> {
        let name = if name.is_empty() { json!(null) } else { json!(name) };
        let mut client = Client::new(self).at([192, 0, 2, 1]);
        let body = json!({"email": email, "password": PASSWORD, "username": name});
        let answer = client.post_json("/api/auth/register", &body).await;
        assert_eq!(answer.status, StatusCode::ACCEPTED, "{}", answer.text());
        let token = self.token_for(email).await;
        let answer = client.post_json("/api/auth/verify-email", &json!({"token": token})).await;
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
        self.signed_in(email).await
    }

    /// Another session of a member.
    pub(crate) async fn signed_in(&self, email: &str) -> Client<'_> {
        let mut client = Client::new(self).at([192, 0, 2, 1]);
        self.sign_in(&mut client, email).await;
        client
    }

    pub(crate) async fn sign_in(&self, client: &mut Client<'_>, email: &str) {
        let answer = client.sign_in(email, PASSWORD).await;
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
        assert!(!client.cookie(SESSION).is_empty() && !client.cookie(CSRF).is_empty());
    }

    pub(crate) async fn disable(&self, email: &str) {
        let address = email.parse::<EmailAddress>().expect("an address");
        assert!(self.accounts.disable_user(&address).await.expect("a store"));
    }

    /// A hundred failures in a row, as patiently as it takes: then no password from an unknown browser is right (D-11).
    pub(crate) async fn lock(&self, email: &str) {
        for attempt in 0..100 {
            let answer = Client::new(self).sign_in(email, "not what it is at all").await;
            assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "attempt {attempt}");
            self.clock.advance(std::time::Duration::from_secs(900));
        }
        assert_eq!(self.audit(AuditEvent::Locked).await.len() % 100, 0, "not before the hundred and first");
    }

    /// An account that signs in elsewhere: it has no password here.
    pub(crate) async fn add_without_password(&self, email: &str) {
        let user = User {
            id: UserId::random(&SystemEntropy),
            email: email.parse::<EmailAddress>().expect("an address"),
            display_name: String::new(),
            avatar_url: None,
            bio: None,
            password_hash: None,
            roles: Vec::new(),
            disabled_at: None,
            credential_version: 1,
            has_second_factor: false,
            created_at: self.clock.now(),
        };
        let mut tx = self.store.begin().await.expect("a transaction");
        tx.users().add(&user).await.expect("added");
        tx.commit().await.expect("committed");
    }

    /// A member whom an operator gave roles.
    pub(crate) async fn member_with_roles(&self, email: &str, roles: &[&str]) -> Client<'_> {
        self.member(email).await;
        self.set_roles(email, roles).await;
        self.signed_in(email).await
    }

    /// Whether what a session holds open may stay open.
    pub(crate) async fn stands(&self, session: doorward_kit::SessionId) -> bool {
        self.accounts.standing_sessions(&[session]).await.expect("a store").contains_key(&session)
    }

    /// An operator of the command line gives an account roles.
    pub(crate) async fn set_roles(&self, email: &str, roles: &[&str]) {
        let user = self.store.find_user_by_email(email).await.expect("a store").expect("an account");
        let roles: Vec<String> = roles.iter().map(|role| (*role).to_owned()).collect();
        let mut tx = self.store.begin().await.expect("a transaction");
        assert!(tx.users().set_roles(user.id, &roles).await.expect("set"));
        tx.commit().await.expect("committed");
    }

    pub(crate) async fn session_count(&self) -> usize {
        let mut tx = self.store.begin().await.expect("a transaction");
        tx.sessions().list(SessionFilter::new(), None, PageLimit::new(1000)).await.expect("sessions").items.len()
    }

    /// Audit entries of one kind, oldest first.
    pub(crate) async fn audit(&self, event: AuditEvent) -> Vec<AuditRecord> {
        self.accounts.flush().await;
        let mut tx = self.store.begin().await.expect("a transaction");
        let (mut found, mut after) = (Vec::new(), 0);
        loop {
            let rows = tx.audit().list(&self.accounts.rules().node, after, PageLimit::new(1000)).await.expect("rows");
            let Some(last) = rows.last() else { return found };
            after = last.seq;
            found.extend(rows.into_iter().map(|row| row.record).filter(|record| record.event == event));
        }
    }

    /// Every octet of the database, its log included.
    pub(crate) async fn snapshot(&self) -> Vec<u8> {
        self.accounts.flush().await;
        let read = |name: &str| std::fs::read(self.folder.path().join(name)).expect("a file");
        [read("doorward.db"), read("doorward.db-wal")].concat()
    }

    /// Delivers what is due; says how many left.
    pub(crate) async fn deliver(&self) -> usize {
        self.app.deliver_mail().await.expect("a store")
    }

    /// Every mail of the outbox, oldest first.
    pub(crate) async fn outbox(&self) -> Vec<OutboxRow> {
        let mut rows = self.accounts.list_mail(MailFilter::default(), PageLimit::new(1000)).await.expect("rows");
        rows.reverse();
        rows
    }

    /// Delivers what is due; says how many mails there have ever been.
    pub(crate) async fn delivered(&self) -> usize {
        self.deliver().await;
        self.mails().len()
    }

    /// The text of every mail, oldest first.
    pub(crate) fn mails(&self) -> Vec<String> {
        let Ok(entries) = std::fs::read_dir(self.folder.path().join("mail")) else { return Vec::new() };
        let mut files: Vec<_> = entries.map(|entry| entry.expect("an entry").path()).collect();
        files.retain(|file| file.extension().is_some_and(|end| end == "eml"));
        files.sort_by_key(|file| (std::fs::metadata(file).expect("a file").modified().expect("a time"), file.clone()));
        files.iter().map(|file| std::fs::read_to_string(file).expect("text")).collect()
    }

    /// What the process does last.
    pub(crate) async fn end(&self) {
        self.accounts.end().await;
    }

    /// From now on the store refuses everything.
    pub(crate) async fn break_store(&self) {
        self.accounts.flush().await;
        self.store.is_broken.store(true, Ordering::SeqCst);
    }

    /// Asks the doorkeeper, as the edge does, about a request to the route of an upstream.
    pub(crate) async fn admit(&self, request: Request<()>, upstream: &str) -> Admit {
        let (head, ()) = request.into_parts();
        let client = Client::new(self);
        self.doorkeeper.admit(&head, &context(client.address), &self.route(upstream)).await
    }

    fn route(&self, upstream: &str) -> Arc<RoutePolicy> {
        let host = self.policy.routes.find("app.example.com").expect("the site");
        host.routes().iter().find(|route| route.upstream.name == upstream).expect("a route").clone()
    }
}

fn rules(config: &doorward_config::Config, policy: &Policy) -> AccountRules {
    AccountRules {
        sign_up: match config.accounts.sign_up {
            doorward_config::SignUp::Open => SignUpMode::Open,
            doorward_config::SignUp::Invitation => SignUpMode::Invitation,
            doorward_config::SignUp::Closed => SignUpMode::Closed,
        },
        session_idle: config.accounts.session_idle,
        session_absolute: config.accounts.session_absolute,
        session_limit: config.accounts.session_limit,
        verification_life: config.accounts.verification,
        password_min: config.accounts.password_min,
        operator_roles: config.accounts.operator_roles.clone(),
        ..AccountRules::new(policy.origin.as_str(), &policy.site_name, "test", policy.limits.clone())
    }
}

/// The real store, and a switch that makes it unreachable.
pub(crate) struct Breakable {
    inner: SqliteStore,
    is_broken: AtomicBool,
}

impl Breakable {
    fn check(&self) -> Result<(), StoreError> {
        if self.is_broken.load(Ordering::SeqCst) { Err(StoreError::Unavailable("switched off")) } else { Ok(()) }
    }
}

#[async_trait]
impl Store for Breakable {
    async fn begin(&self) -> Result<Box<dyn Tx>, StoreError> {
        self.check()?;
        self.inner.begin().await
    }

    fn vault(&self) -> Option<&dyn doorward_domain::store::Vault> {
        None
    }

    async fn ping(&self) -> Result<(), StoreError> {
        self.check()?;
        self.inner.ping().await
    }

    async fn find_session(&self, digest: &TokenDigest) -> Result<Option<(Session, User)>, StoreError> {
        self.check()?;
        self.inner.find_session(digest).await
    }

    async fn find_sessions(&self, ids: &[doorward_kit::SessionId]) -> Result<Vec<(Session, User)>, StoreError> {
        self.check()?;
        self.inner.find_sessions(ids).await
    }

    async fn find_gate_pass(
        &self,
        digest: &TokenDigest,
    ) -> Result<Option<(doorward_domain::gate_pass::GatePass, Session, User)>, StoreError> {
        self.check()?;
        self.inner.find_gate_pass(digest).await
    }

    async fn find_user_by_email(&self, canonical: &str) -> Result<Option<User>, StoreError> {
        self.check()?;
        self.inner.find_user_by_email(canonical).await
    }

    async fn find_hindrance(
        &self,
        subject: &[u8; 32],
        device: &TokenDigest,
        now: doorward_kit::Timestamp,
    ) -> Result<(Option<doorward_domain::throttle::Failures>, Option<String>), StoreError> {
        self.check()?;
        self.inner.find_hindrance(subject, device, now).await
    }
}

async fn open_store(folder: &Path) -> SqliteStore {
    SqliteStore::open(&folder.join("doorward.db")).await.expect("a store")
}
