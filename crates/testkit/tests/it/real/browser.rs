//! What only a browser can show: forged requests from a stranger's page.

use doorward_testkit::browser::Browser;
use doorward_testkit::{Act, EchoUpstream, House};

/// Signs in on one origin and lets a page of another origin try to act there.
#[test]
fn a_strangers_page_in_the_same_browser_changes_nothing() {
    let (web, evil) = (EchoUpstream::start("web"), EchoUpstream::start("evil"));
    let page = [("Content-Type", "text/html")];
    web.act("/", Act::answer(200, &page, "<!doctype html><title>ours</title><p>ours</p>"));
    evil.act("/", Act::answer(200, &page, "<!doctype html><title>evil</title><p>evil</p>"));
    let house = House::builder().echo(&web).route("/", "web", "public").route("/members/", "web", "signed-in").start();
    // The stranger's site stands behind a door of its own, so that it is a secure context like ours.
    let stranger = House::builder()
        .host("evil.test")
        .env("development")
        .echo(&evil)
        .route("/", "evil", "public")
        .section("[headers]\ndanger_content_security_policy = \"default-src * 'unsafe-inline'; form-action *\"")
        .start();
    house.add_member("ada@app.test");
    let browser = Browser::start();
    browser.go(&format!("{}/account/sign-in", house.origin()));
    browser.type_into("input[name=email]", "ada@app.test");
    browser.type_into("input[name=password]", house.password());
    browser.click("main button[type=submit]");
    browser.wait_for_text("ada@app.test");
    browser.go(&stranger.origin());
    browser.wait_for_text("evil");
    web.clear();
    let target = format!("{}/members/transfer", house.origin());
    browser.script(&format!("return fetch('{target}', {{method: 'POST', credentials: 'include', mode: 'no-cors', body: 'a=b'}}).then(r => r.type, e => String(e))"));
    browser.script(&format!(
        "const f = document.createElement('form'); f.method = 'post'; f.action = '{target}'; document.body.append(f); f.submit(); return 1"
    ));
    // The answer to the form is what the browser shows next.
    doorward_testkit::until(std::time::Duration::from_secs(20), "the form's answer", || {
        browser.url().starts_with(&target).then_some(())
    });
    assert!(web.requests().iter().all(|request| request.method != "POST"), "{:?}", web.requests());
    browser.go(&format!("{}/account", house.origin()));
    browser.wait_for_text("ada@app.test");
}

/// The estimate beside a new password: what is said while it is typed, by the page's own script, under the page's own policy.
#[test]
fn a_new_password_is_estimated_while_it_is_typed() {
    let house = House::builder().start();
    let browser = Browser::start();
    browser.go(&format!("{}/account/sign-up", house.origin()));
    browser.type_into("input[name=email]", "ada.lovelace@app.test");
    let said =
        || browser.script("return document.querySelector('.strength output').value").as_str().unwrap_or_default().to_owned();
    for (typed, expected) in [
        ("passwordpass", "3 more characters"),
        ("passwordpassword", "Looks weak."),
        ("ada.lovelace@app.test", "Looks weak."),
        ("copper lantern meadow", "Looks fair."),
        ("copper lantern meadow violin", "Looks good."),
        ("copper lantern meadow violin gravel", "Looks strong."),
    ] {
        browser.type_into("input[name=password]", typed);
        assert!(said().starts_with(expected), "{typed:?}: {:?}", said());
    }
    assert!(browser.complaints().is_empty(), "{:?}", browser.complaints());
}
