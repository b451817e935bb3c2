//! TOML from values: one section for each table, one line for each value, everything quoted that could mean something.

use std::fmt::Write as _;

use serde_json::{Map, Value};

/// Writes a table, its plain values first.
pub(super) fn write(table: &Map<String, Value>) -> String {
    let mut text = String::new();
    section(&mut text, &mut Vec::new(), table);
    text
}

fn section(text: &mut String, path: &mut Vec<String>, table: &Map<String, Value>) {
    let (tables, values): (Vec<_>, Vec<_>) = table.iter().partition(|(_, value)| value.is_object());
    // An empty table means something as well: a middleware, a resolver's challenge.
    if !path.is_empty() && (!values.is_empty() || tables.is_empty()) {
        let _ = writeln!(text, "\n[{}]", path.join("."));
    }
    for (name, value) in values {
        let _ = writeln!(text, "{} = {}", key(name), inline(value));
    }
    for (name, value) in tables {
        path.push(key(name));
        section(text, path, value.as_object().unwrap_or(&Map::new()));
        path.pop();
    }
}

fn inline(value: &Value) -> String {
    match value {
        Value::String(string) => quoted(string),
        Value::Array(items) => format!("[{}]", items.iter().map(inline).collect::<Vec<_>>().join(", ")),
        Value::Object(table) => {
            let pairs = table.iter().map(|(name, value)| format!("{} = {}", key(name), inline(value)));
            format!("{{ {} }}", pairs.collect::<Vec<_>>().join(", "))
        }
        // Nothing here makes a null, and TOML has none.
        Value::Null => quoted(""),
        Value::Bool(_) | Value::Number(_) => value.to_string(),
    }
}

fn key(name: &str) -> String {
    let is_bare = !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'));
    if is_bare { name.to_owned() } else { quoted(name) }
}

/// A basic string (TOML 1.0.0, "String").
fn quoted(string: &str) -> String {
    let mut text = String::with_capacity(string.len() + 2);
    text.push('"');
    for c in string.chars() {
        match c {
            '"' | '\\' => text.extend(['\\', c]),
            c if c.is_control() => {
                let _ = write!(text, "\\u{:04X}", u32::from(c));
            }
            c => text.push(c),
        }
    }
    text.push('"');
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reader_of_toml_finds_every_value_again_whatever_stands_in_it() {
        let evil = "a\"]\n[http]\nx = \"\\ \u{7f}\u{1}é${HOME}";
        let value = serde_json::json!({
            "plain": evil, evil: {"list": [evil, "b"], "empty": {}, "rows": [{"a": 1, "b": true}]},
        });
        let text = write(value.as_object().expect("a table"));
        assert_eq!(text.lines().filter(|line| line.starts_with("[http]")).count(), 0, "{text}");
        assert!(text.contains(r#"plain = "a\"]\u000A[http]\u000Ax = \"\\ \u007F\u0001é${HOME}""#), "{text}");
        assert!(text.contains("rows = [{ a = 1, b = true }]"), "{text}");
        assert!(text.ends_with(".empty]\n"), "{text}");
    }
}
