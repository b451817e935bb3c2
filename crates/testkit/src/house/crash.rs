//! A house that is killed and comes back.

use std::process::Command;

use super::House;

impl House {
    /// Sends SIGKILL: the process ends where it stands. [`Self::rise`] brings the house back.
    #[track_caller]
    pub fn strike(&self) {
        // The child has not been waited for, so the id is nobody else's.
        let status = Command::new("sh").arg("-c").arg(format!("kill -KILL {}", self.pid())).status().unwrap();
        assert!(status.success());
    }

    /// Waits for the end of a process that was struck.
    ///
    /// # Panics
    /// When it ended in any other way: then it is not the kill that is tested.
    #[track_caller]
    pub fn bury(&mut self) {
        self.process.end_of_struck();
    }

    /// Starts it again with the same configuration and data, after [`Self::bury`] or [`House::stop`].
    #[track_caller]
    pub fn rise(&mut self) {
        self.process = self.launch(&self.config_file());
    }
}
