//! People who change one thing over and over, and remember what they were told. One request of each is under way at a time, so that after a
//! crash at most one change of each is in doubt.

use doorward_testkit::{Client, Request};
use serde_json::json;

use super::ledger::Ledger;
use super::scene::{Count, Scene, Told, ask};

pub(super) trait Actor: Send {
    /// Goes on for one round of its changes, until the house is silent.
    fn act(&mut self, scene: &Scene<'_>) -> Told<()>;

    /// Holds what it was told against what there is, once the house stands again.
    fn settle(&mut self, scene: &Scene<'_>, ledger: &Ledger<'_>);
}

/// Somebody with an account.
pub(super) struct Account {
    pub(super) address: String,
    /// As the database has it, in hexadecimal digits.
    id: String,
}

impl Account {
    /// Makes it.
    pub(super) fn make(scene: &Scene<'_>, ledger: &Ledger<'_>, address: &str) -> Self {
        scene.house.add_member(address);
        let rows = ledger.ask(&format!("SELECT HEX(id)HEX FROM users WHERE email_canonical = '{address}'"));
        Self { address: address.to_owned(), id: rows[0][0].clone() }
    }

    /// How many entries tell that this account did that.
    #[track_caller]
    fn entries(&self, ledger: &Ledger<'_>, events: &str) -> u64 {
        ledger.number(&format!(
            "SELECT count(*) FROM audit WHERE outcome = 'success' AND event IN ({events}) AND HEX(actor_user_id)HEX = '{}'",
            self.id
        ))
    }

    /// One column of the account's row.
    #[track_caller]
    fn column(&self, ledger: &Ledger<'_>, column: &str) -> String {
        // With something before it, since a line that is empty may get lost on the way.
        let rows = ledger.ask(&format!("SELECT '=' || {column} FROM users WHERE HEX(id)HEX = '{}'", self.id));
        let row = rows.first().unwrap_or_else(|| panic!("the account {} of {} is gone", self.id, self.address));
        row[0].trim_start_matches('=').to_owned()
    }

    /// How many mails of this kind were queued to be sent to the address.
    #[track_caller]
    fn mails(&self, ledger: &Ledger<'_>, kind: &str) -> u64 {
        mails(ledger, kind, &self.address)
    }
}

#[track_caller]
fn mails(ledger: &Ledger<'_>, kind: &str, address: &str) -> u64 {
    ledger.number(&format!(
        "SELECT count(*) FROM outbox WHERE kind = '{kind}' AND recipient = '{address}' \
         AND (next_at IS NOT NULL OR sent_at IS NOT NULL OR dead_at IS NOT NULL)"
    ))
}

/// A session that was told of is good.
#[track_caller]
pub(super) fn is_in(client: &Client) -> bool {
    let reply = client.twin().get("/api/auth/me");
    assert!(matches!(reply.status, 200 | 401), "{reply:?}");
    reply.status == 200
}

/// Signs in with a browser of its own.
pub(super) fn sign_in(scene: &Scene<'_>, address: &str, password: &str) -> Told<Client> {
    let mut client = scene.house.client();
    ask(&mut client, &Request::post("/api/auth/login").json(&json!({"email": address, "password": password})), 200)?;
    Ok(client)
}

/// Changes its name.
pub(super) struct Profile {
    account: Account,
    client: Client,
    names: Count,
}

impl Profile {
    pub(super) fn new(scene: &Scene<'_>, ledger: &Ledger<'_>, address: &str) -> Self {
        let account = Account::make(scene, ledger, address);
        Self { account, client: scene.house.sign_in(address), names: Count::default() }
    }
}

impl Actor for Profile {
    fn act(&mut self, _scene: &Scene<'_>) -> Told<()> {
        let Self { client, names, .. } = self;
        names.attempt(|n| {
            let name = json!({"display_name": format!("Name {n}")});
            ask(client, &Request::get("/api/auth/me").method("PATCH").csrf().json(&name), 200)
        })?;
        Ok(())
    }

    fn settle(&mut self, _scene: &Scene<'_>, ledger: &Ledger<'_>) {
        let name = self.account.column(ledger, "display_name");
        let there = name.strip_prefix("Name ").map_or(0, |n| n.parse().unwrap());
        self.names.settle(there, "names");
        assert_eq!(self.account.entries(ledger, "'profile.updated'"), there, "an entry for each change of the name");
        self.client = self.client.twin();
        assert!(is_in(&self.client), "a session in use goes on");
    }
}

/// Forgets its password, sets another by the link, signs in, changes it once more.
pub(super) struct Forgetful {
    account: Account,
    client: Option<Client>,
    /// How many passwords there had been when the client signed in or was handed over to a new session.
    client_of: u64,
    links: Count,
    passwords: Count,
}

/// The n-th password; the 0th is what it signed up with.
fn password(scene: &Scene<'_>, n: u64) -> String {
    if n == 0 { scene.house.password().to_owned() } else { format!("{n} quiet herons over the long weir") }
}

impl Forgetful {
    pub(super) fn new(scene: &Scene<'_>, ledger: &Ledger<'_>, address: &str) -> Self {
        let account = Account::make(scene, ledger, address);
        let (links, passwords) = (Count::default(), Count::default());
        Self { account, client: None, client_of: 0, links, passwords }
    }

    fn forget(&mut self, scene: &Scene<'_>) -> Told<()> {
        let Self { account: Account { address, .. }, links, passwords, .. } = self;
        let request = Request::post("/api/auth/forgot-password").json(&json!({"email": address}));
        links.attempt(|_| ask(&mut scene.house.client(), &request, 200))?;
        let token = scene.token(address, "/account/reset#", links.told)?;
        passwords.attempt(|n| {
            let body = json!({"token": token, "password": password(scene, n)});
            ask(&mut scene.house.client(), &Request::post("/api/auth/reset-password").json(&body), 200)
        })?;
        Ok(())
    }

    fn change(&mut self, scene: &Scene<'_>) -> Told<()> {
        let mut client = sign_in(scene, &self.account.address, &password(scene, self.passwords.told))?;
        (self.client, self.client_of) = (Some(client.twin()), self.passwords.told);
        self.passwords.attempt(|n| {
            let body = json!({"current_password": password(scene, n - 1), "new_password": password(scene, n)});
            ask(&mut client, &Request::post("/api/auth/password").csrf().json(&body), 200)
        })?;
        (self.client, self.client_of) = (Some(client), self.passwords.told);
        Ok(())
    }
}

impl Actor for Forgetful {
    fn act(&mut self, scene: &Scene<'_>) -> Told<()> {
        self.forget(scene)?;
        self.change(scene)
    }

    fn settle(&mut self, scene: &Scene<'_>, ledger: &Ledger<'_>) {
        let version: u64 = self.account.column(ledger, "credential_version").parse().unwrap();
        self.passwords.settle(version - 1, "passwords");
        let there = self.passwords.told;
        assert_eq!(self.account.entries(ledger, "'password.reset', 'password.changed'"), there, "an entry for each password");
        assert_eq!(self.account.mails(ledger, "password_changed"), there, "a mail for each password");
        self.links.settle(self.account.mails(ledger, "recovery"), "links");
        if let Some(client) = &self.client {
            // Whatever set a password, told or not, has ended the sessions before it.
            assert_eq!(is_in(client), self.client_of == there, "a session lives as long as its password");
        }
        let client = sign_in(scene, &self.account.address, &password(scene, there)).expect("the house stands");
        (self.client, self.client_of) = (Some(client), there);
    }
}

/// Moves from address to address.
pub(super) struct Mover {
    account: Account,
    name: String,
    client: Client,
    links: Count,
    moves: Count,
}

impl Mover {
    pub(super) fn new(scene: &Scene<'_>, ledger: &Ledger<'_>, name: &str) -> Self {
        let address = format!("{name}-0@app.test");
        let account = Account::make(scene, ledger, &address);
        let client = scene.house.sign_in(&address);
        Self { account, name: name.to_owned(), client, links: Count::default(), moves: Count::default() }
    }

    fn address(&self, n: u64) -> String {
        format!("{}-{n}@app.test", self.name)
    }
}

impl Actor for Mover {
    fn act(&mut self, scene: &Scene<'_>) -> Told<()> {
        let to = self.address(self.moves.told + 1);
        let body = json!({"email": to, "current_password": scene.house.password()});
        let Self { client, links, moves, .. } = self;
        links.attempt(|_| ask(client, &Request::post("/api/auth/email").csrf().json(&body), 202))?;
        // Of the links to one address only the last is good.
        let token = scene.token(&to, "/account/email/confirm#", links.told)?;
        let request = Request::post("/api/auth/email/confirm").json(&json!({"token": token}));
        moves.attempt(|_| ask(&mut scene.house.client(), &request, 200))?;
        *links = Count::default();
        Ok(())
    }

    fn settle(&mut self, _scene: &Scene<'_>, ledger: &Ledger<'_>) {
        let address = self.account.column(ledger, "email_canonical");
        let before = self.moves.told;
        let there = (before..=before + 1).find(|n| self.address(*n) == address);
        self.moves.settle(there.unwrap_or_else(|| panic!("{address} after {before} moves")), "moves");
        let there = self.moves.told;
        assert_eq!(self.account.entries(ledger, "'email.changed'"), there, "an entry for each move");
        let notices = (0..there).map(|n| mails(ledger, "email_change_notice", &self.address(n)));
        assert!(notices.into_iter().all(|count| count == 1), "the former address is told of each move");
        if there == before {
            self.links.settle(mails(ledger, "email_change", &self.address(there + 1)), "links");
        } else {
            self.links = Count::default();
        }
        self.client = self.client.twin();
        assert!(is_in(&self.client), "a move ends no session");
    }
}

/// Signs in and out.
pub(super) struct Guest {
    account: Account,
    inside: Vec<Client>,
    gone: Vec<Client>,
    /// Asked to be signed out and was told nothing.
    doubtful: Option<Client>,
}

/// Below the number of sessions that an account may have.
const INSIDE: usize = 8;

impl Guest {
    pub(super) fn new(scene: &Scene<'_>, ledger: &Ledger<'_>, address: &str) -> Self {
        let account = Account::make(scene, ledger, address);
        Self { account, inside: Vec::new(), gone: Vec::new(), doubtful: None }
    }
}

impl Actor for Guest {
    fn act(&mut self, scene: &Scene<'_>) -> Told<()> {
        self.inside.push(sign_in(scene, &self.account.address, scene.house.password())?);
        if self.inside.len() > INSIDE {
            let mut client = self.inside.remove(0);
            self.doubtful = Some(client.twin());
            ask(&mut client, &Request::post("/api/auth/logout").csrf(), 204)?;
            self.gone.extend(self.doubtful.take());
        }
        Ok(())
    }

    fn settle(&mut self, scene: &Scene<'_>, ledger: &Ledger<'_>) {
        assert!(self.inside.iter().all(is_in), "whoever was told to be in is in");
        assert!(!self.gone.iter().any(is_in), "whoever was told to be out is out");
        self.gone.clear();
        if let Some(client) = self.doubtful.take() {
            if is_in(&client) { &mut self.inside } else { &mut self.gone }.push(client);
        }
        // Sign-ins that nobody was told of leave sessions behind; what is over the limit would end those that somebody knows.
        let sessions = ledger.number(&format!("SELECT count(*) FROM sessions WHERE HEX(user_id)HEX = '{}'", self.account.id));
        assert!(sessions as usize >= self.inside.len());
        if let Some(client) = self.inside.last_mut() {
            let request = Request::post("/api/auth/sessions/revoke-others").csrf();
            let reply = ask(&mut client.twin(), &request, 204);
            assert!(reply.is_ok(), "the house stands");
            let kept = self.inside.pop();
            self.gone.append(&mut self.inside);
            self.inside.extend(kept);
        }
        assert!(!self.gone.iter().any(is_in) && self.inside.iter().all(is_in), "all but one were ended");
        self.inside.iter_mut().for_each(|client| *client = client.twin());
        let _ = scene;
    }
}
