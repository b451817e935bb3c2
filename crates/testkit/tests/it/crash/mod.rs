//! The house is killed in the middle of what it does, again and again, and each time it comes back everything is held against what its
//! clients were told: no acknowledged change is lost, no effect is without its audit entry and no entry of success without its effect, every
//! queued mail is sent and marked, the chain verifies against an anchor that was taken before, and whoever was signed in still is.
//!
//! A load of clients ([`actor`], [`newcomer`]) signs up, verifies, signs in and out, resets and changes passwords, moves to other addresses,
//! renames and deletes accounts. Each remembers what it was told and has one request under way, so that one change of each is in doubt
//! after a crash. The database is read by its own client ([`ledger`]), and [`law`] says what holds of all its rows.
//!
//! `DOORWARD_CRASH_KILLS` is how often (6 unless told), `DOORWARD_CRASH_SEED` repeats the moments of a run; a failure names its seed.

mod actor;
mod law;
mod ledger;
mod newcomer;
mod scene;
mod trail;

use std::sync::atomic::Ordering;
use std::time::Duration;

use doorward_testkit::dice::{Dice, fresh_seed, note, number_of};
use doorward_testkit::{Client, House, HouseBuilder, until};
use serde_json::json;

use actor::{Actor, Forgetful, Guest, Mover, Profile, is_in};
pub(crate) use ledger::Ledger;
use newcomer::Newcomers;
use scene::{Post, Scene};

/// Kills when nothing else is asked for.
const KILLS: u64 = 6;
/// How long the load runs before the kill, in milliseconds: from here on, by chance.
const EARLIEST: u64 = 150;
const LATEST: u64 = 1400;
/// How long what was queued may take to be sent.
const DRAIN: Duration = Duration::from_secs(60);

/// A house that ships and anchors its trail.
pub(crate) fn house() -> HouseBuilder {
    House::builder().unlimited().section("[audit]\nfile = \"trail.jsonl\"\nanchor_file = \"anchors.jsonl\"")
}

/// Acts until the round is over or an answer is missing.
fn drive(actor: &mut dyn Actor, scene: &Scene<'_>) {
    loop {
        if scene.is_over.load(Ordering::Relaxed) || actor.act(scene).is_err() {
            return;
        }
    }
}

/// The clients of one run, and the chance that rules it.
pub(crate) struct Run<'a> {
    ledger: Ledger<'a>,
    post: Post,
    actors: Vec<Box<dyn Actor>>,
    idle: Vec<Client>,
    dice: Dice,
    pub(crate) kills: u64,
    seed: u64,
}

impl<'a> Run<'a> {
    /// Makes everybody's accounts.
    #[track_caller]
    pub(crate) fn begin(house: &House, ledger: Ledger<'a>) -> Self {
        let seed = number_of("DOORWARD_CRASH_SEED").unwrap_or_else(fresh_seed);
        let kills = number_of("DOORWARD_CRASH_KILLS").unwrap_or(KILLS);
        let post = Post::default();
        let scene = Scene::new(house, &post);
        let actors: Vec<Box<dyn Actor>> = vec![
            Box::new(Profile::new(&scene, &ledger, "profile-one@app.test")),
            Box::new(Profile::new(&scene, &ledger, "profile-two@app.test")),
            Box::new(Forgetful::new(&scene, &ledger, "forgetful-one@app.test")),
            Box::new(Forgetful::new(&scene, &ledger, "forgetful-two@app.test")),
            Box::new(Mover::new(&scene, &ledger, "mover")),
            Box::new(Guest::new(&scene, &ledger, "guest@app.test")),
            Box::new(Newcomers::new("new-one")),
            Box::new(Newcomers::new("new-two")),
        ];
        let idle = (0..3).map(|n| house.member(&format!("idle-{n}@app.test"))).collect();
        Self { ledger, post, actors, idle, dice: Dice::new(seed), kills, seed }
    }

    /// Lets everybody loose, and the disaster upon them.
    #[track_caller]
    pub(crate) fn round(&mut self, number: u64, house: &House, disaster: impl FnOnce()) {
        let pause = EARLIEST + self.dice.roll() % (LATEST - EARLIEST);
        note(&format!("seed {} round {number}: after {pause} ms", self.seed));
        let scene = Scene::new(house, &self.post);
        std::thread::scope(|scope| {
            let threads: Vec<_> = self.actors.iter_mut().map(|actor| scope.spawn(|| drive(actor.as_mut(), &scene))).collect();
            std::thread::sleep(Duration::from_millis(pause));
            // A disaster that goes wrong must not leave the load running for ever.
            let struck = std::panic::catch_unwind(std::panic::AssertUnwindSafe(disaster));
            scene.is_over.store(true, Ordering::Relaxed);
            struck.unwrap_or_else(|panic| std::panic::resume_unwind(panic));
            threads.into_iter().for_each(|thread| thread.join().unwrap());
        });
    }

    /// Whether every connection to the database is good again, as far as some requests can tell.
    pub(crate) fn is_answered(&self, house: &House) -> bool {
        let nobody = json!({"email": "nobody@app.test"});
        (0..20).all(|_| {
            let mut client = self.idle[0].twin();
            client.get("/api/auth/sessions").status == 200
                && house.client().post_json("/api/auth/forgot-password", &nobody).status == 200
        })
    }

    /// Holds everything against everything, with the house standing again.
    #[track_caller]
    pub(crate) fn settle(&mut self, house: &House) {
        self.drain(house);
        let scene = Scene::new(house, &self.post);
        for actor in &mut self.actors {
            actor.settle(&scene, &self.ledger);
        }
        for client in &mut self.idle {
            *client = client.twin();
            assert!(is_in(client), "a session that was idle all the while is good");
        }
        law::holds(&self.ledger);
        trail::verifies(house);
    }

    /// Waits until no mail waits, and holds those that are marked as sent against those that are there.
    #[track_caller]
    fn drain(&self, house: &House) {
        until(DRAIN, "the outbox to be empty", || {
            // The one mail that was on its way belongs to the sender that died until its lease is over, two minutes later. That time passes
            // here at once; whoever sends it twice sends it under one name.
            self.ledger.ask("UPDATE outbox SET next_at = 1 WHERE next_at IS NOT NULL");
            // Wakes the sender: a mail of nobody, which never leaves.
            let nobody = json!({"email": "nobody@app.test"});
            let _ = house.client().post_json("/api/auth/forgot-password", &nobody);
            (self.ledger.number("SELECT count(*) FROM outbox WHERE next_at IS NOT NULL") == 0).then_some(())
        });
        let sent = self.ledger.ask("SELECT HEX(id)HEX FROM outbox WHERE sent_at IS NOT NULL");
        let sent: std::collections::BTreeSet<String> = sent.into_iter().map(|mut row| row.swap_remove(0)).collect();
        assert_eq!(self.post.ids(house), sent, "what is marked as sent was sent, and nothing else");
    }

    /// Whether to do to the shipped file what a power cut would.
    pub(crate) fn tear(&mut self, house: &House) {
        if self.dice.one_in(2) {
            trail::tear(house, &mut self.dice);
        }
    }

    /// Lets everybody do everything once more in peace, stops the house and looks at all that it shipped.
    #[track_caller]
    pub(crate) fn end(mut self, house: &mut House) {
        let scene = Scene::new(house, &self.post);
        for actor in &mut self.actors {
            (0..2).for_each(|_| actor.act(&scene).expect("nothing stands in the way now"));
        }
        self.settle(house);
        law::were_needed(&self.ledger);
        assert_eq!(house.stop(), Some(0));
        trail::is_shipped_whole(house, &self.ledger);
        law::can_be_broken(&self.ledger);
        note(&format!("{} entries", self.ledger.number("SELECT count(*) FROM audit")));
    }
}

/// Kills the house as often as asked for, and looks at it each time.
#[track_caller]
pub(crate) fn kill_again_and_again(house: &mut House, ledger: Ledger<'_>) {
    let mut run = Run::begin(house, ledger);
    for number in 1..=run.kills {
        run.round(number, house, || house.strike());
        house.bury();
        run.tear(house);
        house.rise();
        run.settle(house);
    }
    run.end(house);
}

#[test]
fn aud_05_no_kill_leaves_a_change_without_its_entry_or_loses_one_that_was_told() {
    let mut house = house().start();
    let ledger = Ledger::of_sqlite(&house);
    kill_again_and_again(&mut house, ledger);
}
