//! One answer, every field as it was on the wire.

use std::fmt;

use serde_json::Value;

/// An answer.
#[derive(Clone, Default)]
pub struct Reply {
    /// Status.
    pub status: u16,
    /// Fields in wire order, duplicates kept, names as sent.
    pub headers: Vec<(String, String)>,
    /// Body without its framing.
    pub body: Vec<u8>,
    /// Trailer fields.
    pub trailers: Vec<(String, String)>,
    /// The head as it was sent; empty for HTTP/2.
    pub raw_head: Vec<u8>,
}

impl Reply {
    pub(crate) fn parse_head(raw: Vec<u8>) -> Result<Self, String> {
        let mut lines = raw.split(|byte| *byte == b'\n');
        let first = String::from_utf8_lossy(lines.next().unwrap_or_default()).trim_end().to_owned();
        let mut words = first.splitn(3, ' ');
        if !matches!(words.next(), Some("HTTP/1.1" | "HTTP/1.0")) {
            return Err(format!("status line {first:?}"));
        }
        let status = words.next().unwrap_or_default().parse().map_err(|_| format!("status line {first:?}"))?;
        let headers = lines.filter(|line| !line.is_empty() && *line != b"\r").map(field).collect::<Result<_, _>>()?;
        Ok(Self { status, headers, raw_head: raw, ..Self::default() })
    }

    /// The value of a field that must not occur twice.
    #[track_caller]
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        let all = self.all(name);
        assert!(all.len() < 2, "{name} occurs {} times in {self:?}", all.len());
        all.first().copied()
    }

    /// Every value of a field.
    #[must_use]
    pub fn all(&self, name: &str) -> Vec<&str> {
        self.headers.iter().filter(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, v)| v.as_str()).collect()
    }

    /// Field names in lower case, sorted, each once.
    #[must_use]
    pub fn names(&self) -> Vec<String> {
        let mut names: Vec<_> = self.headers.iter().map(|(name, _)| name.to_ascii_lowercase()).collect();
        names.sort();
        names.dedup();
        names
    }

    /// The body as text.
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The body as JSON.
    #[track_caller]
    #[must_use]
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// `Set-Cookie` values of one cookie.
    #[must_use]
    pub fn set_cookies(&self, name: &str) -> Vec<&str> {
        let starts = |value: &&str| value.strip_prefix(name).is_some_and(|rest| rest.starts_with('='));
        self.all("set-cookie").into_iter().filter(starts).collect()
    }

    /// Asserts the status.
    #[track_caller]
    pub fn expect(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{self:?}");
        self
    }
}

pub(crate) fn field(line: &[u8]) -> Result<(String, String), String> {
    let text = String::from_utf8_lossy(line).into_owned();
    let (name, value) = text.trim_end_matches(['\r', '\n']).split_once(':').ok_or_else(|| format!("field {text:?}"))?;
    if name.is_empty() || name.ends_with(' ') {
        return Err(format!("field {text:?}"));
    }
    Ok((name.to_owned(), value.trim_matches([' ', '\t']).to_owned()))
}

impl fmt::Debug for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.status)?;
        for (name, value) in &self.headers {
            writeln!(f, "  {name}: {value}")?;
        }
        let text = self.text();
        write!(f, "  ({} octets) {}", self.body.len(), text.chars().take(600).collect::<String>())
    }
}
