//! Signing in with a real provider, as people do it: in Chromium, through the provider's own pages.

use doorward_testkit::browser::Browser;
use doorward_testkit::real::Oidc;
use doorward_testkit::{House, SESSION_COOKIE, free_port};
use serde_json::json;

const ADA: &str = "ada@app.test";
const CAROL: &str = "carol@elsewhere.test";

struct Desk {
    house: House,
    provider: Oidc,
    browser: Browser,
}

impl Desk {
    fn start() -> Self {
        // The provider wants to know where it may send people before the house is there.
        let port = free_port();
        let mut provider = Oidc::start(&format!("https://app.test:{port}"));
        provider.person("carol", &json!({"sub": "carol-5", "email": CAROL, "email_verified": true}));
        let house = House::builder().https_port(port).oauth(&provider.section()).start();
        let browser = Browser::start();
        browser.watch_policies();
        Self { house, provider, browser }
    }

    fn go(&self, path: &str) {
        self.browser.go(&format!("{}{path}", self.house.origin()));
    }

    fn is_signed_in(&self) -> bool {
        self.browser.cookies().iter().any(|cookie| cookie["name"] == SESSION_COOKIE)
    }

    /// Presses a button that leads to the provider.
    fn leave(&self, page: &str) {
        self.go(page);
        self.browser.click(&format!("form[action='/account/oauth/{}/start'] button", Oidc::NAME));
    }

    /// On the provider's page: its sign-in, and its question whether that is all right.
    fn be(&self, name: &str) {
        self.browser.wait_for_text("Sign-in");
        self.browser.type_into("input[name=login]", name);
        self.browser.type_into("input[name=password]", "anything is right here");
        self.browser.click("form button[type=submit]");
        self.browser.wait_for_text("Authorize");
        self.browser.click("form button[type=submit]");
    }

    /// Whoever was signed in at the provider is so no longer.
    fn forget_at_the_provider(&self) {
        self.browser.go(&format!("{}/.well-known/openid-configuration", self.provider.issuer()));
        self.browser.forget_cookies();
    }

    fn sign_out(&self) {
        self.go("/account");
        self.browser.click("form[action='/account/sign-out'] button");
        self.browser.wait_for_text("Welcome back");
        assert!(!self.is_signed_in());
    }

    #[track_caller]
    fn assert_arrived(&self, words: &str) {
        self.browser.wait_for_text(words);
        let url = self.browser.url();
        assert!(!url.contains("code=") && !url.contains("state="), "{url}");
    }
}

#[test]
fn people_sign_up_and_in_with_a_provider_and_link_and_unlink_it() {
    let desk = Desk::start();
    sign_up(&desk);
    sign_in_again(&desk);
    prove_it_afresh(&desk);
    keep_the_last_way_in(&desk);
    refuse_the_unverified(&desk);
    link_and_unlink(&desk);
    let complaints: Vec<String> =
        desk.browser.complaints().into_iter().filter(|text| text.contains("olicy") || text.contains("Uncaught")).collect();
    assert!(complaints.is_empty(), "{complaints:#?}");
    assert!(!desk.house.stderr().contains("code="), "no code is in a line of the log");
}

fn sign_up(desk: &Desk) {
    desk.go("/account/sign-in");
    desk.browser.screen("sign-in-providers");
    desk.go("/account/sign-up");
    desk.browser.screen("sign-up-providers");
    desk.leave("/account/sign-up");
    desk.browser.wait_for_text("Sign-in");
    desk.browser.screen("provider-sign-in");
    desk.be("alice");
    desk.assert_arrived("alice@app.test");
    assert!(desk.is_signed_in());
    desk.browser.screen("account-of-provider");
    desk.sign_out();
}

/// The provider remembers, and asks nothing.
fn sign_in_again(desk: &Desk) {
    desk.leave("/account/sign-in?next=%2Faccount");
    desk.assert_arrived("alice@app.test");
    assert!(desk.is_signed_in());
}

/// Without a password there is nothing to show here but the provider, which has to ask again.
fn prove_it_afresh(desk: &Desk) {
    desk.go("/account/step-up?next=%2Faccount%2Fconnections");
    desk.browser.screen("step-up-provider");
    desk.browser.click(&format!("form[action='/account/oauth/{}/start'] button", Oidc::NAME));
    desk.browser.wait_for_text("Sign-in");
    desk.browser.type_into("input[name=login]", "alice");
    desk.browser.type_into("input[name=password]", "anything is right here");
    desk.browser.click("form button[type=submit]");
    desk.assert_arrived("alice@app.test");
    assert!(desk.is_signed_in());
}

fn keep_the_last_way_in(desk: &Desk) {
    desk.go("/account/connections");
    desk.browser.wait_for_text("connected");
    desk.browser.screen("connections");
    desk.browser.click("details summary");
    desk.browser.click("form[action='/account/connections/unlink'] button[type=submit]");
    desk.browser.wait_for_text("no way to sign in");
    desk.browser.screen("connections-last");
    desk.sign_out();
}

fn refuse_the_unverified(desk: &Desk) {
    desk.forget_at_the_provider();
    desk.leave("/account/sign-in");
    desk.be("bob");
    desk.assert_arrived("That did not work");
    desk.browser.screen("provider-failed");
    assert!(!desk.is_signed_in());
    // Turning back at the provider is told in the same words.
    desk.forget_at_the_provider();
    desk.leave("/account/sign-in");
    desk.browser.wait_for_text("Sign-in");
    desk.browser.click("a[href$='/abort']");
    desk.assert_arrived("That did not work");
    assert!(!desk.is_signed_in());
}

fn link_and_unlink(desk: &Desk) {
    let browser = &desk.browser;
    desk.house.add_member(ADA);
    desk.go("/account/sign-in");
    browser.type_into("input[name=email]", ADA);
    browser.type_into("input[name=password]", desk.house.password());
    browser.click("main form[action='/account/sign-in'] button[type=submit]");
    browser.wait_for_text(ADA);
    // Whoever belongs to another account cannot be had.
    desk.forget_at_the_provider();
    desk.leave("/account/connections");
    desk.be("alice");
    desk.assert_arrived("That did not work");
    desk.forget_at_the_provider();
    desk.leave("/account/connections");
    desk.be("carol");
    desk.assert_arrived("It is connected");
    browser.screen("connections-linked");
    let told = desk.house.mailbox().wait_for_nth(ADA, 2);
    assert!(told.body().contains("Harbour") && told.body().contains("/account/end-sessions#token="), "{}", told.body());
    desk.sign_out();
    desk.leave("/account/sign-in");
    desk.assert_arrived(ADA);
    desk.go("/account/connections");
    browser.click("details summary");
    browser.type_into("input[name=current_password]", desk.house.password());
    browser.screen("connections-unlink");
    browser.click("form[action='/account/connections/unlink'] button[type=submit]");
    browser.wait_for_text("no longer connected");
    desk.sign_out();
    // Nothing of Ada's is hers any more: she gets an account of her own.
    desk.leave("/account/sign-in");
    desk.assert_arrived(CAROL);
}
