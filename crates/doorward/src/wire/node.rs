//! What this node is called in audit rows: as configured, or as the machine is called.

use doorward_config::Config;

/// The longest name.
const MAX_BYTES: usize = 63;

/// The configured name, the machine's, or the site's host where the machine does not tell.
pub(super) fn name(config: &Config) -> String {
    let site = || config.site.origin.host().as_str().chars().take(MAX_BYTES).collect();
    config.site.node.clone().or_else(machine).unwrap_or_else(site)
}

fn machine() -> Option<String> {
    let text = ["/proc/sys/kernel/hostname", "/etc/hostname"].iter().find_map(|path| std::fs::read_to_string(path).ok())?;
    named(&text)
}

/// What a machine says of itself is held to what a configured name is held to.
fn named(text: &str) -> Option<String> {
    let name = text.trim();
    let fine = (1..=MAX_BYTES).contains(&name.len()) && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b));
    fine.then(|| name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::named;

    #[test]
    fn a_machine_with_a_strange_name_has_none() {
        assert_eq!(named("web-1\n").as_deref(), Some("web-1"));
        for strange in ["", "\n", "(none)", "a b", "x\u{1b}[2J", &"n".repeat(64)] {
            assert_eq!(named(strange), None, "{strange:?}");
        }
    }
}
