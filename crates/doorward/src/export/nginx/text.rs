//! Words of nginx's language.

use crate::export::ExportError;

/// A value between quotes. A dollar sign cannot be written where variables are read, so there is none.
pub(super) fn quoted(value: &str) -> Result<String, ExportError> {
    if value.chars().any(|c| c == '$' || c.is_control()) {
        let why = "nginx cannot hold a dollar sign or a control character in a value";
        return Err(ExportError::Inexpressible { what: format!("{value:?}"), why });
    }
    Ok(format!("\"{}\"", value.replace('\\', "\\\\").replace('"', "\\\"")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_ends_where_it_ends() {
        assert_eq!(quoted("a\"; } b\\").as_deref(), Ok(r#""a\"; } b\\""#));
        for evil in ["$http_cookie", "a\nb", "\0"] {
            assert!(quoted(evil).is_err());
        }
    }
}
