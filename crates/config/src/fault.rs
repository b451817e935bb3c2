//! What is wrong with a configuration: every fault at once, each with its place and a way out.

use std::fmt;
use std::ops::Range;
use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::named::NamedSecret;
use crate::render;

/// One thing that is wrong. Never holds a value that might be a secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Fault {
    /// Path of the key, such as `gate[1].allow[0]`; empty when the whole file is meant.
    pub key: String,
    /// Where it is written in the file, if it is.
    pub place: Option<Place>,
    /// The environment variable that set it, if one did.
    pub variable: Option<String>,
    /// What is wrong.
    pub problem: String,
    /// What to do about it; may be empty.
    pub hint: String,
    /// Whether the line may be shown to a person beside the fault.
    #[serde(skip)]
    pub(crate) hidden: bool,
}

/// A place in the file. Lines and columns count from one, columns in characters.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Place {
    /// Line.
    pub line: usize,
    /// First column.
    pub column: usize,
    /// The octets in the file's text.
    #[serde(skip)]
    pub span: Range<usize>,
}

impl Place {
    pub(crate) fn find(text: &str, span: Range<usize>) -> Self {
        let start = floor(text, span.start);
        let end = floor(text, span.end.max(start));
        let before = &text[..start];
        let line_start = before.rfind('\n').map_or(0, |at| at + 1);
        Self { line: before.matches('\n').count() + 1, column: before[line_start..].chars().count() + 1, span: start..end }
    }
}

/// The nearest character boundary at or before `at`.
fn floor(text: &str, at: usize) -> usize {
    let mut at = at.min(text.len());
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}

/// Every fault of one configuration, in the order of the file; never empty.
#[derive(Clone)]
pub struct Faults {
    file: PathBuf,
    text: String,
    list: Vec<Fault>,
    secrets: Vec<NamedSecret>,
}

impl Faults {
    pub(crate) fn new(file: &Path, text: &str, mut list: Vec<Fault>) -> Self {
        // What has no place of its own comes last.
        list.sort_by_key(|fault| fault.place.as_ref().map_or((1, 0), |place| (0, place.span.start)));
        Self { file: file.to_owned(), text: text.to_owned(), list, secrets: Vec::new() }
    }

    pub(crate) fn naming(self, secrets: Vec<NamedSecret>) -> Self {
        Self { secrets, ..self }
    }

    /// The secrets that the file names, as far as it could be understood: whoever shows the faults shows theirs as well.
    #[must_use]
    pub fn secrets(&self) -> &[NamedSecret] {
        &self.secrets
    }

    /// A fault of the file as a whole.
    pub(crate) fn whole(file: &Path, problem: impl Into<String>, hint: impl Into<String>) -> Self {
        let fault =
            Fault { key: String::new(), place: None, variable: None, problem: problem.into(), hint: hint.into(), hidden: false };
        Self::new(file, "", vec![fault])
    }

    /// The faults.
    #[must_use]
    pub fn list(&self) -> &[Fault] {
        &self.list
    }

    /// The file they were found in.
    #[must_use]
    pub fn file(&self) -> &Path {
        &self.file
    }

    /// For a person: each fault with its line of the file, as wide as a terminal of 100 columns, and a count at the end.
    #[must_use]
    pub fn render(&self, color: bool) -> String {
        render::render(self, &self.text, color)
    }
}

/// One line a fault.
impl fmt::Display for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, fault) in self.list.iter().enumerate() {
            if index > 0 {
                f.write_str("\n")?;
            }
            write!(f, "{}", self.file.display())?;
            if let Some(place) = &fault.place {
                write!(f, ":{}:{}", place.line, place.column)?;
            }
            write!(f, ": {fault}")?;
        }
        Ok(())
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.variable {
            Some(variable) => write!(f, "{variable}: {}", self.problem)?,
            None if self.key.is_empty() => f.write_str(&self.problem)?,
            None => write!(f, "{}: {}", self.key, self.problem)?,
        }
        if self.hint.is_empty() { Ok(()) } else { write!(f, " ({})", self.hint) }
    }
}

/// The file's text stays out: somebody may have written a secret into it.
impl fmt::Debug for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Faults").field("file", &self.file).field("list", &self.list).finish_non_exhaustive()
    }
}

impl std::error::Error for Faults {}

/// `{"file": …, "faults": [{"key", "place", "variable", "problem", "hint"}]}`
impl Serialize for Faults {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use serde::ser::SerializeStruct as _;
        let mut out = serializer.serialize_struct("Faults", 2)?;
        out.serialize_field("file", &self.file.display().to_string())?;
        out.serialize_field("faults", &self.list)?;
        out.end()
    }
}
