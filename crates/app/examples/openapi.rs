//! Prints the OpenAPI document; `cargo xtask gen` keeps it under `docs/reference`.

use std::io::{self, Write as _};

fn main() -> io::Result<()> {
    io::stdout().write_all(doorward_app::openapi::text().as_bytes())
}
