//! Entity tags of files (RFC 9110 §8.8.3): made from the content, so that every node that has the same file names it the same, and a
//! deployment that changes nothing but dates makes no client fetch anything again.
//!
//! A small file is read for every answer anyway. A larger one is read once for as long as its place, its length and its times stay the
//! same; the largest are named by length and time of change alone, which differ between nodes whose copies were written at other times.

use std::fs::{File, Metadata};
use std::io;
use std::os::unix::fs::MetadataExt as _;

use aws_lc_rs::digest::{Context, SHA256};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::HeaderValue;
use quick_cache::sync::Cache;

use super::body::{PIECE, read_at};

/// Up to here the content is read for its tag.
const READ_MOST: u64 = 8 * 1024 * 1024;
/// Files whose tags are remembered, some hundred octets each.
const REMEMBERED: usize = 4096;

/// What a file would not keep if its content were exchanged.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Stamp {
    place: (u64, u64),
    length: u64,
    modified: (i64, i64),
    changed: (i64, i64),
}

impl Stamp {
    fn of(about: &Metadata) -> Self {
        Self {
            place: (about.dev(), about.ino()),
            length: about.len(),
            modified: (about.mtime(), about.mtime_nsec()),
            changed: (about.ctime(), about.ctime_nsec()),
        }
    }
}

/// The tags of files that were read for them.
pub(crate) struct Tags(Cache<Stamp, HeaderValue>);

impl Default for Tags {
    fn default() -> Self {
        Self(Cache::new(REMEMBERED))
    }
}

impl Tags {
    /// The tag of an open file; blocks where it has to be read.
    pub(super) fn of(&self, file: &File, about: &Metadata) -> io::Result<HeaderValue> {
        let stamp = Stamp::of(about);
        if stamp.length > READ_MOST {
            let (seconds, nanoseconds) = stamp.modified;
            return quoted(&format!("{:x}-{seconds:x}.{nanoseconds:x}", stamp.length));
        }
        if let Some(known) = self.0.get(&stamp) {
            return Ok(known);
        }
        let tag = read_through(file)?;
        // What was written to meanwhile has a tag that nobody may rely on: the next request reads it again.
        if Stamp::of(&file.metadata()?) == stamp {
            self.0.insert(stamp, tag.clone());
        }
        Ok(tag)
    }
}

/// The tag of a content that is at hand.
pub(super) fn of_content(content: &[u8]) -> io::Result<HeaderValue> {
    let mut context = Context::new(&SHA256);
    context.update(content);
    finish(context)
}

fn read_through(file: &File) -> io::Result<HeaderValue> {
    let mut context = Context::new(&SHA256);
    let mut at = 0;
    loop {
        let piece = read_at(file, at, PIECE)?;
        if piece.is_empty() {
            return finish(context);
        }
        context.update(&piece);
        at += piece.len() as u64;
    }
}

/// Half of a digest tells any two files apart.
fn finish(context: Context) -> io::Result<HeaderValue> {
    quoted(&URL_SAFE_NO_PAD.encode(&context.finish().as_ref()[..16]))
}

fn quoted(text: &str) -> io::Result<HeaderValue> {
    HeaderValue::from_str(&format!("\"{text}\"")).map_err(io::Error::other)
}
