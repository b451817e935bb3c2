//! The operator's list of passwords, read from its file.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use doorward_domain::credential::{Blocklist, BlocklistFault};

/// Why `accounts.blocklist_file` cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum BlocklistError {
    /// It is not there, or may not be read.
    #[error("{0}: {1}")]
    Read(PathBuf, io::Error),
    /// It is larger than any list that is meant to be read at the start.
    #[error("{0}: larger than {max} MiB", max = Blocklist::MAX_OCTETS >> 20)]
    TooLarge(PathBuf),
    /// One of its lines is not right; told as `file:line: why`, never with what the line holds.
    #[error("{0}:{1}")]
    Line(PathBuf, BlocklistFault),
}

/// Reads the list, or gives an empty one where none is named.
pub(super) fn load(path: Option<&Path>) -> Result<Blocklist, BlocklistError> {
    let Some(path) = path else { return Ok(Blocklist::default()) };
    let failed = |error| BlocklistError::Read(path.to_owned(), error);
    let mut text = Vec::new();
    // One octet more than is taken tells a file that is too large, whatever its metadata say.
    File::open(path).map_err(failed)?.take(Blocklist::MAX_OCTETS + 1).read_to_end(&mut text).map_err(failed)?;
    if u64::try_from(text.len()).is_ok_and(|length| length > Blocklist::MAX_OCTETS) {
        return Err(BlocklistError::TooLarge(path.to_owned()));
    }
    Blocklist::parse(&text).map_err(|fault| BlocklistError::Line(path.to_owned(), fault))
}

/// As `check` asks: what is wrong with the file, or nothing.
#[must_use]
pub fn blocklist_fault(path: Option<&Path>) -> Option<BlocklistError> {
    load(path).err()
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::{Blocklist, load};

    #[test]
    fn a_list_is_read_or_says_which_line_is_wrong() {
        let dir = tempfile::tempdir().unwrap();
        let said = |name: &str, text: &[u8]| {
            let path = dir.path().join(name);
            std::fs::write(&path, text).unwrap();
            load(Some(&path)).map_err(|error| error.to_string().replace(&*dir.path().to_string_lossy(), "DIR"))
        };
        assert_eq!(load(None).unwrap().len(), 0);
        assert_eq!(said("good", b"northwind\nquarterdeck\nab\n").unwrap().len(), 2);
        assert_eq!(said("bad", b"northwind\n\xff\n").unwrap_err(), "DIR/bad:2: not UTF-8");
        let large = usize::try_from(Blocklist::MAX_OCTETS).unwrap() + 1;
        assert_eq!(said("large", &vec![b'\n'; large]).unwrap_err(), "DIR/large: larger than 32 MiB");
        assert!(load(Some(Path::new("/nonexistent/list"))).unwrap_err().to_string().starts_with("/nonexistent/list: "));
        assert!(load(Some(dir.path())).is_err(), "a folder is no list");
    }
}
