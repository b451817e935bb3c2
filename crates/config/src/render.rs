//! Faults as a person reads them: the line of the file, the spot, the problem, the way out.

use std::ops::Range;

use annotate_snippets::renderer::DecorStyle;
use annotate_snippets::{AnnotationKind, Group, Level, Origin, Renderer, Snippet};

use crate::fault::{Fault, Faults, Place};
use crate::reader::looks_secret;

const WIDTH: usize = 100;

pub(crate) fn render(faults: &Faults, text: &str, color: bool) -> String {
    let renderer = if color { Renderer::styled() } else { Renderer::plain() };
    let renderer = renderer.decor_style(DecorStyle::Unicode).term_width(WIDTH);
    let mut out = String::new();
    for fault in faults.list() {
        out.push_str(&renderer.render(&[group(fault, faults, text)]));
        out.push_str("\n\n");
    }
    let count = faults.list().len();
    let noun = if count == 1 { "fault" } else { "faults" };
    out.push_str(&format!("{count} {noun} in {}\n", faults.file().display()));
    out
}

fn group<'a>(fault: &'a Fault, faults: &'a Faults, text: &'a str) -> Group<'a> {
    let title = match (&fault.variable, fault.key.as_str()) {
        (Some(variable), _) => format!("{variable}: {}", fault.problem),
        (None, "") => fault.problem.clone(),
        (None, key) => format!("{key}: {}", fault.problem),
    };
    let mut group = Group::with_title(Level::ERROR.primary_title(title));
    let path = faults.file().display().to_string();
    group = match &fault.place {
        Some(place) => {
            let (line, span) = shown_line(text, place, fault.hidden);
            group.element(Snippet::source(line).line_start(place.line).path(path).annotation(AnnotationKind::Primary.span(span)))
        }
        None if fault.variable.is_some() => group,
        None => group.element(Origin::path(path)),
    };
    if fault.hint.is_empty() { group } else { group.element(Level::HELP.message(fault.hint.as_str())) }
}

/// One line of the file, and the spot in it. Where a value might be a secret the line ends after its key.
fn shown_line(text: &str, place: &Place, hidden: bool) -> (String, Range<usize>) {
    let start = text[..place.span.start].rfind('\n').map_or(0, |at| at + 1);
    let end = text[start..].find('\n').map_or(text.len(), |at| start + at);
    let line = text[start..end].trim_end_matches('\r');
    if hidden || may_hold_secret(line) {
        return without_value(line);
    }
    let from = (place.span.start - start).min(line.len());
    let to = (place.span.end - start).clamp(from, line.len());
    (line.to_owned(), from..to)
}

/// An inline table puts several keys on a line, and a line without a key may be the middle of a value.
fn may_hold_secret(line: &str) -> bool {
    let is_plain = |key: &str| !looks_secret(key) && !leads_to_secret(key);
    let has_key = line.trim_start().starts_with('[') || written_key(line).is_some_and(is_plain);
    line.contains('{') || !(has_key || line.trim().is_empty())
}

/// Whether a key says where a secret is: whoever writes the secret itself there is not to read it again.
fn leads_to_secret(key: &str) -> bool {
    let place = key.strip_suffix("_file").or_else(|| key.strip_suffix("_env"));
    place.is_some_and(|name| name == "key" || name.ends_with(".key") || looks_secret(name))
}

/// `key = …`, a table's head as it is, or `…` alone.
fn without_value(line: &str) -> (String, Range<usize>) {
    if let Some(key) = written_key(line) {
        return (format!("{key} = …"), 0..key.len());
    }
    let head = line.trim();
    let is_head = head.starts_with('[') && head.ends_with(']') && head.trim_matches(['[', ']']).bytes().all(is_key_octet);
    if is_head { (head.to_owned(), 0..head.len()) } else { ("…".to_owned(), 0..'…'.len_utf8()) }
}

fn written_key(line: &str) -> Option<&str> {
    let key = line.split_once('=')?.0.trim();
    (!key.is_empty() && key.bytes().all(is_key_octet)).then_some(key)
}

fn is_key_octet(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.')
}
