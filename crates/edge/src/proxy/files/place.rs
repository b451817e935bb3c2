//! From a path to an open file (EXPO-09). All of it blocks.
//!
//! A path becomes a file only if every segment is ordinary and the file that it leads to, links resolved, lies in the folder under an
//! ordinary name. That place is then opened segment by segment without following any link, so that a name that is exchanged for a link in
//! between leads nowhere; what is asked of a file afterwards is asked of the open one.

use std::ffi::OsStr;
use std::fs::{File, Metadata};
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

use rustix::fs::{Mode, OFlags, open, openat};

/// What a folder shows for its own name.
pub(super) const SHELL: &str = "index.html";

/// Endings of names that were left behind by editors and build tools.
const LEFT_BEHIND: &[&str] = &["~", ".bak", ".map", ".old", ".orig", ".swp", ".tmp"];

/// A regular file in the folder, open for reading.
pub(super) struct Found {
    /// The file.
    pub(super) file: File,
    /// Of the open file.
    pub(super) about: Metadata,
    /// Its own name.
    pub(super) name: String,
    /// Whether a folder was asked for, without the slash at the end that its relative links need.
    pub(super) lacks_slash: bool,
    folder: OwnedFd,
}

impl Found {
    /// The file beside this one whose name goes on with `ending`; links are not followed.
    pub(super) fn beside(&self, ending: &str) -> Option<(File, Metadata)> {
        open_file(&self.folder, OsStr::new(&format!("{}{ending}", self.name)))
    }
}

/// The path below the root, decoded once; `None` when a segment is not to be served.
pub(super) fn relative(path: &str) -> Option<PathBuf> {
    let mut out = PathBuf::new();
    let mut segments = path.strip_prefix('/')?.split('/').filter(|segment| !segment.is_empty()).enumerate();
    segments.try_for_each(|(index, segment)| {
        let name = decode(segment)?;
        out.push(is_ordinary(&name, index == 0).then_some(name)?);
        Some(())
    })?;
    Some(out)
}

fn decode(segment: &str) -> Option<String> {
    let mut out = Vec::with_capacity(segment.len());
    let mut bytes = segment.bytes();
    while let Some(byte) = bytes.next() {
        out.push(if byte == b'%' { hex(bytes.next()?)? << 4 | hex(bytes.next()?)? } else { byte });
    }
    String::from_utf8(out).ok()
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).and_then(|value| u8::try_from(value).ok())
}

/// Whether a name may be served: not hidden (RFC 8615 names one exception), not left behind, nothing that a file system reads apart.
fn is_ordinary(name: &str, is_first: bool) -> bool {
    let hidden = name.starts_with('.') && !(is_first && name == ".well-known");
    let lower = name.to_ascii_lowercase();
    let left_behind = LEFT_BEHIND.iter().any(|ending| lower.ends_with(ending));
    !hidden && !left_behind && !name.contains(['/', '\\', ':']) && !name.chars().any(char::is_control)
}

/// Opens what `asked` leads to below `root`, which is without links; a folder stands for its index, a file has no slash at its end.
pub(super) fn find(root: &Path, asked: &Path, ends_with_slash: bool) -> Option<Found> {
    let mut place = std::fs::canonicalize(root.join(asked)).ok()?;
    let is_folder = place.is_dir();
    if is_folder {
        place = std::fs::canonicalize(place.join(SHELL)).ok()?;
    } else if ends_with_slash {
        return None;
    }
    let inside = place.strip_prefix(root).ok()?;
    let is_shown = inside.iter().enumerate().all(|(index, name)| name.to_str().is_some_and(|name| is_ordinary(name, index == 0)));
    let name = inside.file_name()?.to_str().filter(|_| is_shown)?.to_owned();
    let folder = open_folder(root, inside.parent()?)?;
    let (file, about) = open_file(&folder, OsStr::new(&name))?;
    Some(Found { file, about, name, lacks_slash: is_folder && !ends_with_slash, folder })
}

/// Opens a folder below the root, one name after the other.
fn open_folder(root: &Path, inside: &Path) -> Option<OwnedFd> {
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let root = open(root, flags, Mode::empty()).ok()?;
    inside.iter().try_fold(root, |folder, name| openat(&folder, name, flags | OFlags::NOFOLLOW, Mode::empty()).ok())
}

/// Opens a regular file without following a link, and without waiting for whoever writes to a pipe of that name.
fn open_file(folder: &OwnedFd, name: &OsStr) -> Option<(File, Metadata)> {
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
    let file = File::from(openat(folder, name, flags, Mode::empty()).ok()?);
    let about = file.metadata().ok()?;
    about.is_file().then_some((file, about))
}
