//! Mail as files: one `.eml` a message, readable by the owner alone, there completely or not at all.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use doorward_domain::outbox::OutboxMail;

const DIRECTORY_MODE: u32 = 0o700;
const FILE_MODE: u32 = 0o600;

/// Writes messages into one folder.
#[derive(Debug, Clone)]
pub(crate) struct FileTransport {
    directory: PathBuf,
}

impl FileTransport {
    pub(crate) fn new(directory: PathBuf) -> Self {
        Self { directory }
    }

    /// Delivers; a second delivery of the same mail replaces the first.
    pub(crate) async fn deliver(&self, mail: &OutboxMail, message: Vec<u8>) -> io::Result<()> {
        let directory = self.directory.clone();
        let name = format!("{}-{}", mail.queued_at.strftime("%Y%m%dT%H%M%S%.6fZ"), mail.id);
        tokio::task::spawn_blocking(move || write(&directory, &name, &message)).await.map_err(io::Error::other)?
    }
}

fn write(directory: &Path, name: &str, message: &[u8]) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(DIRECTORY_MODE).create(directory)?;
    let unfinished = directory.join(format!(".{name}.tmp"));
    match fs::remove_file(&unfinished) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file = OpenOptions::new().write(true).create_new(true).mode(FILE_MODE).open(&unfinished)?;
    file.write_all(message)?;
    file.sync_all()?;
    fs::rename(&unfinished, directory.join(format!("{name}.eml")))?;
    File::open(directory)?.sync_all()
}
