//! The database as it is, read by its own client and not by ours.

use std::cell::RefCell;
use std::path::PathBuf;
use std::process::Command;

use doorward_testkit::House;
use doorward_testkit::real::Postgres;

pub(crate) enum Ledger<'a> {
    Sqlite(PathBuf),
    Postgres(&'a RefCell<Postgres>, String),
}

impl<'a> Ledger<'a> {
    pub(crate) fn of_sqlite(house: &House) -> Self {
        Self::Sqlite(house.data_dir().join("doorward.db"))
    }

    /// The database that the house's configuration names.
    pub(crate) fn of_postgres(postgres: &'a RefCell<Postgres>, house: &House) -> Self {
        let text = std::fs::read_to_string(house.config_file()).unwrap();
        let url = text.lines().find(|line| line.contains("postgres://")).unwrap();
        Self::Postgres(postgres, url.rsplit('/').next().unwrap().trim_end_matches('"').to_owned())
    }

    /// The rows of a statement that both databases read alike; `HEX(` is a BLOB's or BYTEA's lower-case digits.
    #[track_caller]
    pub(super) fn ask(&self, statement: &str) -> Vec<Vec<String>> {
        let text = match self {
            Self::Sqlite(file) => ask_sqlite(file, &statement.replace("HEX(", "lower(hex(").replace(")HEX", "))")),
            Self::Postgres(postgres, database) => {
                let statement = statement.replace("HEX(", "encode(").replace(")HEX", ", 'hex')");
                postgres.borrow().ask(database, &statement).unwrap_or_else(|error| panic!("{statement}: {error}"))
            }
        };
        text.lines().map(|line| line.split('|').map(str::to_owned).collect()).collect()
    }

    /// The one number of a statement.
    #[track_caller]
    pub(super) fn number(&self, statement: &str) -> u64 {
        let rows = self.ask(statement);
        let text = rows.first().and_then(|row| row.first()).unwrap_or_else(|| panic!("nothing from {statement}"));
        text.parse().unwrap_or_else(|_| panic!("{text:?} from {statement}"))
    }
}

fn ask_sqlite(file: &PathBuf, statement: &str) -> String {
    let output = Command::new("sqlite3").args(["-batch", "-bail", "-cmd", ".timeout 10000"]).arg(file).arg(statement).output();
    let output = output.expect("sqlite3 is installed: `cargo xtask test` installs it");
    assert!(output.status.success(), "{statement}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}
