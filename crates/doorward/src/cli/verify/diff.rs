//! `verify diff`: what changed between two runs.

use std::io::Write as _;
use std::path::PathBuf;

use doorward_verify::diff::{differences, read};

use crate::cli::Exit;

/// The two files.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// security-headers.json of the earlier run.
    before: PathBuf,
    /// security-headers.json of the later run.
    after: PathBuf,
}

/// Prints a line for each difference. Times, ids, nonces and made-up names of the runs do not count.
pub(super) fn run(args: &Args) -> Exit {
    let (before, after) = match read(&args.before).and_then(|before| Ok((before, read(&args.after)?))) {
        Ok(both) => both,
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "doorward: {error}");
            return Exit::Usage;
        }
    };
    let lines = differences(&before, &after);
    let mut out = std::io::stdout().lock();
    for line in &lines {
        if writeln!(out, "{line}").is_err() {
            return Exit::Failed;
        }
    }
    if lines.is_empty() { Exit::Done } else { Exit::NotRight }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_exit_code_tells_same_different_and_unreadable() {
        let dir = tempfile::tempdir().expect("a folder");
        let write = |name: &str, text: &str| {
            let path = dir.path().join(name);
            std::fs::write(&path, text).expect("written");
            path
        };
        let file = |ok: bool| format!(r#"{{"schema":"doorward/security-headers/1","ok":{ok},"probes":[]}}"#);
        let (good, bad) = (write("good.json", &file(true)), write("bad.json", &file(false)));
        let (other, broken) = (write("other.json", r#"{"schema":"x","probes":[]}"#), write("broken.json", "{"));
        let exit = |before: &PathBuf, after: &PathBuf| run(&Args { before: before.clone(), after: after.clone() });
        assert_eq!(exit(&good, &good), Exit::Done);
        assert_eq!(exit(&good, &bad), Exit::NotRight);
        for unreadable in [&other, &broken, &dir.path().join("missing.json")] {
            assert_eq!(exit(&good, unreadable), Exit::Usage);
            assert_eq!(exit(unreadable, &good), Exit::Usage);
        }
    }
}
