//! One section: hands out its keys, remembers which were asked for, reports the rest.

use std::cell::RefCell;
use std::ops::Range;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::item::wrong_type;
use super::word::unknown_key;
use super::{At, Item, Located, Problem, Reader};

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
