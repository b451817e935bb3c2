//! One value, as it is written, read without guessing (CFG-03).

use std::ops::RangeInclusive;

use toml::de::DeValue;

use super::Problem;

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

pub(super) fn wrong_type(wanted: &str, value: &DeValue<'_>) -> Problem {
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
