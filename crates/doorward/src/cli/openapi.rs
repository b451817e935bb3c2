//! `doorward openapi`: the API description, as the internal listener shows it.

use std::io::{self, Write as _};

use super::Exit;

/// Prints it to stdout.
#[must_use]
pub fn run() -> Exit {
    match io::stdout().write_all(doorward_app::openapi::text().as_bytes()) {
        Ok(()) => Exit::Done,
        Err(_) => Exit::Failed,
    }
}
