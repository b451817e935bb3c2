//! Where the load plays: a house that may be dead by now, and its post.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use doorward_testkit::{Client, House, Mail, Reply, Request};

/// How long a mail may take in a house that stands.
const POST: Duration = Duration::from_secs(60);

/// The house gave no answer, or said that it could not tell: what was asked for may have happened or not.
#[derive(Debug)]
pub(super) struct Silent;

pub(super) type Told<T> = Result<T, Silent>;

pub(super) struct Scene<'a> {
    pub(super) house: &'a House,
    pub(super) post: &'a Post,
    /// Set when the disaster has happened: whoever waits, waits no longer.
    pub(super) is_over: AtomicBool,
}

impl<'a> Scene<'a> {
    pub(super) fn new(house: &'a House, post: &'a Post) -> Self {
        Self { house, post, is_over: AtomicBool::new(false) }
    }

    /// The token of the n-th mail to an address with this page in its link, counted from one.
    #[track_caller]
    pub(super) fn token(&self, address: &str, page: &str, n: u64) -> Told<String> {
        let start = Instant::now();
        loop {
            if let Some(token) = self.post.token(self.house, address, page, n) {
                return Ok(token);
            }
            if self.is_over.load(Ordering::Relaxed) {
                return Err(Silent);
            }
            assert!(start.elapsed() < POST, "mail {n} with {page} to {address} did not come within {POST:?}");
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

/// Asks for something that has to be granted, unless the house is silent.
#[track_caller]
pub(super) fn ask(client: &mut Client, request: &Request, wanted: u16) -> Told<Reply> {
    let reply = client.try_send(request).map_err(|_| Silent)?;
    if reply.status == 503 {
        return Err(Silent);
    }
    assert_eq!(reply.status, wanted, "{request:?}: {reply:?}");
    Ok(reply)
}

/// The mails so far by the names of their files; each is read once.
#[derive(Default)]
pub(super) struct Post(Mutex<BTreeMap<String, Letter>>);

struct Letter {
    to: String,
    /// The address of its link, its token included.
    link: Option<(String, String)>,
}

impl Letter {
    fn read(mail: &Mail) -> Self {
        let to = mail.field("to").unwrap_or_default();
        let body = mail.body();
        let link = body.find("https://").map(|at| body[at..].split_ascii_whitespace().next().unwrap_or_default());
        let link = link.and_then(|link| link.split_once('#')).map(|(page, _)| (format!("{page}#"), mail.token()));
        Self { to, link }
    }
}

impl Post {
    fn look(&self, house: &House) {
        let mut known = self.0.lock().unwrap();
        let Ok(files) = std::fs::read_dir(house.data_dir().join("mail")) else { return };
        for file in files.flatten() {
            let name = file.file_name().to_string_lossy().into_owned();
            if name.ends_with(".eml") && !known.contains_key(&name) {
                let text = std::fs::read_to_string(file.path()).unwrap();
                known.insert(name, Letter::read(&Mail { path: file.path(), text }));
            }
        }
    }

    fn token(&self, house: &House, address: &str, page: &str, n: u64) -> Option<String> {
        self.look(house);
        let known = self.0.lock().unwrap();
        let ours = known.values().filter(|letter| letter.to.contains(address));
        let tokens = ours.filter_map(|letter| letter.link.as_ref().filter(|(of, _)| of.ends_with(page)));
        tokens.map(|(_, token)| token.clone()).nth(usize::try_from(n).unwrap() - 1)
    }

    /// The ids of all mails, as the names of their files tell them, without dashes.
    pub(super) fn ids(&self, house: &House) -> std::collections::BTreeSet<String> {
        self.look(house);
        let known = self.0.lock().unwrap();
        let id = |name: &String| name.trim_end_matches(".eml").split_once('-').unwrap().1.replace('-', "");
        known.keys().map(id).collect()
    }
}

/// How often somebody was told that something is done, and whether one more may be.
#[derive(Debug, Default)]
pub(super) struct Count {
    pub(super) told: u64,
    is_open: bool,
}

impl Count {
    /// Does it once more; with what number it is.
    pub(super) fn attempt<T>(&mut self, deed: impl FnOnce(u64) -> Told<T>) -> Told<T> {
        self.is_open = true;
        let done = deed(self.told + 1)?;
        *self = Self { told: self.told + 1, is_open: false };
        Ok(done)
    }

    /// Holds it against what there is: everything that was told, and at most the one that was not.
    #[track_caller]
    pub(super) fn settle(&mut self, there: u64, what: &str) {
        let may_be = self.told + u64::from(self.is_open);
        assert!((self.told..=may_be).contains(&there), "{what}: {there} there, {} told, {may_be} asked for", self.told);
        *self = Self { told: there, is_open: false };
    }
}
