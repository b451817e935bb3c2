//! Other words in the configuration of a house that goes on running.

use std::process::Command;
use std::time::Duration;

use super::{House, until};

/// A second of looking, one of waiting until it is still, and a busy machine.
const PATIENCE: Duration = Duration::from_secs(20);

impl House {
    /// Changes the configuration's text, whole and at once, and tells nobody.
    #[track_caller]
    pub fn rewrite(&self, change: impl FnOnce(String) -> String) {
        let text = std::fs::read_to_string(self.config_file()).unwrap();
        let other = self.folder().join("doorward.toml.next");
        std::fs::write(&other, change(text)).unwrap();
        std::fs::rename(other, self.config_file()).unwrap();
    }

    /// Sends SIGHUP.
    #[track_caller]
    pub fn hang_up(&self) {
        let status = Command::new("sh").arg("-c").arg(format!("kill -HUP {}", self.pid())).status().unwrap();
        assert!(status.success());
    }

    /// How often a configuration was taken so far.
    #[must_use]
    pub fn reloads(&self) -> usize {
        self.stderr().matches("the configuration was reloaded").count()
    }

    /// How often one was not taken so far.
    #[must_use]
    pub fn refusals(&self) -> usize {
        self.stderr().matches("the configuration was not taken").count()
    }

    /// Changes the configuration, sends SIGHUP, waits until it is in force.
    #[track_caller]
    pub fn reload_with(&self, change: impl FnOnce(String) -> String) {
        let before = self.reloads();
        self.rewrite(change);
        self.hang_up();
        self.wait_for_reload(before);
    }

    /// Waits until a configuration was taken more often than that.
    #[track_caller]
    pub fn wait_for_reload(&self, before: usize) {
        until(PATIENCE, "a reload", || (self.reloads() > before).then_some(()));
    }

    /// Changes the configuration, sends SIGHUP, waits until it was refused; what the log says about it.
    #[track_caller]
    #[must_use]
    pub fn refused_with(&self, change: impl FnOnce(String) -> String) -> String {
        let before = self.refusals();
        self.rewrite(change);
        self.hang_up();
        self.wait_for_refusal(before)
    }

    /// Waits until a configuration was refused more often than that; what the log says about it.
    #[track_caller]
    #[must_use]
    pub fn wait_for_refusal(&self, before: usize) -> String {
        until(PATIENCE, "a refusal", || {
            let log = self.stderr();
            let mut lines = log.lines().filter(|line| line.contains("the configuration was not taken"));
            lines.nth(before).map(str::to_owned)
        })
    }
}
