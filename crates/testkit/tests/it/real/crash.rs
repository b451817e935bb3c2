//! As `crate::crash`, with the accounts in a real PostgreSQL; and PostgreSQL itself is killed.

use std::cell::RefCell;
use std::time::Duration;

use doorward_testkit::real::Postgres;
use doorward_testkit::until;

use crate::crash::{Ledger, Run, house, kill_again_and_again};

#[test]
fn aud_05_no_kill_over_postgresql_leaves_a_change_without_its_entry_or_loses_one_that_was_told() {
    let postgres = RefCell::new(Postgres::start());
    let mut house = house().postgres(&postgres.borrow()).start();
    let ledger = Ledger::of_postgres(&postgres, &house);
    kill_again_and_again(&mut house, ledger);
}

/// What a commit waits for in a server that is not one of tests.
const DURABLE: [&str; 3] = ["fsync=on", "synchronous_commit=on", "full_page_writes=on"];

#[test]
fn aud_05_no_kill_of_postgresql_leaves_a_change_without_its_entry_or_loses_one_that_was_told() {
    let postgres = RefCell::new(Postgres::alone(&DURABLE));
    let mut house = house().postgres(&postgres.borrow()).start();
    let mut run = Run::begin(&house, Ledger::of_postgres(&postgres, &house));
    for number in 1..=2 {
        run.round(number, &house, || postgres.borrow_mut().strike(&DURABLE));
        // The house stood all the while and finds its database again by itself.
        until(Duration::from_secs(30), "an answer that is not 503", || {
            (house.client().get("/api/auth/me").status != 503 && run.is_answered(&house)).then_some(())
        });
        run.settle(&house);
    }
    run.end(&mut house);
}
