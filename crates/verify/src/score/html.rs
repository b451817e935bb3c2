//! What a scanner reads out of a page: tags of scripts, and tags that stand for fields.

use super::subject::Subject;

/// A page.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Page {
    pub(super) policies: Vec<String>,
    pub(super) referrer: Option<String>,
    pub(super) scripts: Vec<Script>,
}

/// A tag of a script.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Script {
    pub(super) source: Option<String>,
    pub(super) integrity: Option<String>,
}

impl Page {
    pub(super) fn of(subject: &Subject) -> Self {
        let mut page = Self::default();
        if !subject.is_html() {
            return page;
        }
        for (name, attributes) in tags(&subject.body) {
            let get = |wanted: &str| {
                let found = attributes.iter().find(|(name, _)| name == wanted);
                found.map(|(_, value)| value.clone()).filter(|value| !value.is_empty())
            };
            match name.as_str() {
                "script" => page.scripts.push(Script { source: get("src"), integrity: get("integrity") }),
                "meta" => match (get("http-equiv"), get("content")) {
                    (Some(field), Some(content)) if field.trim().eq_ignore_ascii_case("content-security-policy") => {
                        page.policies.push(content);
                    }
                    (None, Some(content)) if get("name").is_some_and(|name| name.trim().eq_ignore_ascii_case("referrer")) => {
                        page.referrer = Some(content);
                    }
                    _ => {}
                },
                _ => {}
            }
        }
        page
    }
}

type Attributes = Vec<(String, String)>;

/// Opening tags outside comments and outside the text of scripts and styles.
fn tags(html: &str) -> Vec<(String, Attributes)> {
    let mut all = Vec::new();
    let mut rest = html;
    while let Some(at) = rest.find('<') {
        rest = &rest[at + 1..];
        if let Some(comment) = rest.strip_prefix("!--") {
            rest = comment.split_once("-->").map_or("", |(_, after)| after);
            continue;
        }
        if !rest.starts_with(|c: char| c.is_ascii_alphabetic()) {
            continue;
        }
        let end = rest.find(|c: char| c.is_whitespace() || c == '>' || c == '/').unwrap_or(rest.len());
        let name = rest[..end].to_ascii_lowercase();
        let (found, after) = attributes(&rest[end..]);
        rest = after;
        if matches!(name.as_str(), "script" | "style" | "title" | "textarea") {
            let closing = format!("</{name}");
            rest = rest.to_ascii_lowercase().find(&closing).map_or("", |at| &rest[at..]);
        }
        all.push((name, found));
    }
    all
}

/// Attributes up to the end of the tag, and what follows it.
fn attributes(mut rest: &str) -> (Attributes, &str) {
    let mut all = Attributes::new();
    loop {
        rest = rest.trim_start_matches(|c: char| c.is_whitespace() || c == '/');
        if rest.is_empty() {
            return (all, rest);
        }
        if let Some(after) = rest.strip_prefix('>') {
            return (all, after);
        }
        let end = rest.find(|c: char| c.is_whitespace() || matches!(c, '>' | '/' | '=')).unwrap_or(rest.len());
        // A stray `=` is a name of its own; without this step nothing would be eaten.
        let end = end.max(rest.chars().next().map_or(1, char::len_utf8));
        let name = rest[..end].to_ascii_lowercase();
        rest = rest[end..].trim_start();
        let mut value = String::new();
        if let Some(after) = rest.strip_prefix('=') {
            (value, rest) = attribute_value(after.trim_start());
        }
        if all.iter().all(|(known, _)| *known != name) {
            all.push((name, value));
        }
    }
}

fn attribute_value(text: &str) -> (String, &str) {
    let quoted = text.chars().next().filter(|c| matches!(c, '"' | '\''));
    let (value, rest) = match quoted {
        Some(quote) => text[1..].split_once(quote).unwrap_or((&text[1..], "")),
        None => text.split_at(text.find(|c: char| c.is_whitespace() || c == '>').unwrap_or(text.len())),
    };
    let plain = [("&#39;", "'"), ("&#x27;", "'"), ("&apos;", "'"), ("&quot;", "\""), ("&amp;", "&")];
    (plain.iter().fold(value.to_owned(), |value, (entity, letter)| value.replace(entity, letter)), rest)
}
