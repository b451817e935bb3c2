//! The explanation as a person reads it.

use std::fmt::Write as _;

use super::Explanation;

impl Explanation {
    /// One thing a line; `color` makes the headings bold.
    #[must_use]
    pub fn render(&self, color: bool) -> String {
        let mut out = String::new();
        let title = |out: &mut String, text: &str| {
            let (on, off) = if color { ("\u{1b}[1m", "\u{1b}[0m") } else { ("", "") };
            let _ = writeln!(out, "{on}{text}{off}");
        };
        title(&mut out, "Who is calling");
        for step in &self.address.steps {
            let _ = writeln!(out, "  {step}");
        }
        line(&mut out, "client", &self.address.client);
        line(&mut out, "counted by", &self.address.line);
        if let Some(network) = &self.address.network {
            line(&mut out, "and within", network);
        }
        out.push('\n');
        title(&mut out, "Gates");
        if self.gates.is_empty() {
            let _ = writeln!(out, "  there are none");
        }
        for knock in &self.gates {
            let told = match &knock.allowed_by {
                Some(network) => format!("may knock at {}: {network} is on its list", knock.host),
                None => format!("stays outside of {}: on no network of its list, 403", knock.host),
            };
            line(&mut out, &knock.gate, &told);
        }
        out.push('\n');
        title(&mut out, "The request");
        let way = &self.way;
        line(&mut out, "host", &way.host);
        line(&mut out, "path", &way.path);
        let status = way.status.map_or(String::new(), |status| format!("{status}: "));
        line(&mut out, "decision", &format!("{status}{}", way.decision));
        for (label, value) in [
            ("access", way.access),
            ("prefix", way.prefix.as_deref()),
            ("gate", way.gate.as_deref()),
            ("upstream", way.upstream.as_deref()),
            ("which is", way.target.as_deref()),
        ] {
            if let Some(value) = value {
                line(&mut out, label, value);
            }
        }
        out.push('\n');
        title(&mut out, "Every answer there carries");
        for (name, value) in &way.answer {
            let _ = writeln!(out, "  {name}: {value}");
        }
        out
    }
}

fn line(out: &mut String, label: &str, value: &str) {
    let _ = writeln!(out, "  {label:<12}{value}");
}
