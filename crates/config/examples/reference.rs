//! Prints `docs/reference/configuration.md`.

use std::io::Write as _;

fn main() -> std::io::Result<()> {
    std::io::stdout().write_all(doorward_config::reference::markdown().as_bytes())
}
