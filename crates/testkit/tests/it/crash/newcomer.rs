//! Somebody who signs up, verifies, signs in, and is the next one; every second leaves again.

use std::collections::{BTreeMap, BTreeSet};

use doorward_testkit::{Client, Request};
use serde_json::json;

use super::actor::{Actor, is_in, sign_in};
use super::ledger::Ledger;
use super::scene::{Count, Scene, Told, ask};

/// One who came.
struct Person {
    address: String,
    asked: Count,
    made: Count,
    left: Count,
    client: Option<Client>,
}

pub(super) struct Newcomers {
    name: String,
    people: Vec<Person>,
    /// Of those before it sessions were looked at.
    seen: usize,
}

impl Newcomers {
    pub(super) fn new(name: &str) -> Self {
        Self { name: name.to_owned(), people: Vec::new(), seen: 0 }
    }
}

impl Actor for Newcomers {
    fn act(&mut self, scene: &Scene<'_>) -> Told<()> {
        let number = self.people.len();
        let address = format!("{}-{number}@app.test", self.name);
        let (asked, made, left) = (Count::default(), Count::default(), Count::default());
        self.people.push(Person { address: address.clone(), asked, made, left, client: None });
        let Some(person) = self.people.last_mut() else { return Ok(()) };
        let mut client = scene.house.client();
        let body = json!({"email": address, "password": scene.house.password()});
        person.asked.attempt(|_| ask(&mut client, &Request::post("/api/auth/register").json(&body), 202))?;
        let token = scene.token(&address, "/account/verify#", 1)?;
        let body = json!({"token": token});
        person.made.attempt(|_| ask(&mut client, &Request::post("/api/auth/verify-email").json(&body), 200))?;
        let mut client = sign_in(scene, &address, scene.house.password())?;
        person.client = Some(client.twin());
        if number % 2 == 1 {
            let body = json!({"current_password": scene.house.password()});
            person.left.attempt(|_| ask(&mut client, &Request::new("DELETE", "/api/auth/me").csrf().json(&body), 204))?;
        }
        Ok(())
    }

    fn settle(&mut self, _scene: &Scene<'_>, ledger: &Ledger<'_>) {
        let mails = counts(ledger, "verification");
        let farewells = counts(ledger, "account_deleted");
        let users = ledger.ask("SELECT email_canonical FROM users");
        let users: BTreeSet<String> = users.into_iter().map(|mut row| row.swap_remove(0)).collect();
        for person in &mut self.people {
            let count = |of: &BTreeMap<String, u64>| of.get(&person.address).copied().unwrap_or_default();
            person.asked.settle(count(&mails), "sign-ups");
            person.left.settle(count(&farewells), "deletions");
            let is_there = users.contains(&person.address);
            assert!(!is_there || person.left.told == 0, "{} was deleted", person.address);
            person.made.settle(u64::from(is_there) + person.left.told, "accounts");
        }
        for person in &self.people[self.seen..] {
            if let Some(client) = &person.client {
                assert_eq!(is_in(client), person.left.told == 0, "{} is in until it leaves", person.address);
            }
        }
        self.seen = self.people.len();
    }
}

/// How many mails of a kind were queued to be sent to each address.
fn counts(ledger: &Ledger<'_>, kind: &str) -> BTreeMap<String, u64> {
    let rows = ledger.ask(&format!(
        "SELECT recipient, count(*) FROM outbox WHERE kind = '{kind}' \
         AND (next_at IS NOT NULL OR sent_at IS NOT NULL OR dead_at IS NOT NULL) GROUP BY recipient"
    ));
    rows.into_iter().map(|row| (row[0].clone(), row[1].parse().unwrap())).collect()
}
