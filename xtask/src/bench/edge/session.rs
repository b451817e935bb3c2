//! Somebody who is signed in: an imported account and the cookie of its session.

use std::time::Duration;

use super::ground::Ground;
use crate::{
    bench::{accounts::hash_of, server::Server},
    error::TaskError,
    process, tree,
};

const EMAIL: &str = "person@example.test";
const PASSWORD: &str = "seven tall ferns stand by the north wall";

/// Opens the account, before the site is started.
pub(super) fn open_account(ground: &Ground) -> Result<(), TaskError> {
    let people = ground.file("people.jsonl");
    tree::write(&people, &format!("{{\"email\":\"{EMAIL}\",\"hash\":\"{}\"}}\n", hash_of(PASSWORD)?))?;
    let mut command = process::command(tree::target().join("release/doorward"));
    command.arg("--config").arg(ground.file("doorward.toml")).args(["import", "users"]).arg(&people);
    command.args(["--format", "phc-jsonl"]);
    process::output(&mut command, Duration::from_secs(60)).map(|_| ())
}

/// Signs in; what a browser would send as `Cookie`.
pub(super) fn sign_in(server: &Server) -> Result<String, TaskError> {
    let body = format!("{{\"email\":\"{EMAIL}\",\"password\":\"{PASSWORD}\"}}");
    let mut curl = process::command("curl");
    curl.args(["--insecure", "--silent", "--show-error", "--include", "--max-time", "20", "--data", &body]);
    curl.args(["--header", "Content-Type: application/json", "--header", "Sec-Fetch-Site: same-origin"]);
    curl.arg(server.url("/api/auth/login"));
    let answer = process::output(&mut curl, Duration::from_secs(30))?;
    let cookie = answer.lines().find_map(|line| {
        let (name, value) = line.split_once(": ")?;
        let cookie = value.split_once(';')?.0;
        (name.eq_ignore_ascii_case("set-cookie") && cookie.starts_with("__Host-doorward_session=")).then_some(cookie)
    });
    cookie.map(str::to_owned).ok_or_else(|| TaskError::Undone(format!("no session was opened:\n{answer}")))
}
