//! The environment as an argument: nobody else asks the process for a variable.

use std::collections::BTreeMap;

/// Looks variables up.
pub trait EnvSource {
    /// The value of a variable; octets that are not Unicode come as U+FFFD.
    fn get(&self, name: &str) -> Option<String>;

    /// Names of all variables that are set.
    fn names(&self) -> Vec<String>;
}

/// The environment of this process.
#[derive(Debug, Clone, Copy, Default)]
pub struct ProcessEnv;

impl EnvSource for ProcessEnv {
    fn get(&self, name: &str) -> Option<String> {
        std::env::var_os(name).map(|value| value.to_string_lossy().into_owned())
    }

    fn names(&self) -> Vec<String> {
        std::env::vars_os().filter_map(|(name, _)| name.into_string().ok()).collect()
    }
}

/// An environment made by hand; the empty map is no environment at all.
impl EnvSource for BTreeMap<String, String> {
    fn get(&self, name: &str) -> Option<String> {
        Self::get(self, name).cloned()
    }

    fn names(&self) -> Vec<String> {
        self.keys().cloned().collect()
    }
}
