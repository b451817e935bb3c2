//! Dictionaries of structured fields (RFC 9651 §3.2), as far as `Permissions-Policy` and `Reporting-Endpoints` use them.

use std::collections::BTreeMap;

/// A parsed dictionary: key to its value, an inner list as several words, anything else as one. Parameters are checked and dropped.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Dictionary(BTreeMap<String, Vec<String>>);

/// The text is not a dictionary; browsers then ignore the whole field.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a structured dictionary (RFC 9651)")]
pub struct DictionaryError;

impl Dictionary {
    /// Parses one field value. A key that comes twice is an error here, although the RFC lets the last one win.
    ///
    /// # Errors
    /// [`DictionaryError`] on anything that the RFC's algorithm fails on.
    ///
    /// ```
    /// use doorward_policy::structured::Dictionary;
    /// let policy = Dictionary::parse("camera=(), fullscreen=(self)")?;
    /// assert_eq!(policy.get("fullscreen"), Some(&["self".to_owned()][..]));
    /// assert!(Dictionary::parse("camera 'none'; microphone 'none'").is_err());
    /// # Ok::<(), doorward_policy::structured::DictionaryError>(())
    /// ```
    pub fn parse(text: &str) -> Result<Self, DictionaryError> {
        let mut reader = Reader { rest: text.trim_matches(' ') };
        let mut entries = BTreeMap::new();
        if reader.rest.is_empty() {
            return Ok(Self(entries));
        }
        loop {
            let key = reader.key()?;
            let value = if reader.take('=') { reader.member()? } else { vec!["?1".to_owned()] };
            reader.parameters()?;
            if entries.insert(key, value).is_some() {
                return Err(DictionaryError);
            }
            reader.skip_white();
            if reader.rest.is_empty() {
                return Ok(Self(entries));
            }
            reader.expect(',')?;
            reader.skip_white();
        }
    }

    /// The value of a key.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&[String]> {
        self.0.get(key).map(Vec::as_slice)
    }

    /// All keys, sorted.
    pub fn keys(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    /// The first difference in meaning from `expected`, in words; order does not count.
    #[must_use]
    pub fn difference(&self, expected: &Self) -> Option<String> {
        for (key, wanted) in &expected.0 {
            match self.0.get(key) {
                None => return Some(format!("{key} is missing")),
                Some(seen) if !same_set(seen, wanted) => {
                    return Some(format!("{key} is ({}) instead of ({})", seen.join(" "), wanted.join(" ")));
                }
                Some(_) => {}
            }
        }
        let extra = self.0.keys().find(|key| !expected.0.contains_key(*key))?;
        Some(format!("unexpected {extra}"))
    }
}

fn same_set(left: &[String], right: &[String]) -> bool {
    left.iter().all(|word| right.contains(word)) && right.iter().all(|word| left.contains(word))
}

struct Reader<'a> {
    rest: &'a str,
}

impl Reader<'_> {
    fn take(&mut self, wanted: char) -> bool {
        self.rest.strip_prefix(wanted).map(|rest| self.rest = rest).is_some()
    }

    fn expect(&mut self, wanted: char) -> Result<(), DictionaryError> {
        if self.take(wanted) { Ok(()) } else { Err(DictionaryError) }
    }

    fn skip_white(&mut self) {
        self.rest = self.rest.trim_start_matches([' ', '\t']);
    }

    /// Takes the longest run of characters of a class; at least one.
    fn run(&mut self, class: impl Fn(char) -> bool) -> Result<String, DictionaryError> {
        let end = self.rest.find(|c| !class(c)).unwrap_or(self.rest.len());
        if end == 0 {
            return Err(DictionaryError);
        }
        let (word, rest) = self.rest.split_at(end);
        self.rest = rest;
        Ok(word.to_owned())
    }

    fn key(&mut self) -> Result<String, DictionaryError> {
        if !self.rest.starts_with(|c: char| c.is_ascii_lowercase() || c == '*') {
            return Err(DictionaryError);
        }
        self.run(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || "_-.*".contains(c))
    }

    fn member(&mut self) -> Result<Vec<String>, DictionaryError> {
        if !self.take('(') {
            return Ok(vec![self.bare_item()?]);
        }
        let mut items = Vec::new();
        loop {
            let before = self.rest.len();
            self.rest = self.rest.trim_start_matches(' ');
            if self.take(')') {
                return Ok(items);
            }
            // Items are kept apart by at least one space.
            if !items.is_empty() && self.rest.len() == before {
                return Err(DictionaryError);
            }
            items.push(self.bare_item()?);
            self.parameters()?;
        }
    }

    fn bare_item(&mut self) -> Result<String, DictionaryError> {
        match self.rest.chars().next() {
            Some('"') => self.string(),
            Some('?') => match self.run(|c| c == '?' || c.is_ascii_digit())?.as_str() {
                word @ ("?0" | "?1") => Ok(word.to_owned()),
                _ => Err(DictionaryError),
            },
            Some(c) if c.is_ascii_alphabetic() || c == '*' => {
                self.run(|c| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~:/".contains(c))
            }
            Some(c) if c.is_ascii_digit() || c == '-' => self.run(|c| c.is_ascii_digit() || c == '-' || c == '.'),
            _ => Err(DictionaryError),
        }
    }

    /// A quoted string; the quotes stay, so that it never equals a token.
    fn string(&mut self) -> Result<String, DictionaryError> {
        let mut out = String::from('"');
        let mut characters = self.rest.char_indices().skip(1);
        while let Some((at, character)) = characters.next() {
            match character {
                '"' => {
                    self.rest = &self.rest[at + 1..];
                    out.push('"');
                    return Ok(out);
                }
                '\\' => match characters.next() {
                    Some((_, escaped @ ('"' | '\\'))) => out.push(escaped),
                    _ => return Err(DictionaryError),
                },
                ' '..='~' => out.push(character),
                _ => return Err(DictionaryError),
            }
        }
        Err(DictionaryError)
    }

    fn parameters(&mut self) -> Result<(), DictionaryError> {
        while self.take(';') {
            self.rest = self.rest.trim_start_matches(' ');
            self.key()?;
            if self.take('=') {
                self.bare_item()?;
            }
        }
        Ok(())
    }
}
