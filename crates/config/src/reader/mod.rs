//! A typed reader over parsed TOML that goes on after a fault, so that all of them are told at once.
//!
//! A section is asked for its keys by name; what nobody asked for is unknown. Scalar keys of plain sections may be overridden
//! by `DOORWARD_<SECTION>__<KEY>`.

mod item;
mod table;
mod word;

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::ops::Range;

use crate::env::EnvSource;
use crate::fault::{Fault, Place};
use crate::model::SecretSource;
use crate::named::NamedSecret;

pub(crate) use item::Item;
pub(crate) use table::Section;
pub(crate) use word::{looks_secret, no_cookie_settings};

/// What is wrong with one value. Repeats the value only where it cannot be a secret.
#[derive(Debug, Clone)]
pub(crate) struct Problem {
    problem: String,
    hint: String,
    hidden: bool,
}

impl Problem {
    pub(crate) fn new(problem: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { problem: problem.into(), hint: hint.into(), hidden: false }
    }

    /// Keeps the line out of what a person is shown.
    pub(crate) fn hidden(self) -> Self {
        Self { hidden: true, ..self }
    }
}

/// Where a value was written.
#[derive(Debug, Clone)]
pub(crate) enum At {
    Span(Range<usize>),
    Variable(String),
    Nowhere,
}

/// A value and the place to point at when something else contradicts it.
#[derive(Debug, Clone)]
pub(crate) struct Located<T> {
    pub(crate) value: T,
    pub(crate) key: String,
    pub(crate) at: At,
}

impl<T> Located<T> {
    /// Another value at the same place.
    pub(crate) fn map<U>(self, make: impl FnOnce(T) -> U) -> Located<U> {
        Located { value: make(self.value), key: self.key, at: self.at }
    }

    /// The place alone.
    pub(crate) fn place(&self) -> Located<()> {
        Located { value: (), key: self.key.clone(), at: self.at.clone() }
    }
}

/// Collects faults and remembers which variables mean something.
pub(crate) struct Reader<'e> {
    env: &'e dyn EnvSource,
    faults: RefCell<Vec<(String, At, Problem)>>,
    secrets: RefCell<Vec<NamedSecret>>,
    /// Variable to whether it may be set: those of lists may not.
    variables: RefCell<BTreeMap<String, bool>>,
    /// `section.key` of everything that was asked for and not refused; the reference is held against it.
    #[cfg(test)]
    keys: RefCell<std::collections::BTreeSet<String>>,
}

impl<'e> Reader<'e> {
    pub(crate) fn new(env: &'e dyn EnvSource) -> Self {
        Self {
            env,
            faults: RefCell::default(),
            secrets: RefCell::default(),
            variables: RefCell::default(),
            #[cfg(test)]
            keys: RefCell::default(),
        }
    }

    #[cfg(test)]
    pub(crate) fn into_keys(self) -> std::collections::BTreeSet<String> {
        self.keys.into_inner()
    }

    pub(crate) fn env(&self) -> &dyn EnvSource {
        self.env
    }

    pub(crate) fn fault(&self, key: impl Into<String>, at: At, problem: Problem) {
        self.faults.borrow_mut().push((key.into(), at, problem));
    }

    /// Notes a secret that is named, whatever becomes of the rest of the file.
    pub(crate) fn names(&self, section: &str, source: &SecretSource) {
        self.secrets.borrow_mut().extend(NamedSecret::new(section, source));
    }

    pub(crate) fn secrets(&self) -> Vec<NamedSecret> {
        self.secrets.borrow().clone()
    }

    /// Points at a value that was read before.
    pub(crate) fn blame<T>(&self, value: &Located<T>, problem: Problem) {
        self.fault(value.key.clone(), value.at.clone(), problem);
    }

    /// As [`Self::blame`] for several; tells whether there were any.
    pub(crate) fn blame_each(&self, faults: Vec<(Located<()>, Problem)>) -> bool {
        let any = !faults.is_empty();
        faults.into_iter().for_each(|(place, problem)| self.blame(&place, problem));
        any
    }

    /// Reports `DOORWARD_…__…` variables that nobody asked for: a misspelt override must not be a silent default.
    pub(crate) fn refuse_stray_variables(&self) {
        for name in self.env.names() {
            if !(name.starts_with("DOORWARD_") && name.contains("__")) {
                continue;
            }
            let known = self.variables.borrow();
            let problem = match known.get(&name) {
                Some(true) => continue,
                Some(false) => Problem::new("a list cannot be set by a variable", "set it in the file"),
                None => word::stray_variable(&name, known.iter().filter(|(_, may)| **may).map(|(name, _)| name.as_str())),
            };
            drop(known);
            self.fault("", At::Variable(name), problem);
        }
    }

    pub(crate) fn into_faults(self, text: &str) -> Vec<Fault> {
        let describe = |(key, at, problem): (String, At, Problem)| {
            let (place, variable) = match at {
                At::Span(span) => (Some(Place::find(text, span)), None),
                At::Variable(name) => (None, Some(name)),
                At::Nowhere => (None, None),
            };
            Fault { key, place, variable, problem: problem.problem, hint: problem.hint, hidden: problem.hidden }
        };
        self.faults.into_inner().into_iter().map(describe).collect()
    }
}
