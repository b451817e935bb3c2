//! Content-Security-Policy as a value: parsed, compared by meaning, printed in one spelling (CSP3 §2.2, VER-03).

use std::collections::BTreeMap;
use std::fmt;

/// One parsed policy: directive names lower-case, sources in the order written.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Csp {
    order: Vec<String>,
    directives: BTreeMap<String, Vec<String>>,
}

/// Why a policy text was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CspError {
    /// A directive occurs twice; browsers ignore the second, scanners the whole policy.
    #[error("directive {0} occurs twice")]
    Duplicate(String),
    /// A directive name or source holds an illegal character, a comma or template text among them.
    #[error("illegal text in the policy")]
    Syntax,
}

impl Csp {
    /// Parses one policy.
    ///
    /// # Errors
    /// [`CspError`] on a doubled directive or illegal text.
    pub fn parse(text: &str) -> Result<Self, CspError> {
        let mut policy = Self::default();
        for part in text.split(';').map(str::trim).filter(|part| !part.is_empty()) {
            let mut words = part.split_ascii_whitespace();
            let name = words.next().unwrap_or_default().to_ascii_lowercase();
            if name.is_empty() || !name.bytes().all(|b| b.is_ascii_lowercase() || b == b'-') {
                return Err(CspError::Syntax);
            }
            let sources: Vec<String> = words.map(str::to_owned).collect();
            if sources.iter().any(|s| !s.bytes().all(|b| b.is_ascii_graphic()) || s.contains([',', '{', '}', '<', '>', '"'])) {
                return Err(CspError::Syntax);
            }
            if policy.directives.insert(name.clone(), sources).is_some() {
                return Err(CspError::Duplicate(name));
            }
            policy.order.push(name);
        }
        Ok(policy)
    }

    /// Sources of a directive, if it is there.
    #[must_use]
    pub fn directive(&self, name: &str) -> Option<&[String]> {
        self.directives.get(name).map(Vec::as_slice)
    }

    /// Directives by name.
    #[must_use]
    pub fn directives(&self) -> &BTreeMap<String, Vec<String>> {
        &self.directives
    }

    /// The first difference in meaning from `expected`, in words; order of directives and of sources does not count.
    #[must_use]
    pub fn difference(&self, expected: &Self) -> Option<String> {
        for (name, wanted) in &expected.directives {
            let Some(seen) = self.directives.get(name) else {
                return Some(format!("{name} is missing"));
            };
            if let Some(extra) = seen.iter().find(|s| !wanted.contains(s)) {
                return Some(format!("{name} has unexpected source {extra}"));
            }
            if let Some(lost) = wanted.iter().find(|s| !seen.contains(s)) {
                return Some(format!("{name} lacks source {lost}"));
            }
        }
        let extra = self.directives.keys().find(|name| !expected.directives.contains_key(*name))?;
        Some(format!("unexpected directive {extra}"))
    }
}

impl fmt::Display for Csp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, name) in self.order.iter().enumerate() {
            if index > 0 {
                f.write_str("; ")?;
            }
            f.write_str(name)?;
            for source in self.directives.get(name).into_iter().flatten() {
                write!(f, " {source}")?;
            }
        }
        Ok(())
    }
}
