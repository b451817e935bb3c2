//! JSON read so that no two parsers could disagree about it (INPUT-01, INPUT-02; RFC 8259 §4, §8.1).
//!
//! On top of what `serde_json` refuses (bad UTF-8, a byte order mark, lone surrogates, `NaN`, trailing data): a name that comes
//! twice in one object, nesting deeper than the bound, more names than the bound.

use std::cell::Cell;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

/// How much structure is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Bounds {
    /// Arrays and objects within each other.
    pub(crate) depth: u32,
    /// Names in all objects together.
    pub(crate) keys: u32,
}

impl Bounds {
    /// For `/api/auth/*`.
    pub(crate) const AUTH: Self = Self { depth: 16, keys: 64 };
}

/// The text is not JSON as we take it. Where and why stays here: it may hold a password (LOG-04).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct NotStrict;

/// Parses one value and nothing after it.
pub(crate) fn parse(text: &[u8], bounds: Bounds) -> Result<Value, NotStrict> {
    let keys_left = Cell::new(bounds.keys);
    let mut reader = serde_json::Deserializer::from_slice(text);
    let value = Seed { depth_left: bounds.depth, keys_left: &keys_left }.deserialize(&mut reader).map_err(|_| NotStrict)?;
    reader.end().map_err(|_| NotStrict)?;
    Ok(value)
}

#[derive(Clone, Copy)]
struct Seed<'a> {
    depth_left: u32,
    keys_left: &'a Cell<u32>,
}

impl Seed<'_> {
    fn deeper<E: Error>(self) -> Result<Self, E> {
        let depth_left = self.depth_left.checked_sub(1).ok_or_else(|| E::custom("too deep"))?;
        Ok(Self { depth_left, ..self })
    }

    fn count_key<E: Error>(self) -> Result<(), E> {
        let left = self.keys_left.get().checked_sub(1).ok_or_else(|| E::custom("too many names"))?;
        self.keys_left.set(left);
        Ok(())
    }
}

impl<'de> DeserializeSeed<'de> for Seed<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Seed<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E: Error>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Value, E> {
        Number::from_f64(value).map(Value::Number).ok_or_else(|| E::custom("not a finite number"))
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Value, E> {
        Ok(Value::String(value.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let inner = self.deeper()?;
        let mut out = Vec::new();
        while let Some(item) = items.next_element_seed(inner)? {
            out.push(item);
        }
        Ok(Value::Array(out))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        let inner = self.deeper()?;
        let mut out = Map::new();
        while let Some(name) = entries.next_key::<String>()? {
            inner.count_key()?;
            let value = entries.next_value_seed(inner)?;
            if out.insert(name, value).is_some() {
                return Err(A::Error::custom("a name twice"));
            }
        }
        Ok(Value::Object(out))
    }
}
