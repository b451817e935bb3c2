//! Requests after the description of an operation (OpenAPI), with faults here and there: right and wrong types, too much, too little, twice,
//! no JSON, no UTF-8, odd fields. What comes of a seed is always the same.

use serde_json::{Map, Value, json};

use crate::dice::Dice;

/// A request that has no framing yet.
#[derive(Debug, Clone)]
pub struct Draft {
    /// Method.
    pub method: String,
    /// Path and query.
    pub target: String,
    /// Fields, names in lower case. Values hold no control characters, so that a message stays one message.
    pub fields: Vec<(String, Vec<u8>)>,
    /// Body, if any.
    pub body: Option<Vec<u8>>,
}

/// Who sends it.
#[derive(Debug, Clone, Copy)]
pub struct Sender<'a> {
    /// The site's origin.
    pub origin: &'a str,
    /// The `Cookie` line of somebody who is signed in.
    pub cookies: &'a str,
    /// The CSRF token that belongs to it.
    pub csrf: &'a str,
    /// A password that opens an account.
    pub password: &'a str,
}

/// `(method, path, operation)` of everything in a description.
///
/// # Panics
/// When it is none.
#[must_use]
pub fn operations(document: &Value) -> Vec<(String, String, Value)> {
    const METHODS: [&str; 5] = ["get", "post", "put", "patch", "delete"];
    let paths = document["paths"].as_object().expect("paths");
    let of_path = |(path, item): (&String, &Value)| {
        let operations = item.as_object().expect("operations").iter().filter(|(method, _)| METHODS.contains(&method.as_str()));
        let all: Vec<_> = operations.map(|(method, op)| (method.to_uppercase(), path.clone(), op.clone())).collect();
        all
    };
    paths.iter().flat_map(of_path).collect()
}

/// A request of one operation.
#[must_use]
pub fn draft(dice: &mut Dice, sender: Sender<'_>, (method, path, operation): &(String, String, Value)) -> Draft {
    let mut fields = Vec::new();
    who(dice, sender, &mut fields);
    from_where(dice, sender, &mut fields);
    odd(dice, &mut fields);
    let body = operation.get("requestBody").is_some() || dice.one_in(12);
    let body = body.then(|| octets(dice, sender, operation));
    if body.is_some() {
        media(dice, operation, &mut fields);
    }
    Draft { method: method.clone(), target: target(dice, path), fields, body }
}

fn target(dice: &mut Dice, path: &str) -> String {
    let id = match dice.below(4) {
        0 => text(dice, ""),
        1 => "x".repeat(1 + dice.below(200)),
        _ => "00000000-0000-4000-8000-000000000000".to_owned(),
    };
    let escaped = percent(&id);
    let path = path.replace("{id}", if escaped.is_empty() { "x" } else { &escaped });
    if dice.one_in(8) { format!("{path}?{}={}", percent(&text(dice, "")), percent(&text(dice, ""))) } else { path }
}

/// Everything but letters and digits as `%XX`. The characters that the door refuses in a path whatever they are in would hide the
/// application behind it most of the time, so most of them are left out.
fn percent(text: &str) -> String {
    let harmless = text.chars().filter(|c| !matches!(c, '/' | '\\' | '%' | '\0'..='\u{1f}' | '\u{7f}'));
    harmless.take(300).collect::<String>().bytes().fold(String::new(), |mut out, byte| {
        use std::fmt::Write as _;
        let _ = if byte.is_ascii_alphanumeric() { write!(out, "{}", char::from(byte)) } else { write!(out, "%{byte:02X}") };
        out
    })
}

/// Cookies and CSRF token: good, bad, absent.
fn who(dice: &mut Dice, sender: Sender<'_>, fields: &mut Vec<(String, Vec<u8>)>) {
    let line = match dice.below(8) {
        0 => None,
        1 => Some(format!("__Host-doorward_session={}", "A".repeat(43))),
        2 => Some(format!("{0}; {0}", sender.cookies)),
        3 => Some(text(dice, sender.password)),
        _ => Some(sender.cookies.to_owned()),
    };
    fields.extend(line.map(|line| ("cookie".to_owned(), clean(line.into_bytes()))));
    let token = match dice.below(8) {
        0 => None,
        1 => Some("x".repeat(dice.below(2000)).into_bytes()),
        2 => Some(b"\xff\xfe".to_vec()),
        _ => Some(sender.csrf.as_bytes().to_vec()),
    };
    fields.extend(token.map(|token| ("x-csrf-token".to_owned(), token)));
}

fn from_where(dice: &mut Dice, sender: Sender<'_>, fields: &mut Vec<(String, Vec<u8>)>) {
    let (name, value) = match dice.below(10) {
        0 => ("sec-fetch-site", *dice.pick(&["cross-site", "", "same-site", "none", "\"same-origin\""])),
        1 => ("origin", *dice.pick(&["null", "https://evil.test", "", sender.origin])),
        2 => return,
        _ => ("sec-fetch-site", "same-origin"),
    };
    fields.push((name.to_owned(), value.as_bytes().to_vec()));
}

/// Fields that somebody may read.
fn odd(dice: &mut Dice, fields: &mut Vec<(String, Vec<u8>)>) {
    const ACCEPT: [&str; 8] = [
        "text/html",
        "application/problem+json",
        "application/json;q=0, text/html;q=0.1",
        "*/*;q=0",
        ",,,;q=;=",
        "text/html;q=99999999999999999999",
        "application/json, application/problem+json;q=0.999999",
        "",
    ];
    const NAMES: [&str; 12] = [
        "user-agent",
        "accept-language",
        "accept-encoding",
        "x-forwarded-for",
        "x-forwarded-host",
        "if-match",
        "if-none-match",
        "range",
        "authorization",
        "x-debug",
        "content-encoding",
        "x-http-method-override",
    ];
    if dice.one_in(3) {
        fields.push(("accept".to_owned(), dice.pick(&ACCEPT).as_bytes().to_vec()));
    }
    for name in NAMES {
        if dice.one_in(12) {
            fields.push((name.to_owned(), clean(text(dice, "").into_bytes())));
        }
    }
    if dice.one_in(12) {
        fields.push(("x-noise".to_owned(), clean((0..dice.below(300)).map(|_| dice.roll() as u8).collect())));
    }
}

/// What may stand in a field's value: nothing that ends it, nothing at its ends that a reader would trim.
fn clean(mut value: Vec<u8>) -> Vec<u8> {
    value.retain(|octet| *octet >= b' ' && *octet != 0x7f);
    value.truncate(4000);
    value.trim_ascii().to_vec()
}

fn media(dice: &mut Dice, operation: &Value, fields: &mut Vec<(String, Vec<u8>)>) {
    const WRONG: [&str; 10] = [
        "text/plain",
        "application/json; charset=utf-16",
        "application/json; charset=\"utf-8\"; a=b",
        "application/jsonx",
        "APPLICATION/JSON",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "application/json, text/plain",
        "/",
        "",
    ];
    let right = operation["requestBody"]["content"].as_object().and_then(|all| all.keys().next());
    let right = right.map_or("application/json", String::as_str);
    match dice.below(16) {
        0 => {}
        1 => fields.extend([right, "text/plain"].map(|value| ("content-type".to_owned(), value.as_bytes().to_vec()))),
        2 | 3 => fields.push(("content-type".to_owned(), dice.pick(&WRONG).as_bytes().to_vec())),
        _ => fields.push(("content-type".to_owned(), right.as_bytes().to_vec())),
    }
}

/// A text that is likely to hurt somebody.
pub fn text(dice: &mut Dice, password: &str) -> String {
    const PIECES: [&str; 27] = [
        "",
        " ",
        "ada@app.test",
        "ADA@APP.TEST",
        "short",
        "a long and unusual sentence",
        "a\u{0}b",
        "\u{1b}[2J",
        "\u{202e}gnp.exe",
        "e\u{301}",
        "\u{fffd}\u{10ffff}",
        "\r\nBcc: eve@app.test",
        "' OR 1=1 --",
        "\"; DROP TABLE users; --",
        "$1 :a @b ?1 \\x00",
        "{{7*7}}${7*7}<%= 7*7 %>",
        "<script>alert(1)</script>",
        "../../etc/passwd",
        "%00%0d%0a",
        "https://app.test/a.png",
        "http://169.254.169.254/",
        "javascript:alert(1)",
        "00000000-0000-4000-8000-000000000000",
        "9007199254740993",
        "null",
        "$argon2id$v=19$m=4294967295,t=4294967295,p=255$c2FsdA$aGFzaA",
        "ﷺ",
    ];
    let piece = *dice.pick(&PIECES);
    match dice.below(12) {
        0 => piece.repeat(dice.below(400)),
        1 => format!("{piece}{}", dice.pick(&PIECES)),
        2 => (0..dice.below(64)).map(|_| char::from_u32(dice.roll() as u32 % 0x11_0000).unwrap_or('x')).collect(),
        3 => "A".repeat(43),
        4 | 5 => password.to_owned(),
        _ => piece.to_owned(),
    }
}

fn anything(dice: &mut Dice, depth: usize) -> Value {
    match dice.below(if depth == 0 { 7 } else { 9 }) {
        0 => Value::Null,
        1 => json!(dice.one_in(2)),
        2 => json!(dice.roll()),
        3 => json!(-1),
        4 => json!(1.5e300),
        5 | 6 => json!(text(dice, "")),
        7 => (0..dice.below(4)).map(|_| anything(dice, depth - 1)).collect(),
        _ => Value::Object((0..dice.below(4)).map(|_| (text(dice, ""), anything(dice, depth - 1))).collect()),
    }
}

/// An object after its schema, with faults here and there.
fn object(dice: &mut Dice, sender: Sender<'_>, schema: &Value) -> Value {
    let mut out = Map::new();
    for (name, of) in schema["properties"].as_object().into_iter().flatten() {
        let value = match dice.below(10) {
            0 => continue,
            1 | 2 => anything(dice, 3),
            3 | 4 => json!(text(dice, sender.password)),
            _ => fitting(dice, sender, name, of),
        };
        out.insert(name.clone(), value);
    }
    if dice.one_in(6) {
        out.insert(text(dice, ""), anything(dice, 3));
    }
    if dice.one_in(40) {
        out.extend((0..70).map(|i| (format!("k{i}"), Value::Null)));
    }
    Value::Object(out)
}

/// A value that the description allows.
fn fitting(dice: &mut Dice, sender: Sender<'_>, name: &str, of: &Value) -> Value {
    match (of["format"].as_str(), of["type"].as_str()) {
        (Some("email"), _) => json!(format!("somebody{}@app.test", dice.below(20))),
        (Some("password"), _) => json!(sender.password),
        (Some("uri"), _) => json!("https://img.app.test/a.png"),
        (_, Some("boolean")) => json!(dice.one_in(2)),
        _ if name == "token" || name == "invitation" => json!("A".repeat(43)),
        _ => json!("a plain text"),
    }
}

fn octets(dice: &mut Dice, sender: Sender<'_>, operation: &Value) -> Vec<u8> {
    let content = operation["requestBody"]["content"].as_object().and_then(|all| all.values().next());
    let schema = content.map_or(&Value::Null, |content| &content["schema"]);
    let whole = if dice.one_in(8) { anything(dice, 6) } else { object(dice, sender, schema) }.to_string().into_bytes();
    match dice.below(24) {
        0 => Vec::new(),
        1 => whole[..dice.below(whole.len() + 1)].to_vec(),
        2 => {
            let mut broken = whole;
            let at = dice.below(broken.len().max(1));
            if let Some(octet) = broken.get_mut(at) {
                *octet = dice.roll() as u8;
            }
            broken
        }
        3 => (0..dice.below(200)).map(|_| dice.roll() as u8).collect(),
        4 => "[".repeat(dice.below(7000)).into_bytes(),
        5 => "{\"a\":".repeat(dice.below(1400)).into_bytes(),
        6 => [&whole[..], b"\xff"].concat(),
        7 => [b"\xef\xbb\xbf", &whole[..]].concat(),
        8 => String::from_utf8_lossy(&whole).encode_utf16().flat_map(u16::to_le_bytes).collect(),
        9 => twice(&whole),
        10 => [&whole[..], &whole[..]].concat(),
        11 if dice.one_in(2) => "x".repeat(60_000).into_bytes(),
        _ => whole,
    }
}

/// The members of an object once more behind themselves: every key is there twice.
fn twice(object: &[u8]) -> Vec<u8> {
    match object.strip_suffix(b"}") {
        Some(open) if object.len() > 2 && object.starts_with(b"{") => [open, b",", &object[1..]].concat(),
        _ => object.to_vec(),
    }
}
