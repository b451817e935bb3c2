//! Credentials that are replaced while requests are under way, and sessions that their owner ends.

use std::sync::Barrier;
use std::time::{Duration, Instant};

use doorward_testkit::{Act, CSRF_COOKIE, Client, EchoUpstream, House, Reply, Request, SESSION_COOKIE, assert_detail, until};

use crate::site::{Site, constant_part, wait_for_stored};

/// What a page with script does all at once: pages, calls, changes, on routes of upstreams and of the house.
fn under_way(number: usize) -> Request {
    match number % 5 {
        0 => Request::get("/api/auth/me"),
        1 => Request::get("/api/notes"),
        2 => Request::get("/members/notes"),
        3 => Request::post("/api/notes").csrf(),
        _ => Request::post("/members/notes").csrf(),
    }
}

#[track_caller]
fn assert_carries_a_credential(reply: &Reply) {
    for name in [SESSION_COOKIE, CSRF_COOKIE] {
        assert_eq!(reply.set_cookies(name).len(), 1, "{reply:?}");
    }
    assert_eq!(reply.all("cache-control"), ["no-store"], "{reply:?}");
}

#[test]
fn ses_13_twenty_requests_share_a_rotation_and_the_old_credential_dies_after_it() {
    let site = Site::with(|builder| builder.unlimited().accounts("session_rotate = \"2s\""));
    let member = site.house.member("ada@app.test");
    let signed_in = Instant::now();
    let gate = Barrier::new(20);
    std::thread::sleep(Duration::from_secs(2).saturating_sub(signed_in.elapsed()) + Duration::from_millis(100));
    let replies: Vec<Reply> = std::thread::scope(|scope| {
        let send = |number: usize| {
            let (mut client, gate) = (member.twin(), &gate);
            scope.spawn(move || {
                gate.wait();
                client.send(&under_way(number))
            })
        };
        let threads: Vec<_> = (0..20).map(send).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    let rotated_at = Instant::now();
    for reply in &replies {
        assert_eq!(reply.status, 200, "{reply:?}");
    }
    let carriers: Vec<&Reply> = replies.iter().filter(|reply| !reply.set_cookies(SESSION_COOKIE).is_empty()).collect();
    let [carrier] = carriers.as_slice() else { panic!("{} of 20 carry a credential", carriers.len()) };
    assert_carries_a_credential(carrier);
    let mut renewed = site.house.client();
    for name in [SESSION_COOKIE, CSRF_COOKIE] {
        let set = carrier.set_cookies(name)[0];
        renewed.set_cookie(name, set[name.len() + 1..].split(';').next().unwrap());
    }
    assert_ne!(renewed.session(), member.session());
    renewed.twin().send(&under_way(0)).expect(200);
    renewed.twin().send(&under_way(3)).expect(200);
    // The old one, asked again and again: good for ten seconds, and then the end of the session.
    until(Duration::from_secs(20), "the end of the grace", || {
        let reply = member.twin().get("/api/auth/me");
        assert!(reply.set_cookies(SESSION_COOKIE).is_empty(), "an old credential buys no new one: {reply:?}");
        (reply.status == 401).then_some(())
    });
    assert!(rotated_at.elapsed() < Duration::from_secs(12), "{:?}", rotated_at.elapsed());
    assert_eq!(renewed.get("/api/auth/me").status, 401, "whoever holds the new one may be the thief");
    wait_for_stored(&site.house, "session.rotated");
    wait_for_stored(&site.house, "session.reuse");
}

#[test]
fn a_credential_that_was_renewed_on_a_failing_request_is_not_lost() {
    let gone = EchoUpstream::start("gone");
    // Hangs up on everybody; who cannot be reached at all is soon not asked any more (HTTP-16).
    gone.act("/gone/x", Act::Close);
    let site = Site::with(|builder| {
        builder.unlimited().accounts("session_rotate = \"1s\"").echo(&gone).route("/gone/", "gone", "signed-in")
    });
    let mut member = site.house.member("ada@app.test");
    let before = member.session();
    let reply = until(Duration::from_secs(10), "a credential that is due", || {
        let reply = member.get("/gone/x");
        (!reply.set_cookies(SESSION_COOKIE).is_empty()).then_some(reply)
    });
    assert_eq!(reply.status, 502, "{reply:?}");
    assert_carries_a_credential(&reply);
    assert_ne!(member.session(), before);
    member.get("/api/auth/me").expect(200);
}

fn sessions(client: &mut Client) -> Vec<(String, bool)> {
    let list = client.get("/api/auth/sessions").expect(200).json();
    let entries = list["sessions"].as_array().unwrap();
    entries.iter().map(|entry| (entry["id"].as_str().unwrap().to_owned(), entry["is_current"].as_bool().unwrap())).collect()
}

fn revoke(client: &mut Client, id: &str) -> Reply {
    client.send(&Request::new("DELETE", &format!("/api/auth/sessions/{id}")).csrf())
}

#[test]
fn ses_14_the_oldest_of_twenty_one_ends_and_only_own_sessions_can_be_ended() {
    let house = House::builder().unlimited().start();
    let mut first = house.member("ada@app.test");
    let mut others: Vec<Client> = (0..20).map(|_| house.sign_in("ada@app.test")).collect();
    assert_detail(&first.get("/api/auth/me"), 401, "Not authenticated");
    let mut last = others.pop().unwrap();
    let listed = sessions(&mut last);
    assert_eq!(listed.len(), 20);
    assert_eq!(listed.iter().filter(|(_, is_current)| *is_current).count(), 1);
    for (id, _) in &listed {
        let reply = house.client().send(&Request::get("/api/auth/me").cookies(&format!("{SESSION_COOKIE}={id}")));
        assert_eq!(reply.status, 401, "an id is no credential");
        assert!(others.iter().chain([&last]).all(|client| client.session() != *id));
    }
    let mut eve = house.member("eve@app.test");
    let adas = listed.iter().find(|(_, is_current)| !is_current).unwrap().0.clone();
    let unknown = "5f8f1f0e-3c64-4e0b-9d7d-3c2b1a090807";
    let (foreign, none) = (revoke(&mut eve, &adas), revoke(&mut eve, unknown));
    assert_eq!(foreign.status, 404, "{foreign:?}");
    assert_eq!(constant_part(&foreign), constant_part(&none), "another's looks like nobody's");
    assert_eq!(sessions(&mut last).len(), 20, "and nothing has ended");
    assert_eq!(revoke(&mut last, &adas).status, 204);
    let left = sessions(&mut last);
    assert!(left.len() == 19 && left.iter().all(|(id, _)| *id != adas));
    let live = others.iter().filter(|client| client.twin().get("/api/auth/me").status == 200).count();
    assert_eq!(live, 18, "one of nineteen, at once");
    assert_eq!(last.send(&Request::post("/api/auth/sessions/revoke-others").csrf()).status / 100, 2);
    assert!(others.iter_mut().all(|client| client.get("/api/auth/me").status == 401));
    last.get("/api/auth/me").expect(200);
    eve.get("/api/auth/me").expect(200);
}
