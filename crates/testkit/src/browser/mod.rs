//! Chromium, driven by plain WebDriver calls to chromedriver (W3C WebDriver).

mod authenticator;
mod wire;

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use base64::Engine as _;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::address::free_port;
use crate::house::{terminate, until};
pub use authenticator::Authenticator;
use wire::Wire;

/// The web element identifier (WebDriver §12).
const ELEMENT: &str = "element-6066-11e4-a52e-4f735466cecf";

/// How long the browser may take to show something.
const PATIENCE: Duration = Duration::from_secs(20);

/// Tells of every violation of a policy, wherever it happens, in the words of [`Browser::complaints`].
const WATCH: &str = "document.addEventListener('securitypolicyviolation', e => console.error('violation of a policy: ' + \
    JSON.stringify([e.effectiveDirective, e.blockedURI, e.sample, e.originalPolicy])))";

/// A browser with one window and a fresh profile.
pub struct Browser {
    driver: Child,
    wire: Wire,
    session: String,
    _profile: TempDir,
}

impl Browser {
    /// Starts chromedriver and Chromium. `*.test` leads to 127.0.0.1, and certificates of test authorities are taken.
    ///
    /// # Panics
    /// When `chromium` or `chromedriver` is missing (`cargo xtask test` installs them).
    #[track_caller]
    #[must_use]
    pub fn start() -> Self {
        let profile = TempDir::with_prefix("doorward-browser-").unwrap();
        let port = free_port();
        let driver = Command::new("chromedriver")
            .arg(format!("--port={port}"))
            .env("HOME", profile.path())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("chromedriver is missing: `cargo xtask test` installs it");
        let mut browser = Self { driver, wire: Wire::new(port), session: String::new(), _profile: profile };
        until(PATIENCE, "chromedriver", || browser.wire.call("GET", "/status", None).ok().filter(|v| v["ready"] == true));
        browser.session = browser.open();
        browser
    }

    fn open(&self) -> String {
        let arguments = [
            "--headless=new",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-quic",
            "--disable-dev-shm-usage",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            "--host-resolver-rules=MAP *.test 127.0.0.1",
            "--window-size=1100,900",
        ];
        let capabilities = json!({"capabilities": {"alwaysMatch": {
            "browserName": "chrome",
            "acceptInsecureCerts": true,
            "webauthn:virtualAuthenticators": true,
            "goog:loggingPrefs": {"browser": "ALL"},
            "goog:chromeOptions": {"binary": "/usr/bin/chromium", "args": arguments},
        }}});
        let value = self.wire.call("POST", "/session", Some(&capabilities)).unwrap_or_else(|error| panic!("chromium: {error}"));
        value["sessionId"].as_str().expect("a session id").to_owned()
    }

    #[track_caller]
    fn call(&self, method: &str, path: &str, body: Option<&Value>) -> Value {
        let path = format!("/session/{}{path}", self.session);
        self.wire.call(method, &path, body).unwrap_or_else(|error| panic!("{method} {path}: {error}"))
    }

    /// Goes to an address.
    #[track_caller]
    pub fn go(&self, url: &str) {
        self.call("POST", "/url", Some(&json!({"url": url})));
    }

    /// Where it is.
    #[track_caller]
    #[must_use]
    pub fn url(&self) -> String {
        self.call("GET", "/url", None).as_str().unwrap_or_default().to_owned()
    }

    /// The page's title.
    #[track_caller]
    #[must_use]
    pub fn title(&self) -> String {
        self.call("GET", "/title", None).as_str().unwrap_or_default().to_owned()
    }

    /// The words on the page.
    #[track_caller]
    #[must_use]
    pub fn text(&self) -> String {
        self.script("return document.body ? document.body.innerText : ''").as_str().unwrap_or_default().to_owned()
    }

    /// Waits until the page says this.
    #[track_caller]
    pub fn wait_for_text(&self, words: &str) {
        let wanted = words.to_lowercase();
        let start = std::time::Instant::now();
        while !self.text().to_lowercase().contains(&wanted) {
            assert!(start.elapsed() < PATIENCE, "{words:?} is not on {}:\n{}", self.url(), self.text());
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// Types into a field, as a person does.
    #[track_caller]
    pub fn type_into(&self, css: &str, text: &str) {
        let element = self.find(css);
        self.call("POST", &format!("/element/{element}/clear"), Some(&json!({})));
        self.call("POST", &format!("/element/{element}/value"), Some(&json!({"text": text})));
    }

    /// Clicks.
    #[track_caller]
    pub fn click(&self, css: &str) {
        let element = self.find(css);
        self.call("POST", &format!("/element/{element}/click"), Some(&json!({})));
    }

    /// Whether something is on the page.
    #[track_caller]
    #[must_use]
    pub fn has(&self, css: &str) -> bool {
        !self.call("POST", "/elements", Some(&selector(css))).as_array().is_none_or(Vec::is_empty)
    }

    #[track_caller]
    fn find(&self, css: &str) -> String {
        until(PATIENCE, &format!("{css} on {}", self.url()), || {
            let found = self.call("POST", "/elements", Some(&selector(css)));
            // Each is an object with one member, the web element identifier (WebDriver §12).
            let id = found.as_array()?.first()?.as_object()?.values().next()?.as_str()?.to_owned();
            Some(id)
        })
    }

    /// Clicks twice, as one opens a branch of a tree.
    #[track_caller]
    pub fn double_click(&self, css: &str) {
        let origin = json!({ELEMENT: self.find(css)});
        let (down, up) = (json!({"type": "pointerDown", "button": 0}), json!({"type": "pointerUp", "button": 0}));
        let to = json!({"type": "pointerMove", "origin": origin, "x": 0, "y": 0});
        let mouse = json!({"type": "pointer", "id": "mouse", "actions": [to, down, up, down, up]});
        self.call("POST", "/actions", Some(&json!({"actions": [mouse]})));
    }

    /// Presses keys in an element, without emptying it before; see WebDriver §17.4.2 for those that are no letters.
    #[track_caller]
    pub fn press(&self, css: &str, keys: &str) {
        let element = self.find(css);
        self.call("POST", &format!("/element/{element}/value"), Some(&json!({"text": keys})));
    }

    /// From now on everything is looked for in this frame, until [`Self::leave_frame`].
    #[track_caller]
    pub fn enter_frame(&self, css: &str) {
        let frame = json!({ELEMENT: self.find(css)});
        self.call("POST", "/frame", Some(&json!({"id": frame})));
    }

    /// Back to the page.
    #[track_caller]
    pub fn leave_frame(&self) {
        self.call("POST", "/frame", Some(&json!({"id": null})));
    }

    /// From now on every violation of a policy, in any document, is among the complaints, beside what the browser itself says of it.
    #[track_caller]
    pub fn watch_policies(&self) {
        let _ = self.run_before_every_page(WATCH);
    }

    /// From now on this script runs in every page before its own; the answer is what it is called when it shall no longer.
    #[track_caller]
    #[must_use]
    pub fn run_before_every_page(&self, source: &str) -> String {
        let added = self.cdp("Page.addScriptToEvaluateOnNewDocument", &json!({"source": source}));
        added["identifier"].as_str().expect("a name").to_owned()
    }

    /// Ends what [`Self::run_before_every_page`] began.
    #[track_caller]
    pub fn no_longer_run(&self, name: &str) {
        self.cdp("Page.removeScriptToEvaluateOnNewDocument", &json!({"identifier": name}));
    }

    /// A command of Chromium's own protocol.
    #[track_caller]
    fn cdp(&self, command: &str, parameters: &Value) -> Value {
        self.call("POST", "/goog/cdp/execute", Some(&json!({"cmd": command, "params": parameters})))
    }

    /// Runs a script in the page; promises are awaited.
    #[track_caller]
    pub fn script(&self, source: &str) -> Value {
        self.call("POST", "/execute/sync", Some(&json!({"script": source, "args": []})))
    }

    /// The cookies of this page.
    #[track_caller]
    #[must_use]
    pub fn cookies(&self) -> Vec<Value> {
        self.call("GET", "/cookie", None).as_array().cloned().unwrap_or_default()
    }

    /// What the page complained about since the last look, such as a refused script.
    #[track_caller]
    #[must_use]
    pub fn complaints(&self) -> Vec<String> {
        let entries = self.call("POST", "/se/log", Some(&json!({"type": "browser"})));
        let severe = |entry: &Value| entry["level"] == "SEVERE";
        let message = |entry: &Value| entry["message"].as_str().unwrap_or_default().to_owned();
        entries.as_array().into_iter().flatten().filter(|e| severe(e)).map(message).collect()
    }

    /// Takes the cookies of this page's host away.
    #[track_caller]
    pub fn forget_cookies(&self) {
        self.call("DELETE", "/cookie", None);
    }

    /// Takes a picture of the page for people to look at, beside the other results of a build.
    #[track_caller]
    pub fn screen(&self, name: &str) {
        let exe = std::env::current_exe().unwrap();
        let target = exe.ancestors().find(|folder| folder.ends_with("target")).map_or_else(std::env::temp_dir, Path::to_owned);
        self.picture(&target.join("screens").join(format!("{name}.png")));
    }

    /// Takes a picture of the page for people to look at.
    #[track_caller]
    pub fn picture(&self, file: &Path) {
        let value = self.call("GET", "/screenshot", None);
        let bytes = base64::engine::general_purpose::STANDARD.decode(value.as_str().unwrap_or_default()).unwrap();
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(file, bytes).unwrap();
    }
}

fn selector(css: &str) -> Value {
    json!({"using": "css selector", "value": css})
}

impl Drop for Browser {
    fn drop(&mut self) {
        let _ = self.wire.call("DELETE", &format!("/session/{}", self.session), None);
        terminate(&mut self.driver);
        let _ = self.driver.wait();
    }
}
