//! The exposure map as a person reads it, in a terminal of 100 columns.

use std::fmt::Write as _;

use super::{Exposure, GateMap, HostMap};

/// Widths of the columns, for a terminal of 100.
const FIRST: usize = 30;
const SECOND: usize = 11;
const THIRD: usize = 46;

impl Exposure {
    /// The map as a table; `color` makes the headings bold.
    #[must_use]
    pub fn render(&self, color: bool) -> String {
        let mut page = Page { out: String::new(), color };
        page.title("Listeners");
        page.columns(["ADDRESS", "KIND", "SERVES", "CONTROL"]);
        for listener in &self.listeners {
            page.row(&listener.address, listener.kind, listener.serves, listener.control.0);
            for networks in listener.proxied_from.chunks(2) {
                page.row("", "", &format!("for {} by the PROXY protocol", networks.join(", ")), "PROXY-06");
            }
        }
        page.out.push('\n');
        page.title("Servers");
        page.columns(["FOR", "KIND", "ADDRESS", "CONTROL"]);
        for server in &self.servers {
            let address = [server.address.as_deref(), server.protection].into_iter().flatten().collect::<Vec<_>>().join(", ");
            let (kind, address) = if address.is_empty() { ("here", server.kind) } else { (server.kind, address.as_str()) };
            page.row(server.purpose, kind, address, server.control.0);
        }
        for host in &self.hosts {
            page.out.push('\n');
            page.host(host);
        }
        page.out.push_str("\nEvery other host and path is refused here and reaches no upstream (EXPO-03, GATE-07).\n");
        page.out
    }
}

struct Page {
    out: String,
    color: bool,
}

impl Page {
    fn host(&mut self, host: &HostMap) {
        self.title(&host.host);
        if let Some(gate) = &host.gate {
            self.gate(gate);
        }
        self.columns(["PATH", "WHO PASSES", "LEADS TO", "CONTROL"]);
        for path in &host.paths {
            let target = match &path.upstream {
                Some(name) => format!("{name}, {}{}", path.target, if path.websocket { ", WebSocket" } else { "" }),
                None => path.target.clone(),
            };
            self.row(&path.path, path.access, &target, path.control.0);
            if !path.roles.is_empty() {
                self.row("", "", &format!("only with the role {}", path.roles.join(" or ")), "");
            }
        }
    }

    /// What is asked before any path: the network, then the password.
    fn gate(&mut self, gate: &GateMap) {
        self.wide_row("behind the gate", &gate.name, "");
        for (index, networks) in gate.allow.chunks(2).enumerate() {
            let (label, control) = if index == 0 { ("first, from these networks", "GATE-03") } else { ("", "") };
            self.wide_row(label, &networks.join(", "), control);
        }
        self.wide_row("then, with a password of", &gate.users_file, "GATE-15");
        if gate.operator_session {
            self.wide_row("then, with a session of", "an operator who has shown a second factor", "D-14");
        }
        self.wide_row("answers carry the headers of", gate.profile, "HDR-06");
    }

    fn title(&mut self, title: &str) {
        let (on, off) = if self.color { ("\u{1b}[1m", "\u{1b}[0m") } else { ("", "") };
        let _ = writeln!(self.out, "{on}{title}{off}");
    }

    fn columns(&mut self, [first, second, third, control]: [&str; 4]) {
        let (on, off) = if self.color { ("\u{1b}[2m", "\u{1b}[0m") } else { ("", "") };
        let _ = writeln!(self.out, "  {on}{first:<FIRST$} {second:<SECOND$} {third:<THIRD$} {control}{off}");
    }

    /// One line of the table; a cell that is too long pushes the rest to a line of its own instead of being cut.
    fn row(&mut self, first: &str, second: &str, third: &str, control: &str) {
        let _ = write!(self.out, "  {first:<FIRST$} ");
        if first.chars().count() > FIRST {
            let _ = write!(self.out, "\n  {:<FIRST$} ", "");
        }
        let _ = write!(self.out, "{second:<SECOND$} ");
        self.last_cells(third, THIRD, control);
    }

    fn wide_row(&mut self, label: &str, value: &str, control: &str) {
        let _ = write!(self.out, "  {label:<FIRST$} ");
        self.last_cells(value, SECOND + 1 + THIRD, control);
    }

    fn last_cells(&mut self, value: &str, width: usize, control: &str) {
        let _ = match (value.chars().count() > width, control) {
            (_, "") => writeln!(self.out, "{value}"),
            (false, _) => writeln!(self.out, "{value:<width$} {control}"),
            (true, _) => writeln!(self.out, "{value}\n{:<1$} {control}", "", 2 + FIRST + 1 + SECOND + 1 + THIRD),
        };
    }
}
