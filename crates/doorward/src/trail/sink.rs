//! The shipped file: every row of this node as a line of JSON, in order, each exactly once, whatever happens (AUD-08, AUD-13).
//!
//! The store is the truth and the file's last whole line says how far it was copied, so there is no second bookmark to disagree. A
//! line that a crash tore is cut off and written again from the store. A full file is renamed, and a new one begun: never copied and cut.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use doorward_domain::audit::{AuditRow, ChainHash};
use serde::Deserialize;

use super::anchor::octets;
use super::line::{hex, json};

/// Longest line: the record's bound, twice.
const TAIL: u64 = 64 * 1024;

/// Why the file cannot be continued.
#[derive(Debug, thiserror::Error)]
pub enum SinkError {
    /// The file system refused.
    #[error("{0}")]
    Io(#[from] io::Error),
    /// The last line is whole and yet none of this node's.
    #[error("the last line is not an entry of this node: is it another node's file?")]
    NotOurs,
}

/// What the last line has to say.
#[derive(Deserialize)]
struct Place {
    node: String,
    seq: u64,
    hash: String,
}

/// The last row that was shipped to a file: a witness of the chain that whoever writes the database does not reach. `None` for a file that
/// is not there, or holds no whole line.
///
/// # Errors
/// [`SinkError`].
pub fn last_shipped(path: &Path) -> Result<Option<(String, u64, ChainHash)>, SinkError> {
    let mut file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    let place = match last_place(&mut file)? {
        Some(place) => Some(place),
        None => newest_rotated(path)?.map(|full| last_place(&mut File::open(full)?)).transpose()?.flatten(),
    };
    place.map(|place| Ok((place.node, place.seq, octets(&place.hash).ok_or(SinkError::NotOurs)?))).transpose()
}

/// An open file.
pub struct FileSink {
    path: PathBuf,
    node: String,
    max: u64,
    file: File,
    size: u64,
    /// Position and hash of the last row that is in a file.
    shipped: u64,
    shipped_hash: String,
    /// Octets of a torn line that were cut off when the file was opened.
    torn: u64,
}

impl FileSink {
    /// Opens or makes the file (mode 0600) and finds how far it goes.
    ///
    /// # Errors
    /// [`SinkError`].
    pub fn open(path: &Path, node: &str, max_bytes: u64) -> Result<Self, SinkError> {
        let mut file = OpenOptions::new().create(true).append(true).read(true).mode(0o600).open(path)?;
        let torn = cut_torn_line(&mut file)?;
        let size = file.metadata()?.len();
        let shipped = match last_place(&mut file)? {
            Some(place) => place,
            // Just rotated: the newest full file says it.
            None => newest_rotated(path)?
                .map(|full| last_place(&mut File::open(full)?))
                .transpose()?
                .flatten()
                .unwrap_or(Place { node: node.to_owned(), seq: 0, hash: String::new() }),
        };
        if shipped.node != node {
            return Err(SinkError::NotOurs);
        }
        let (path, node) = (path.to_owned(), node.to_owned());
        Ok(Self { path, node, max: max_bytes, file, size, shipped: shipped.seq, shipped_hash: shipped.hash, torn })
    }

    /// Whether this is the last row that is in a file.
    #[must_use]
    pub fn ends_with(&self, row: &AuditRow) -> bool {
        row.seq == self.shipped && hex(&row.hash) == self.shipped_hash
    }

    /// Puts a file aside whose rows the chain no longer has, as evidence, and begins anew from the first row that is left.
    ///
    /// # Errors
    /// [`SinkError`].
    pub fn set_aside(mut self) -> Result<Self, SinkError> {
        let free = self.free_name()?;
        fs::rename(&self.path, free)?;
        self.begin()?;
        (self.shipped, self.shipped_hash) = (0, String::new());
        Ok(self)
    }

    /// A name beside the file that nothing bears yet: what was put aside before is evidence too.
    fn free_name(&self) -> Result<PathBuf, SinkError> {
        let name = self.path.file_name().unwrap_or_default();
        for count in 0..u16::MAX {
            let mut name = name.to_owned();
            name.push(format!(".contradicted.{}.{count}", self.shipped));
            let free = self.path.with_file_name(name);
            if !free.try_exists()? {
                return Ok(free);
            }
        }
        Err(std::io::Error::from(std::io::ErrorKind::AlreadyExists).into())
    }

    /// Position of the last row that is in a file.
    #[must_use]
    pub fn shipped(&self) -> u64 {
        self.shipped
    }

    /// Octets of a torn line that were cut off when the file was opened; 0 when it ended well.
    #[must_use]
    pub fn torn(&self) -> u64 {
        self.torn
    }

    /// Appends rows that follow the last shipped one, and returns once they are on the disk. Rows that are in the file already are
    /// passed over.
    ///
    /// # Errors
    /// [`SinkError`]; open the file anew then, it may end in a torn line.
    pub fn append(&mut self, rows: &[AuditRow]) -> Result<(), SinkError> {
        let mut text = String::new();
        for row in rows {
            if row.seq <= self.shipped || row.record.node != self.node {
                continue;
            }
            let line = json(row);
            if self.size + (text.len() + line.len()) as u64 + 1 > self.max && self.size + text.len() as u64 > 0 {
                self.write(&text)?;
                text.clear();
                self.rotate()?;
            }
            text.push_str(&line);
            text.push('\n');
            (self.shipped, self.shipped_hash) = (row.seq, hex(&row.hash));
        }
        self.write(&text)
    }

    fn write(&mut self, text: &str) -> Result<(), SinkError> {
        if text.is_empty() {
            return Ok(());
        }
        self.file.write_all(text.as_bytes())?;
        self.file.sync_data()?;
        self.size += text.len() as u64;
        Ok(())
    }

    /// Renames the full file after its last row.
    fn rotate(&mut self) -> Result<(), SinkError> {
        let full = rotated_name(&self.path, self.shipped);
        fs::rename(&self.path, full)?;
        self.begin()
    }

    fn begin(&mut self) -> Result<(), SinkError> {
        self.file = OpenOptions::new().create_new(true).append(true).read(true).mode(0o600).open(&self.path)?;
        self.size = 0;
        if let Some(folder) = self.path.parent() {
            File::open(folder)?.sync_all()?;
        }
        Ok(())
    }
}

/// `audit.jsonl` becomes `audit.jsonl.00000000000000000042`: names sort as positions do.
fn rotated_name(path: &Path, last: u64) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{last:020}"));
    path.with_file_name(name)
}

fn newest_rotated(path: &Path) -> io::Result<Option<PathBuf>> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or_else(|| Path::new("."));
    let prefix = format!("{}.", path.file_name().unwrap_or_default().to_string_lossy());
    let mut newest = None;
    for entry in fs::read_dir(folder)? {
        let name = entry?.file_name().to_string_lossy().into_owned();
        let is_rotated =
            name.strip_prefix(&prefix).is_some_and(|rest| rest.len() == 20 && rest.bytes().all(|octet| octet.is_ascii_digit()));
        if is_rotated && newest.as_ref().is_none_or(|newest| *newest < name) {
            newest = Some(name);
        }
    }
    Ok(newest.map(|name| path.with_file_name(name)))
}

/// Whether the last line has no end.
pub(super) fn ends_torn(file: &mut File) -> io::Result<bool> {
    if file.seek(SeekFrom::End(0))? == 0 {
        return Ok(false);
    }
    file.seek(SeekFrom::End(-1))?;
    let mut last = [0];
    file.read_exact(&mut last)?;
    Ok(last != *b"\n")
}

/// The last octets, and where they begin.
fn tail(file: &mut File) -> io::Result<(Vec<u8>, u64)> {
    let size = file.seek(SeekFrom::End(0))?;
    let from = size.saturating_sub(TAIL);
    file.seek(SeekFrom::Start(from))?;
    let mut octets = Vec::new();
    file.read_to_end(&mut octets)?;
    Ok((octets, from))
}

fn cut_torn_line(file: &mut File) -> io::Result<u64> {
    let (octets, from) = tail(file)?;
    let whole = octets.iter().rposition(|octet| *octet == b'\n').map_or(0, |end| end + 1);
    let torn = (octets.len() - whole) as u64;
    if torn > 0 {
        file.set_len(from + whole as u64)?;
        file.sync_all()?;
    }
    Ok(torn)
}

fn last_place(file: &mut File) -> Result<Option<Place>, SinkError> {
    let (octets, _) = tail(file)?;
    let Some(lines) = octets.strip_suffix(b"\n") else { return Ok(None) };
    let last = lines.rsplit(|octet| *octet == b'\n').next().unwrap_or_default();
    serde_json::from_slice(last).map(Some).map_err(|_| SinkError::NotOurs)
}

#[cfg(test)]
pub(super) mod tests;
