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
    out.push_str(&format!("{count} {noun} in {}", faults.file().display()));
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

/// One line of the file, and the spot in it. A value that might be a secret is cut off together with what follows.
fn shown_line(text: &str, place: &Place, hidden: bool) -> (String, Range<usize>) {
    let start = text[..place.span.start].rfind('\n').map_or(0, |at| at + 1);
    let end = text[start..].find('\n').map_or(text.len(), |at| start + at);
    let line = text[start..end].trim_end_matches('\r');
    let key = line.split_once('=').map_or(line, |(key, _)| key);
    if hidden || looks_secret(key.trim()) {
        let is_header = line.trim_start().starts_with('[');
        let shown = if is_header || !line.contains('=') && !hidden { line.to_owned() } else { format!("{} …", cut(line)) };
        let width = key.trim_end().len().min(shown.len());
        let indent = shown.len() - shown.trim_start().len();
        return (shown, indent.min(width)..width);
    }
    let from = (place.span.start - start).min(line.len());
    let to = (place.span.end - start).clamp(from, line.len());
    (line.to_owned(), from..to)
}

/// Everything up to and with the first `=`; nothing when there is none, since the line may be all value.
fn cut(line: &str) -> &str {
    line.find('=').map_or("", |at| &line[..=at])
}
