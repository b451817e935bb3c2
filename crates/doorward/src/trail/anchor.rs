//! The anchor file: one line of JSON for each anchor, appended and never rewritten. It guards only when it lies, or is copied, where
//! whoever writes the database cannot write.

use std::fs::OpenOptions;
use std::io::{self, BufRead as _, BufReader, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use doorward_domain::audit::{Anchor, ChainHash};
use serde::{Deserialize, Serialize};

use super::line::hex;

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    node: String,
    seq: u64,
    hash: String,
    at: jiff::Timestamp,
    key_version: u32,
    mac: String,
}

/// Appends anchors, and returns once they are on the disk.
///
/// # Errors
/// As the file system says.
pub fn append_anchors(path: &Path, anchors: &[Anchor]) -> io::Result<()> {
    let mut file = OpenOptions::new().create(true).append(true).read(true).mode(0o600).open(path)?;
    let mut text = String::new();
    if super::sink::ends_torn(&mut file)? {
        text.push('\n');
    }
    for anchor in anchors {
        text.push_str(&line(anchor)?);
        text.push('\n');
    }
    file.write_all(text.as_bytes())?;
    file.sync_data()
}

/// One line, without its end.
fn line(anchor: &Anchor) -> io::Result<String> {
    let line = Line {
        node: anchor.node.clone(),
        seq: anchor.seq,
        hash: hex(&anchor.hash),
        at: anchor.at,
        key_version: anchor.key_version,
        mac: hex(&anchor.mac),
    };
    Ok(serde_json::to_string(&line)?)
}

/// Reads the anchors of a file. A line that a crash tore is no anchor, be it the last or one that was gone on behind.
///
/// # Errors
/// As the file system says, or `InvalidData` with the number of a line that is none of ours.
pub fn read_anchors(path: &Path) -> io::Result<Vec<Anchor>> {
    let lines: Vec<_> = BufReader::new(std::fs::File::open(path)?).lines().collect::<Result<_, _>>()?;
    let mut anchors = Vec::with_capacity(lines.len());
    for (number, line) in lines.iter().enumerate() {
        match parse(line) {
            Some(anchor) => anchors.push(anchor),
            None if number + 1 == lines.len() || is_torn(line) => {}
            None => return Err(io::Error::new(io::ErrorKind::InvalidData, format!("line {} is not an anchor", number + 1))),
        }
    }
    Ok(anchors)
}

/// Whether a line breaks off in the middle. The file is only ever appended to, so such a line stays where it is.
fn is_torn(text: &str) -> bool {
    serde_json::from_str::<Line>(text).is_err_and(|error| error.is_eof())
}

fn parse(text: &str) -> Option<Anchor> {
    let line: Line = serde_json::from_str(text).ok()?;
    let (hash, mac) = (octets(&line.hash)?, octets(&line.mac)?);
    Some(Anchor { node: line.node, seq: line.seq, hash, at: line.at, key_version: line.key_version, mac })
}

pub(super) fn octets(hex: &str) -> Option<ChainHash> {
    let digits = hex.as_bytes();
    if digits.len() != 64 {
        return None;
    }
    let mut out = [0; 32];
    for (octet, pair) in out.iter_mut().zip(digits.chunks(2)) {
        *octet = u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()?;
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use std::fs::OpenOptions;

    use doorward_domain::audit::Anchor;

    use super::{append_anchors, read_anchors};

    fn anchor(seq: u64) -> Anchor {
        Anchor { node: "one".to_owned(), seq, hash: [7; 32], at: jiff::Timestamp::UNIX_EPOCH, key_version: 1, mac: [9; 32] }
    }

    #[test]
    fn a_file_that_was_cut_anywhere_is_gone_on_with_and_read() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("anchors.jsonl");
        append_anchors(&path, &[anchor(1)]).expect("written");
        let whole = std::fs::metadata(&path).expect("there").len();
        for torn in 0..whole {
            OpenOptions::new().write(true).open(&path).expect("there").set_len(torn).expect("cut");
            append_anchors(&path, &[anchor(2)]).expect("written");
            append_anchors(&path, &[anchor(3)]).expect("written");
            let read: Vec<u64> = read_anchors(&path).expect("read").iter().map(|anchor| anchor.seq).collect();
            // Cut before its end, the line is whole; cut anywhere else, it is none.
            let wanted: &[u64] = if torn + 1 == whole { &[1, 2, 3] } else { &[2, 3] };
            assert_eq!(read, wanted, "cut at {torn} of {whole}");
            std::fs::remove_file(&path).expect("gone");
            append_anchors(&path, &[anchor(1)]).expect("written");
        }
    }

    #[test]
    fn a_line_that_is_none_of_ours_is_named() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("anchors.jsonl");
        append_anchors(&path, &[anchor(1)]).expect("written");
        let text = std::fs::read_to_string(&path).expect("read");
        for strange in ["{}", "x", "{\"node\":1}", &text.replace("\"seq\":1", "\"seq\":-1")] {
            std::fs::write(&path, format!("{}\n{text}", strange.trim_end())).expect("written");
            let error = read_anchors(&path).expect_err("refused");
            assert_eq!(error.to_string(), "line 1 is not an anchor", "{strange}");
        }
    }
}
