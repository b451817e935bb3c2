//! `calibrate`: how much a hash may cost on this machine.

use std::io::Write as _;
use std::thread::available_parallelism;
use std::time::Duration;

use doorward_domain::credential::calibrate::{Calibration, FLOOR_MEMORY_KIB, FLOOR_PASSES, calibrate};

use super::Exit;
use super::process::say;

/// Measures Argon2id here and prints configuration lines; never less than 19 MiB and two passes.
///
/// Run it on the machine that will serve, while it is otherwise idle. Existing hashes are replaced at the next sign-in.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// How long one hash should take, in milliseconds.
    #[arg(long, value_name = "MS", default_value_t = 100, value_parser = clap::value_parser!(u64).range(1..=5_000))]
    target: u64,
    /// Most memory of one hash in MiB; every hashing thread holds it all the time.
    #[arg(long, value_name = "MIB", default_value_t = 64, value_parser = clap::value_parser!(u32).range(19..=1_024))]
    memory: u32,
}

/// Runs the command.
pub fn run(args: &Args) -> Exit {
    let found = match calibrate(Duration::from_millis(args.target), args.memory.saturating_mul(1_024)) {
        Ok(found) => found,
        Err(error) => {
            say(&error.to_string());
            return Exit::Failed;
        }
    };
    if found.memory_kib == FLOOR_MEMORY_KIB && found.passes == FLOOR_PASSES {
        say("the floor of 19 MiB and two passes takes that long already; no less is offered");
    }
    let threads = available_parallelism().map_or(1, usize::from);
    match std::io::stdout().write_all(lines(found, threads).as_bytes()) {
        Ok(()) => Exit::Done,
        Err(_) => Exit::Failed,
    }
}

/// A piece of configuration that can be pasted as it is.
fn lines(found: Calibration, threads: usize) -> String {
    let Calibration { memory_kib, passes, took } = found;
    let milliseconds = took.as_secs_f64() * 1e3;
    let each_second = 1.0 / took.as_secs_f64().max(1e-9);
    let threads_u32 = u32::try_from(threads).unwrap_or(u32::MAX);
    let total = memory_kib.saturating_mul(threads_u32) / 1_024;
    format!(
        "# One hash took {milliseconds:.0} ms here: {each_second:.0} sign-ins a second for each hashing thread.\n\
         # {threads} threads, one for each core, hold {total} MiB.\n\
         [accounts]\n\
         argon2_memory_kib = {memory_kib}\n\
         argon2_passes = {passes}\n"
    )
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use doorward_domain::credential::calibrate::Calibration;

    use super::lines;

    #[test]
    fn what_is_printed_can_be_pasted_into_a_configuration() {
        let found = Calibration { memory_kib: 65_536, passes: 3, took: Duration::from_millis(80) };
        let expected = [
            "# One hash took 80 ms here: 12 sign-ins a second for each hashing thread.",
            "# 2 threads, one for each core, hold 128 MiB.",
            "[accounts]",
            "argon2_memory_kib = 65536",
            "argon2_passes = 3",
        ];
        assert_eq!(lines(found, 2).lines().collect::<Vec<_>>(), expected);
    }
}
