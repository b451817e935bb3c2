//! How a command ends.

use std::process::ExitCode;

/// Exit codes, the same for every command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// 0: done, and all is right.
    Done,
    /// 1: the thing looked at is not right.
    NotRight,
    /// 2: the command line or the configuration is wrong.
    Usage,
    /// 3: it could not be done.
    Failed,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(match exit {
            Exit::Done => 0,
            Exit::NotRight => 1,
            Exit::Usage => 2,
            Exit::Failed => 3,
        })
    }
}
