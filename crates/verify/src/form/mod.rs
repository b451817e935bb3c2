//! The same report in other forms: a page for people, and two files for the machines that build sites.

mod junit;
mod page;
mod sarif;
mod wrong;

use std::path::Path;

use crate::report::Report;
use crate::write::{self, WriteError};

/// A form of a report.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// One page of HTML that needs nothing else.
    Page,
    /// JUnit's XML: a row is a test case.
    Junit,
    /// SARIF 2.1.0: a row is a rule.
    Sarif,
}

impl Report {
    /// The report in a form.
    ///
    /// # Errors
    /// When the form cannot be filled in, which no report is known to bring about.
    pub fn render(&self, form: Form) -> std::io::Result<String> {
        match form {
            Form::Page => page::render(self).map_err(std::io::Error::other),
            Form::Junit => Ok(junit::render(self)),
            Form::Sarif => serde_json::to_string_pretty(&sarif::log(self)).map(|text| text + "\n").map_err(Into::into),
        }
    }

    /// Writes a form to a file, whole or not at all.
    ///
    /// # Errors
    /// [`WriteError`] with the file; an older one is then still there.
    pub fn write_form(&self, form: Form, path: &Path) -> Result<(), WriteError> {
        let failed = |source| WriteError { path: path.to_owned(), source };
        let text = self.render(form).map_err(failed)?;
        let name = path.file_name().and_then(|name| name.to_str());
        let name = name.ok_or_else(|| failed(std::io::ErrorKind::InvalidFilename.into()))?;
        let dir = path.parent().filter(|dir| !dir.as_os_str().is_empty()).unwrap_or(Path::new("."));
        write::replace(dir, name, &self.headers.run_id, text.as_bytes())
    }
}
