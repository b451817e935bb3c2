//! A typed reader over parsed TOML that goes on after a fault, so that all of them are told at once.
//!
//! A section is asked for its keys by name; what nobody asked for is unknown. Scalar keys of plain sections may be overridden
//! by `DOORWARD_<SECTION>__<KEY>`.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::ops::{Range, RangeInclusive};

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::env::EnvSource;
use crate::fault::{Fault, Place};

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

/// One value as written, in the file or in a variable.
pub(crate) enum Item<'a> {
    File(&'a DeValue<'a>),
    Variable(&'a str),
}

impl Item<'_> {
    pub(crate) fn text(&self) -> Result<&str, Problem> {
        match self {
            Self::Variable(text) => Ok(text),
            Self::File(value) => value.as_str().ok_or_else(|| wrong_type("a string", value)),
        }
    }

    pub(crate) fn truth(&self) -> Result<bool, Problem> {
        match self {
            Self::Variable("true") => Ok(true),
            Self::Variable("false") => Ok(false),
            Self::Variable(_) => Err(Problem::new("is neither true nor false", "")),
            Self::File(value) => value.as_bool().ok_or_else(|| wrong_type("true or false", value)),
        }
    }

    pub(crate) fn whole(&self, range: RangeInclusive<u32>) -> Result<u32, Problem> {
        let number = match self {
            Self::Variable(text) if !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit()) => text.parse::<i64>().ok(),
            Self::Variable(_) => return Err(Problem::new("is not a whole number", "digits only")),
            Self::File(DeValue::Integer(number)) => i64::from_str_radix(number.as_str(), number.radix()).ok(),
            Self::File(value) => return Err(wrong_type("a whole number", value)),
        };
        let fitting = number.and_then(|number| u32::try_from(number).ok()).filter(|number| range.contains(number));
        fitting.ok_or_else(|| Problem::new("is out of range", format!("from {} to {}", range.start(), range.end())))
    }
}

fn wrong_type(wanted: &str, value: &DeValue<'_>) -> Problem {
    Problem::new(format!("expects {wanted}, found {}", spoken(value)), "")
}

fn spoken(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "a string",
        DeValue::Integer(_) => "a whole number",
        DeValue::Float(_) => "a fraction",
        DeValue::Boolean(_) => "true or false",
        DeValue::Datetime(_) => "a date",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a table",
    }
}

/// Collects faults and remembers which variables mean something.
pub(crate) struct Reader<'e> {
    env: &'e dyn EnvSource,
    faults: RefCell<Vec<(String, At, Problem)>>,
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

    /// Points at a value that was read before.
    pub(crate) fn blame<T>(&self, value: &Located<T>, problem: Problem) {
        self.fault(value.key.clone(), value.at.clone(), problem);
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
                None => stray_variable(&name, known.iter().filter(|(_, may)| **may).map(|(name, _)| name.as_str())),
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

fn stray_variable<'n>(name: &str, known: impl Iterator<Item = &'n str>) -> Problem {
    let key = name.to_ascii_lowercase();
    if key.contains("cookie") || key.contains("samesite") {
        return no_cookie_settings();
    }
    if looks_secret(&key) {
        return Problem::new("a secret is never given in a DOORWARD variable", "use the key's _file or _env form");
    }
    Problem::new("no such setting", nearest(name, known).map_or(String::new(), |near| format!("did you mean {near}?")))
}

/// The refusal of every cookie setting (SES-02, CFG-04, D-08).
pub(crate) fn no_cookie_settings() -> Problem {
    Problem::new(
        "there is no setting that weakens the cookies",
        "remove it: cookies are always __Host-, Secure and SameSite, in every environment",
    )
}

/// Whether a key, by its name, would hold a secret in clear.
pub(crate) fn looks_secret(key: &str) -> bool {
    let key = key.to_ascii_lowercase();
    let is_reference = key.ends_with("_file") || key.ends_with("_env");
    !is_reference
        && ["password", "passwd", "secret", "token", "pepper", "credential"].iter().any(|word| key.contains(word))
        && !key.contains("password_min")
}

/// The known word that was probably meant: a third of the letters wrong at most, or one word the start of the other.
fn nearest<'n>(name: &str, known: impl Iterator<Item = &'n str>) -> Option<&'n str> {
    let letters = name.rsplit("__").next().unwrap_or(name).chars().count();
    let measured = known.map(|candidate| (strsim::damerau_levenshtein(name, candidate), candidate));
    let near = |(distance, candidate): &(usize, &str)| {
        *distance <= (letters / 3).max(1) || candidate.len() > 3 && (name.starts_with(candidate) || candidate.starts_with(name))
    };
    measured.filter(near).min_by_key(|(distance, _)| *distance).map(|(_, candidate)| candidate)
}

/// One table of the file, or none: an absent section is an empty one.
pub(crate) struct Section<'a> {
    pub(crate) reader: &'a Reader<'a>,
    path: String,
    /// Whether variables may override: not in `[[…]]`, whose entries have no stable names.
    plain: bool,
    at: At,
    entries: Vec<(&'a str, Range<usize>, &'a Spanned<DeValue<'a>>)>,
    asked: RefCell<Vec<&'static str>>,
    refused: RefCell<Vec<&'static str>>,
}

impl<'a> Section<'a> {
    pub(crate) fn new(reader: &'a Reader<'a>, path: String, plain: bool, at: At, table: Option<&'a DeTable<'a>>) -> Self {
        let entries = table.into_iter().flatten().map(|(key, value)| (key.get_ref().as_ref(), key.span(), value)).collect();
        Self { reader, path, plain, at, entries, asked: RefCell::default(), refused: RefCell::default() }
    }

    /// `section.key`
    pub(crate) fn path_of(&self, key: &str) -> String {
        if self.path.is_empty() { key.to_owned() } else { format!("{}.{key}", self.path) }
    }

    /// Reports something about the section as a whole, at its head.
    pub(crate) fn blame(&self, key: &str, problem: Problem) {
        self.reader.fault(self.path_of(key), self.at.clone(), problem);
    }

    /// The raw value of a key, which counts as asked for.
    pub(crate) fn raw(&self, key: &'static str) -> Option<&'a Spanned<DeValue<'a>>> {
        self.asked.borrow_mut().push(key);
        self.entries.iter().find(|(name, _, _)| *name == key).map(|(_, _, value)| *value)
    }

    /// A key that may be absent. The outer `None` means that it is there and wrong; the fault is recorded.
    pub(crate) fn maybe<T>(
        &self,
        key: &'static str,
        parse: impl FnOnce(&Item<'_>) -> Result<T, Problem>,
    ) -> Option<Option<Located<T>>> {
        let written = self.raw(key);
        let path = self.path_of(key);
        let (parsed, at) = match (self.variable(key), written) {
            (Some((name, text)), _) => (parse(&Item::Variable(&text)), At::Variable(name)),
            (None, Some(value)) => (parse(&Item::File(value.get_ref())), At::Span(value.span())),
            (None, None) => return Some(None),
        };
        match parsed {
            Ok(value) => Some(Some(Located { value, key: path, at })),
            Err(problem) => {
                self.reader.fault(path, at, problem);
                None
            }
        }
    }

    /// A key that must be there.
    pub(crate) fn required<T>(
        &self,
        key: &'static str,
        hint: &str,
        parse: impl FnOnce(&Item<'_>) -> Result<T, Problem>,
    ) -> Option<Located<T>> {
        let found = self.maybe(key, parse)?;
        if found.is_none() {
            self.blame(key, Problem::new("is missing", hint));
        }
        found
    }

    /// A key with a default.
    pub(crate) fn or<T>(&self, key: &'static str, default: T, parse: impl FnOnce(&Item<'_>) -> Result<T, Problem>) -> Option<T> {
        self.maybe(key, parse).map(|found| found.map_or(default, |located| located.value))
    }

    /// A list that may be absent; `None` when any entry is wrong, after all of them were looked at.
    pub(crate) fn list<T>(
        &self,
        key: &'static str,
        parse: impl Fn(&Item<'_>) -> Result<T, Problem>,
    ) -> Option<Option<Vec<Located<T>>>> {
        if self.plain {
            self.reader.variables.borrow_mut().insert(self.variable_name(key), false);
        }
        let Some(value) = self.raw(key) else { return Some(None) };
        let Some(array) = value.get_ref().as_array() else {
            self.reader.fault(self.path_of(key), At::Span(value.span()), wrong_type("a list", value.get_ref()).hidden());
            return None;
        };
        let mut all = Some(Vec::new());
        for (index, entry) in array.iter().enumerate() {
            let (path, at) = (format!("{}[{index}]", self.path_of(key)), At::Span(entry.span()));
            match parse(&Item::File(entry.get_ref())) {
                Ok(value) => {
                    if let Some(list) = &mut all {
                        list.push(Located { value, key: path, at });
                    }
                }
                Err(problem) => {
                    self.reader.fault(path, at, problem);
                    all = None;
                }
            }
        }
        all.map(Some)
    }

    fn variable_name(&self, key: &str) -> String {
        format!("DOORWARD_{}__{}", self.path.to_ascii_uppercase(), key.to_ascii_uppercase())
    }

    fn variable(&self, key: &str) -> Option<(String, String)> {
        if !self.plain {
            return None;
        }
        let name = self.variable_name(key);
        let text = self.reader.env.get(&name);
        self.reader.variables.borrow_mut().insert(name.clone(), true);
        text.map(|text| (name, text))
    }

    /// Refuses a key that is known and not to be had, with the reason.
    pub(crate) fn refuse(&self, key: &'static str, problem: Problem) {
        if let Some(value) = self.raw(key) {
            self.reader.fault(self.path_of(key), At::Span(value.span()), problem.hidden());
        }
        // Not unknown, and never a suggestion either.
        self.asked.borrow_mut().retain(|asked| *asked != key);
        self.refused.borrow_mut().push(key);
    }

    /// Reports every key that nobody asked for. Call last.
    pub(crate) fn finish(&self) {
        let asked = self.asked.borrow();
        #[cfg(test)]
        if let Some(name) = self.path.split('[').next().filter(|name| !name.is_empty()) {
            self.reader.keys.borrow_mut().extend(asked.iter().map(|key| format!("{name}.{key}")));
        }
        for (name, span, _) in &self.entries {
            if asked.contains(name) || self.refused.borrow().contains(name) {
                continue;
            }
            self.reader.fault(self.path_of(name), At::Span(span.clone()), unknown_key(name, &asked));
        }
    }
}

fn unknown_key(name: &str, asked: &[&'static str]) -> Problem {
    let lower = name.to_ascii_lowercase();
    if lower.contains("cookie") || lower.replace(['_', '-'], "").contains("samesite") {
        return no_cookie_settings();
    }
    let with = |ending: &str| asked.iter().find(|known| known.strip_suffix(ending) == Some(name)).copied();
    if let Some(file) = with("_file") {
        let env = with("_env").map_or(String::new(), |env| format!(", or {env} for the name of a variable"));
        return Problem::new("a secret is never written in the configuration", format!("use {file} for the path of a file{env}"))
            .hidden();
    }
    if looks_secret(name) {
        return Problem::new("a secret is never written in the configuration", "secrets come from *_file or *_env keys only")
            .hidden();
    }
    Problem::new(
        "unknown key",
        nearest(name, asked.iter().copied()).map_or(String::new(), |near| format!("did you mean {near}?")),
    )
    .hidden()
}
