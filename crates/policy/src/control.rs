//! Names of the requirements that decisions answer to.

use std::fmt;

/// The id of one row of the catalogue in `docs/guide/controls.toml`, such as `HDR-06`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize)]
#[serde(transparent)]
pub struct ControlId(pub &'static str);

impl fmt::Display for ControlId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}
