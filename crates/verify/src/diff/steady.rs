//! What differs from one answer to the next without telling anything.

/// Members of the file that are the run's own.
const PASSING: [&str; 4] = ["run_id", "started_at", "finished_at", "elapsed_ms"];
/// Fields whose value is another one each time.
const VOLATILE: [&str; 4] = ["date", "x-request-id", "age", "retry-after"];
/// What stands for a value that was left out.
const LEFT_OUT: &str = "…";
/// Length of a word that a run makes up for a path that no site has.
const WORD: usize = 16;

/// Whether a member is the run's own.
pub(super) fn is_passing(member: &str) -> bool {
    PASSING.contains(&member)
}

/// Whether the burst came upon a page with a cookie before it was refused: that depends on what an earlier run left of the quota.
pub(super) fn is_chance(place: &[String]) -> bool {
    matches!(place, [_, probe, _, check] if probe == "api-429" && check.ends_with("set-cookie"))
}

/// A field's value; that it is there at all still tells.
pub(super) fn field(name: &str, value: &str) -> String {
    if VOLATILE.contains(&name) {
        return LEFT_OUT.to_owned();
    }
    let value = text(value);
    match (name, value.to_ascii_lowercase().find("expires=")) {
        ("set-cookie", Some(at)) => {
            let end = value[at..].find(';').map_or(value.len(), |end| at + end);
            format!("{}{LEFT_OUT}{}", &value[..at + "expires=".len()], &value[end..])
        }
        _ => value,
    }
}

/// What a check saw: a field, or a measure of time, which is another one each time while its verdict still tells.
pub(super) fn observed(place: &[String], subject: &str, text: &str) -> String {
    let is_measured = place.get(1).is_some_and(|probe| probe.starts_with("timing"));
    if is_measured { LEFT_OUT.to_owned() } else { field(subject, text) }
}

/// A text without the nonces of a policy and without the words that a run makes up.
pub(super) fn text(text: &str) -> String {
    words(&nonces(text))
}

fn nonces(text: &str) -> String {
    let mut parts = text.split("'nonce-");
    let mut out = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let rest = part.split_once('\'').map_or("", |(_, rest)| rest);
        out.push_str("'nonce-");
        out.push_str(LEFT_OUT);
        out.push('\'');
        out.push_str(rest);
    }
    out
}

/// The hash in an asset's name follows a dot and stays: another one is another file.
fn words(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(|c: char| c.is_ascii_alphanumeric()) {
        let (gap, from) = rest.split_at(at);
        out.push_str(gap);
        let (word, after) = from.split_at(from.find(|c: char| !c.is_ascii_alphanumeric()).unwrap_or(from.len()));
        let made_up =
            word.len() == WORD && word.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')) && !out.ends_with('.');
        out.push_str(if made_up { LEFT_OUT } else { word });
        rest = after;
    }
    out + rest
}
