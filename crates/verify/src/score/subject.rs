//! What is scored.

/// What the plain listener said to a request for a page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Plain {
    /// Nothing listens.
    Closed,
    /// No redirect.
    Page,
    /// A redirect, with its `Location`.
    Redirect(String),
}

/// A request that asks whether another origin may read, and its answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Preflight {
    /// Who asked.
    pub origin: String,
    /// Fields of the answer.
    pub fields: Vec<(String, String)>,
}

/// A site as a scanner meets it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subject {
    /// Host of the site.
    pub host: String,
    /// Fields of the answer to `/`, names in lower case, as they were on the wire.
    pub fields: Vec<(String, String)>,
    /// The page at `/`.
    pub body: String,
    /// Whether the certificate verifies.
    pub trusted: bool,
    /// What the plain listener says.
    pub plain: Plain,
    /// The preflight, when one was made.
    pub preflight: Option<Preflight>,
}

impl Subject {
    /// Every value of a field.
    pub(super) fn values<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        values(&self.fields, name)
    }

    /// A field as the scanner's library gives it: several of one name are one value with commas, `Content-Type` is the first.
    pub(super) fn value(&self, name: &str) -> Option<String> {
        value(&self.fields, name)
    }

    /// Whether the answer is a page.
    pub(super) fn is_html(&self) -> bool {
        let media = self.value("content-type").unwrap_or_default();
        matches!(media.split(';').next(), Some("text/html" | "application/xhtml+xml"))
    }
}

pub(super) fn values<'a>(fields: &'a [(String, String)], name: &'a str) -> impl Iterator<Item = &'a str> {
    fields.iter().filter(move |(seen, _)| seen == name).map(|(_, value)| value.as_str())
}

pub(super) fn value(fields: &[(String, String)], name: &str) -> Option<String> {
    let all: Vec<&str> = values(fields, name).map(str::trim).collect();
    match (all.first(), name) {
        (None, _) => None,
        (Some(first), "content-type") => Some((*first).to_owned()),
        _ => Some(all.join(", ")),
    }
}
