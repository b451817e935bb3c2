//! Passkeys and codes as people use them: in Chromium, with an authenticator of its own.

use doorward_testkit::browser::{Authenticator, Browser};
use doorward_testkit::{House, SESSION_COOKIE, Totp};
use serde_json::{Value, json};

const ADA: &str = "ada@app.test";
const BEA: &str = "bea@app.test";

/// Asks the authenticator in place of the page's script, as a page would that is content with less, and tells what the house says of the
/// answer.
const ASK: &str = r"
const octets = text => Uint8Array.from(atob(text.replace(/-/g, '+').replace(/_/g, '/')), c => c.charCodeAt(0));
const text = octets => btoa(String.fromCharCode(...new Uint8Array(octets))).replace(/\+/g, '-').replace(/\//g, '_').replace(/=+$/, '');
const post = (path, body) => fetch(path, {method: 'POST', headers: {'Content-Type': 'application/json'}, body: JSON.stringify(body)});
return (async () => {
  const offer = await (await post('/api/auth/passkey/options', {})).json();
  const wish = offer.options.publicKey ?? offer.options;
  wish.challenge = octets(wish.challenge);
  wish.userVerification = 'discouraged';
  wish.allowCredentials = (wish.allowCredentials ?? []).map(known => ({...known, id: octets(known.id)}));
  const made = await navigator.credentials.get({publicKey: wish});
  const {authenticatorData, clientDataJSON, signature, userHandle} = made.response;
  const response = {authenticatorData: text(authenticatorData), clientDataJSON: text(clientDataJSON), signature: text(signature),
    userHandle: userHandle && text(userHandle)};
  const credential = {id: made.id, rawId: text(made.rawId), type: made.type, response, extensions: {}, clientExtensionResults: {}};
  const reply = await post('/api/auth/passkey/login', {challenge: offer.challenge, credential});
  return [reply.status, await reply.text()];
})()";

/// Pages offer passkeys by themselves where the browser can; an authenticator that touches itself would not leave them a moment.
const MUTE: &str = "delete PublicKeyCredential.isConditionalMediationAvailable";

struct Desk<'a> {
    house: &'a House,
    browser: &'a Browser,
    key: &'a Authenticator<'a>,
    /// What keeps pages from offering passkeys by themselves.
    muted: String,
}

impl Desk<'_> {
    fn go(&self, path: &str) {
        self.browser.go(&format!("{}{path}", self.house.origin()));
    }

    /// The first step, by password.
    fn first_step(&self, address: &str) {
        self.go("/account/sign-in");
        self.browser.type_into("input[name=email]", address);
        self.browser.type_into("input[name=password]", self.house.password());
        self.browser.click("main form[action='/account/sign-in'] button[type=submit]");
    }

    fn sign_out(&self) {
        self.go("/account");
        self.browser.click("form[action='/account/sign-out'] button");
        self.browser.wait_for_text("Welcome back");
        assert!(!self.is_signed_in());
    }

    fn is_signed_in(&self) -> bool {
        self.browser.cookies().iter().any(|cookie| cookie["name"] == SESSION_COOKIE)
    }

    /// Presses the button that asks for a passkey.
    fn press(&self, purpose: &str) {
        self.browser.click(&format!(".passkey[data-passkey={purpose}]:not([hidden]) button"));
    }

    /// Asks the authenticator without wanting its owner to be recognised.
    fn ask_for_less(&self) -> (u64, String) {
        let told = self.browser.script(ASK);
        (told[0].as_u64().expect("a status"), told[1].as_str().unwrap_or_default().to_owned())
    }
}

#[test]
fn passkeys_and_codes_sign_people_in_and_only_their_owners() {
    let house = House::builder().start();
    house.add_member(ADA);
    house.add_member(BEA);
    let browser = Browser::start();
    browser.watch_policies();
    let key = browser.authenticator(true);
    let muted = browser.run_before_every_page(MUTE);
    let mut desk = Desk { house: &house, browser: &browser, key: &key, muted };
    enrol(&desk);
    use_as_second_step(&desk);
    use_alone(&mut desk);
    go_back_from_the_second_step(&desk);
    refuse_who_is_not_recognised(&desk);
    refuse_a_copy(&desk);
    refuse_what_was_removed(&desk);
    let complaints: Vec<String> =
        browser.complaints().into_iter().filter(|text| text.contains("olicy") || text.contains("Uncaught")).collect();
    assert!(complaints.is_empty(), "{complaints:#?}");
    use_codes(&desk);
}

fn enrol(desk: &Desk) {
    let (browser, key) = (desk.browser, desk.key);
    desk.first_step(ADA);
    browser.wait_for_text(ADA);
    desk.go("/account/factors");
    browser.screen("factors-none");
    browser.click("a[href='/account/factors/passkey']");
    browser.type_into("input[name=name]", "Blue key");
    browser.screen("factor-passkey");
    browser.click("form[data-passkey=enrol] button[type=submit]");
    browser.wait_for_text("Your recovery codes");
    browser.screen("factor-passkey-codes");
    let codes = browser.script("return document.querySelectorAll('ol.codes li').length");
    assert_eq!(codes, 10);
    let kept = key.credentials();
    assert_eq!(kept.len(), 1, "{kept:?}");
    assert_eq!((&kept[0]["rpId"], &kept[0]["isResidentCredential"]), (&json!("app.test"), &json!(true)));
    desk.go("/account/factors");
    browser.wait_for_text("Blue key");
    browser.screen("factors-passkey");
    assert!(desk.house.mailbox().to(ADA).len() >= 2, "its owner is told of the key");
    desk.sign_out();
}

fn use_as_second_step(desk: &Desk) {
    desk.first_step(ADA);
    desk.browser.wait_for_text("One more step");
    assert!(!desk.is_signed_in(), "a password alone is no longer enough");
    desk.browser.screen("second-step-passkey");
    desk.go("/account");
    assert!(!desk.browser.text().contains(ADA), "{}", desk.browser.text());
    desk.first_step(ADA);
    desk.press("second");
    desk.browser.wait_for_text(ADA);
    assert!(desk.is_signed_in());
    // A fresh proof is asked for where it matters, and a passkey is one.
    desk.go("/account/step-up?next=/account/factors");
    desk.browser.screen("step-up-passkey");
    desk.press("step-up");
    desk.browser.wait_for_text("Blue key");
    desk.sign_out();
}

fn use_alone(desk: &mut Desk) {
    desk.go("/account/sign-in");
    desk.browser.screen("sign-in-passkey");
    desk.press("sign-in");
    desk.browser.wait_for_text(ADA);
    assert!(desk.is_signed_in());
    desk.sign_out();
    // Where the address is typed it offers itself, and this authenticator takes everything up at once.
    desk.browser.no_longer_run(&desk.muted);
    desk.go("/account/sign-in");
    desk.browser.wait_for_text(ADA);
    assert!(desk.is_signed_in());
    desk.muted = desk.browser.run_before_every_page(MUTE);
    desk.sign_out();
}

/// Whoever turns round half-way signs in with the passkey alone, as if nothing had been.
fn go_back_from_the_second_step(desk: &Desk) {
    desk.first_step(ADA);
    desk.browser.wait_for_text("One more step");
    desk.browser.click("a[href='/account/sign-in']");
    desk.press("sign-in");
    desk.browser.wait_for_text(ADA);
    desk.sign_out();
}

fn refuse_who_is_not_recognised(desk: &Desk) {
    let key = desk.key;
    key.verify_user(false);
    desk.go("/account/sign-in");
    desk.press("sign-in");
    desk.browser.wait_for_text("Nothing was chosen");
    desk.browser.screen("sign-in-passkey-refused");
    assert!(!desk.is_signed_in());
    // A page that does not want its owner recognised gets an answer of the key, and the house refuses that.
    assert_eq!(desk.ask_for_less(), (401, "{\"detail\":\"Invalid credentials\"}".to_owned()));
    assert!(!desk.is_signed_in());
    key.verify_user(true);
    assert_eq!(desk.ask_for_less().0, 401, "whoever only could be recognised has not been");
}

fn refuse_a_copy(desk: &Desk) {
    let key = desk.key;
    let copy = key.credentials().remove(0);
    desk.go("/account/sign-in");
    desk.press("sign-in");
    desk.browser.wait_for_text(ADA);
    desk.sign_out();
    key.take(&copy);
    key.put(&copy);
    desk.go("/account/sign-in");
    desk.press("sign-in");
    desk.browser.wait_for_text("was not accepted");
    assert!(!desk.is_signed_in());
    let trail = desk.house.command(&["audit", "search", "--event", "auth.login_failed", "--json"]).stdout;
    let trail = String::from_utf8(trail).unwrap();
    let reasons: Vec<Value> = trail.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()["reason"].clone()).collect();
    assert!(reasons.contains(&json!("cloned")), "{reasons:?}");
}

fn refuse_what_was_removed(desk: &Desk) {
    let key = desk.key;
    // The original has gone further than any copy.
    let mut original = key.credentials().remove(0);
    original["signCount"] = json!(1000);
    key.take(&original);
    key.put(&original);
    desk.go("/account/sign-in");
    desk.press("sign-in");
    desk.browser.wait_for_text(ADA);
    desk.go("/account/factors");
    desk.browser.click("form[action='/account/factors/remove'] button");
    desk.browser.wait_for_text("Add a passkey");
    desk.browser.screen("factors-removed");
    assert!(!desk.browser.text().contains("Blue key"), "{}", desk.browser.text());
    desk.sign_out();
    desk.go("/account/sign-in");
    desk.press("sign-in");
    desk.browser.wait_for_text("was not accepted");
    assert!(!desk.is_signed_in());
    // Without a factor the password is enough again.
    desk.first_step(ADA);
    desk.browser.wait_for_text(ADA);
    desk.sign_out();
}

fn use_codes(desk: &Desk) {
    let browser = desk.browser;
    desk.first_step(BEA);
    browser.wait_for_text(BEA);
    desk.go("/account/factors/totp");
    browser.screen("factor-totp");
    browser.click("main form button[type=submit]");
    browser.wait_for_text("Scan this");
    browser.screen("factor-totp-key");
    assert!(browser.has("svg.qr path"));
    let uri = browser.script("return document.querySelector('a[href^=\"otpauth:\"]').getAttribute('href')");
    let mut app = Totp::scan(uri.as_str().expect("a URI"));
    browser.type_into("input[name=code]", &app.wrong_code());
    browser.click("main form button[type=submit]");
    browser.wait_for_text("Now its code is needed");
    browser.screen("factor-totp-wrong");
    browser.type_into("input[name=code]", &app.next_code());
    browser.click("main form button[type=submit]");
    browser.wait_for_text("Your recovery codes");
    browser.screen("factor-totp-codes");
    let recovery = browser.script("return document.querySelector('ol.codes li').textContent.trim()");
    desk.sign_out();
    for code in [app.next_code(), recovery.as_str().unwrap().to_owned()] {
        desk.first_step(BEA);
        browser.wait_for_text("One more step");
        browser.screen("second-step-code");
        browser.type_into("input[name=code]", &code);
        browser.click("form[action='/account/sign-in/second-factor'] button");
        browser.wait_for_text(BEA);
        desk.sign_out();
        desk.first_step(BEA);
        browser.wait_for_text("One more step");
        browser.type_into("input[name=code]", &code);
        browser.click("form[action='/account/sign-in/second-factor'] button");
        browser.wait_for_text("not right");
        assert!(!desk.is_signed_in(), "each code is good once");
    }
}
