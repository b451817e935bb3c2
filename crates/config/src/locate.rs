//! Where a key is written, for those who find something wrong with its value after the file was read.

use toml::de::{DeTable, DeValue};

use crate::fault::Place;

/// The place of a key's value in a configuration's text: `site.origin`, `gate[1].allow`, or a section alone, `tls`. `None` for what is
/// not written there, such as a default, and for a text that is no TOML.
///
/// ```
/// let text = "version = 1\n[site]\nenv = \"staging\"\n";
/// let place = doorward_config::locate(text, "site.env").expect("it is written");
/// assert_eq!((place.line, place.column), (3, 7));
/// assert!(doorward_config::locate(text, "site.origin").is_none());
/// ```
#[must_use]
pub fn locate(text: &str, key: &str) -> Option<Place> {
    let (table, errors) = DeTable::parse_recoverable(text);
    if !errors.is_empty() {
        return None;
    }
    let mut words = key.split('.').peekable();
    let mut table = table.get_ref();
    loop {
        let (name, index) = indexed(words.next()?)?;
        let mut found = table.get(name)?;
        if let Some(index) = index {
            found = found.get_ref().as_array()?.get(index)?;
        }
        if words.peek().is_none() {
            return Some(Place::find(text, found.span()));
        }
        let DeValue::Table(inner) = found.get_ref() else { return None };
        table = inner;
    }
}

/// `gate[1]` is a name and a number, `gate` a name alone.
fn indexed(word: &str) -> Option<(&str, Option<usize>)> {
    match word.split_once('[') {
        None => Some((word, None)),
        Some((name, rest)) => Some((name, Some(rest.strip_suffix(']')?.parse().ok()?))),
    }
}

#[cfg(test)]
mod tests {
    use super::locate;

    #[test]
    fn keys_sections_and_entries_are_found_where_they_are_written() {
        let text = "version = 1\n[site]\nname = \"x\"\n[[gate]]\nallow = [\"a\",\n  \"b\"]\n[[gate]]\nname = \"two\"\n";
        let at = |key: &str| locate(text, key).map(|place| place.line);
        assert_eq!([at("version"), at("site"), at("site.name")], [Some(1), Some(2), Some(3)]);
        assert_eq!([at("gate[0]"), at("gate[0].allow"), at("gate[0].allow[1]")], [Some(4), Some(5), Some(6)]);
        assert_eq!([at("gate[1].name"), at("gate[1].host"), at("gate[2].name")], [Some(8), None, None]);
        for strange in ["", ".", "site.", "site[0]", "gate[x].name", "gate[1", "site.name.more", "version[0]"] {
            assert_eq!(at(strange), None, "{strange:?}");
        }
        assert!(locate("version = ", "version").is_none());
    }
}
