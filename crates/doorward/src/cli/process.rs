//! What commands share: logging, loading, the runtime, and how faults are told.

use std::io::{IsTerminal as _, Write as _};
use std::path::Path;

use doorward_config::{Config, EnvSource as _, ProcessEnv};

use super::Exit;
use crate::telemetry::{self, Format};
use crate::wire::{House, StartError, named_faults};

/// Starts logging at the level of the environment.
pub(super) fn start_log(format: Format) -> Result<(), Exit> {
    let word = ProcessEnv.get(telemetry::LEVEL_VARIABLE);
    match telemetry::parse_level(word.as_deref()) {
        Ok(level) => {
            telemetry::start(level, format);
            Ok(())
        }
        Err(problem) => {
            say(&problem);
            Err(Exit::Usage)
        }
    }
}

/// Loads the configuration, or shows every fault of it.
pub(super) fn load(path: &Path) -> Result<Config, Exit> {
    doorward_config::load(path, &ProcessEnv).map_err(|faults| {
        let _ = write!(std::io::stderr(), "{}", faults.render(std::io::stderr().is_terminal()));
        for fault in named_faults(faults.secrets(), &ProcessEnv) {
            say(&format!("{}: {}", fault.key, fault.problem));
        }
        Exit::Usage
    })
}

/// Prints the listeners and the last line that scripts wait for.
pub(super) fn announce(house: &House, last: &str) {
    let mut out = std::io::stdout().lock();
    for (kind, address) in house.listening() {
        let _ = writeln!(out, "listening {kind} {address}");
    }
    let _ = writeln!(out, "{last}");
    let _ = out.flush();
}

/// Runs a command that needs the runtime, and says how it ended.
pub(super) fn block_on(work: impl Future<Output = Result<(), StartError>>) -> Exit {
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            say(&format!("the runtime cannot start: {error}"));
            return Exit::Failed;
        }
    };
    match runtime.block_on(work) {
        Ok(()) => Exit::Done,
        Err(error) => {
            say(&error.to_string());
            error.exit()
        }
    }
}

/// One line for the person who started us.
pub(super) fn say(line: &str) {
    let _ = writeln!(std::io::stderr(), "doorward: {line}");
}

/// One line of data.
pub(super) fn print(line: &str) -> Result<(), StartError> {
    writeln!(std::io::stdout(), "{line}").map_err(StartError::Output)
}
