//! The folder into which the door writes its mail.

use std::path::PathBuf;
use std::time::Duration;

use crate::house::until;

/// All mail of one house.
#[derive(Debug, Clone)]
pub struct Mailbox {
    folder: PathBuf,
}

/// One message.
#[derive(Debug, Clone)]
pub struct Mail {
    /// The file it was read from.
    pub path: PathBuf,
    /// The whole file.
    pub text: String,
}

impl Mailbox {
    /// The mailbox in a folder.
    #[must_use]
    pub fn at(folder: &std::path::Path) -> Self {
        Self::new(folder.to_owned())
    }

    pub(crate) fn new(folder: PathBuf) -> Self {
        Self { folder }
    }

    /// Every message so far, in the order of their file names.
    #[must_use]
    pub fn all(&self) -> Vec<Mail> {
        let Ok(entries) = std::fs::read_dir(&self.folder) else { return Vec::new() };
        let mut paths: Vec<PathBuf> = entries.filter_map(|entry| entry.ok().map(|entry| entry.path())).collect();
        paths.retain(|path| path.extension().is_some_and(|end| end == "eml"));
        paths.sort();
        let read = |path: PathBuf| std::fs::read_to_string(&path).ok().map(|text| Mail { path, text });
        paths.into_iter().filter_map(read).collect()
    }

    /// Every message to an address.
    #[must_use]
    pub fn to(&self, address: &str) -> Vec<Mail> {
        self.all().into_iter().filter(|mail| mail.field("to").is_some_and(|to| to.contains(address))).collect()
    }

    /// The newest message to an address; waits for the outbox to send it.
    #[track_caller]
    #[must_use]
    pub fn wait_for(&self, address: &str) -> Mail {
        self.wait_for_nth(address, 1)
    }

    /// The n-th message to an address, counted from one; waits for it.
    #[track_caller]
    #[must_use]
    pub fn wait_for_nth(&self, address: &str, n: usize) -> Mail {
        until(Duration::from_secs(15), &format!("mail {n} to {address} in {}", self.folder.display()), || {
            self.to(address).into_iter().nth(n - 1)
        })
    }
}

impl Mail {
    /// A header field, unfolded.
    #[must_use]
    pub fn field(&self, name: &str) -> Option<String> {
        let head = self.text.split("\r\n\r\n").next()?.split("\n\n").next()?;
        let head = head.replace("\r\n", "\n").replace("\n ", " ").replace("\n\t", " ");
        let hit = head.lines().find(|line| {
            line.len() > name.len() && line.as_bytes()[name.len()] == b':' && line[..name.len()].eq_ignore_ascii_case(name)
        })?;
        Some(hit[name.len() + 1..].trim().to_owned())
    }

    /// The body as a person reads it: base64 and quoted-printable undone.
    #[must_use]
    pub fn body(&self) -> String {
        let text = self.text.replace("\r\n", "\n");
        let body = text.split_once("\n\n").map_or("", |(_, body)| body);
        match self.field("content-transfer-encoding").unwrap_or_default().to_ascii_lowercase().as_str() {
            "base64" => {
                use base64::Engine as _;
                let joined: String = body.split_whitespace().collect();
                String::from_utf8(base64::engine::general_purpose::STANDARD.decode(joined).unwrap()).unwrap()
            }
            "quoted-printable" => unquote(body),
            _ => body.to_owned(),
        }
    }

    /// The first `https://` link.
    #[track_caller]
    #[must_use]
    pub fn link(&self) -> String {
        let body = self.body();
        let start = body.find("https://").unwrap_or_else(|| panic!("no link in {}", self.text));
        body[start..].split(|c: char| c.is_whitespace() || c == '>').next().unwrap_or_default().to_owned()
    }

    /// The token, which the link carries in its fragment (D-07).
    #[track_caller]
    #[must_use]
    pub fn token(&self) -> String {
        let link = self.link();
        let (_, fragment) = link.split_once('#').unwrap_or_else(|| panic!("no fragment in {link}"));
        fragment.rsplit('=').next().unwrap_or(fragment).to_owned()
    }
}

/// RFC 2045 §6.7.
fn unquote(text: &str) -> String {
    let joined = text.replace("=\n", "");
    let mut out = Vec::new();
    let mut rest = joined.as_bytes();
    while let Some((&first, tail)) = rest.split_first() {
        let hex = (first == b'=').then(|| tail.get(..2)).flatten().and_then(|pair| std::str::from_utf8(pair).ok());
        match hex.and_then(|pair| u8::from_str_radix(pair, 16).ok()) {
            Some(byte) => {
                out.push(byte);
                rest = &tail[2..];
            }
            None => {
                out.push(first);
                rest = tail;
            }
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}
