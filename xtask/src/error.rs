//! Why a task did not do what it was asked.

use std::{fmt, io, path::PathBuf};

/// A task's failure, worded for the person who started it.
#[derive(Debug)]
pub(crate) enum TaskError {
    /// Everything is already on the screen; only the exit code is left to give.
    Reported(u8),
    /// The thing looked at is not right.
    NotRight(String),
    /// The task itself could not be done.
    Undone(String),
    /// A file or a process could not be used.
    Io(PathBuf, io::Error),
}

impl TaskError {
    /// The code of the process: 1 the thing looked at is not right, 3 could not do it.
    pub(crate) fn exit_code(&self) -> u8 {
        match self {
            Self::Reported(code) => *code,
            Self::NotRight(_) => 1,
            Self::Undone(_) | Self::Io(..) => 3,
        }
    }
}

impl fmt::Display for TaskError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Reported(code) => write!(f, "ended with {code}"),
            Self::NotRight(what) | Self::Undone(what) => f.write_str(what),
            Self::Io(path, error) => write!(f, "{}: {error}", path.display()),
        }
    }
}

/// Names the file or program in an I/O error.
pub(crate) trait At<T> {
    /// Turns the error into one that says where it happened.
    fn at(self, path: impl Into<PathBuf>) -> Result<T, TaskError>;
}

impl<T> At<T> for io::Result<T> {
    fn at(self, path: impl Into<PathBuf>) -> Result<T, TaskError> {
        self.map_err(|error| TaskError::Io(path.into(), error))
    }
}
