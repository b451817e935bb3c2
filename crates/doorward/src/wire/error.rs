//! Why the house does not open.

use std::path::PathBuf;

use crate::cli::Exit;

/// A start that did not come about, or a command that could not be done.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// What was typed is wrong.
    #[error("{0}")]
    Usage(&'static str),
    /// What was asked for is not there.
    #[error("{0}")]
    NotThere(&'static str),
    /// The master key.
    #[error("site.key_file: {0}")]
    Key(#[from] doorward_config::SecretError),
    /// The process is root and need not be.
    #[error(
        "refused to serve as root: start it as a user of its own, as packaging/systemd/doorward.service does (ports below 1024 take \
         CAP_NET_BIND_SERVICE alone), or set site.danger_run_as_root = true"
    )]
    Root,
    /// `site.key_file` or `site.key_env` is missing.
    #[error("site.key_file: the site has no key")]
    NoKey,
    /// TLS to an upstream.
    #[error(transparent)]
    Upstream(#[from] doorward_edge::proxy::UpstreamError),
    /// Secrets that are missing or weak, all of them.
    #[error("{}", lines(.0))]
    Secrets(Vec<super::SecretFault>),
    /// The key file is an old copy.
    #[error(
        "site.key_file: version {version} is missing, with which the audit trail of node {node} was sealed: this is an old copy, or a \
         line was removed; put the whole ring back (docs/concepts/keys.md says what to do when it is lost)"
    )]
    KeyMissing {
        /// Of the key.
        version: u32,
        /// Whose trail.
        node: String,
    },
    /// The key ring cannot be rotated.
    #[error("site.key_file: {0}")]
    Ring(#[from] doorward_kit::RingError),
    /// The key file, as it is written.
    #[error("site.key_file cannot be written; it is as it was: {0}")]
    KeyFile(std::io::Error),
    /// The data folder.
    #[error("site.data_dir: {path}: {source}")]
    DataDir {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The database.
    #[error("the database cannot be opened: {0}")]
    Open(#[from] doorward_storage_sqlite::OpenError),
    /// The database on a server.
    #[error("the database cannot be opened: {0}")]
    OpenPostgres(#[from] doorward_storage_postgres::OpenError),
    /// The password of the database on a server.
    #[error("store.password_file: {0}")]
    StorePassword(doorward_config::SecretError),
    /// A statement of a command.
    #[error(transparent)]
    Store(#[from] doorward_domain::StoreError),
    /// The password of the mail relay.
    #[error("mail.password_file: {0}")]
    MailPassword(doorward_config::SecretError),
    /// The mail relay.
    #[error("mail.ca_file: {0}")]
    Relay(#[from] doorward_app::RelayError),
    /// The password of the shared counters.
    #[error("counters.password_file: {0}")]
    CounterPassword(doorward_config::SecretError),
    /// The way to the shared counters.
    #[error("counters: {0}")]
    CounterSetup(doorward_storage_redis::SetupError),
    /// The shared counters, as they answered.
    #[error("counters.url: {0}")]
    Counters(doorward_domain::throttle::CountersError),
    /// Whoever reaches the database may use it.
    #[error(
        "store.url: the server lets this user in with any password: everybody who reaches it has every account; make pg_hba.conf ask for \
         scram-sha-256"
    )]
    OpenStore,
    /// Whoever reaches the counters may use them.
    #[error(
        "counters.url: the server answers without a password: everybody who reaches it can lift every limit; set requirepass, or give the \
         user `default` a password or `off`"
    )]
    OpenCounters,
    /// Sockets that were handed over, and what they are.
    #[error(transparent)]
    Activation(#[from] crate::activation::ActivationError),
    /// Sockets that were handed over, and what the configuration says.
    #[error(transparent)]
    Passed(#[from] doorward_edge::listen::PassedError),
    /// The hashing threads.
    #[error("passwords cannot be hashed: {0}")]
    Hasher(#[from] doorward_domain::credential::Argon2Error),
    /// The operator's list of passwords.
    #[error("accounts.blocklist_file: {0}")]
    Blocklist(#[from] super::BlocklistError),
    /// The program file is damaged.
    #[error("the built-in list of common passwords is damaged; install the program again")]
    CommonPasswords,
    /// The accounts application.
    #[error(transparent)]
    App(#[from] doorward_app::AppError),
    /// The users of a gate.
    #[error(transparent)]
    Gate(#[from] doorward_edge::gate::GateLoadError),
    /// Certificate or key.
    #[error(transparent)]
    Tls(#[from] doorward_edge::tls::TlsError),
    /// What is stored of certificates, or whom to ask for them.
    #[error(transparent)]
    Certificate(#[from] crate::certificate::CertificateError),
    /// A listener.
    #[error(transparent)]
    Bind(#[from] doorward_edge::listen::BindError),
    /// Signal handlers.
    #[error("signals cannot be received: {0}")]
    Signal(std::io::Error),
    /// The demo's servers.
    #[error("the demo cannot start: {0}")]
    Demo(std::io::Error),
    /// A file that a command reads.
    #[error("the file cannot be read: {0}")]
    Input(std::io::Error),
    /// Whoever reads our output is gone.
    #[error("output cannot be written: {0}")]
    Output(std::io::Error),
    /// The folder of `dev`.
    #[error("the folder cannot be written: {0}")]
    Folder(std::io::Error),
}

impl StartError {
    /// How the process ends.
    #[must_use]
    pub fn exit(&self) -> Exit {
        match self {
            Self::Usage(_)
            | Self::CounterPassword(_)
            | Self::StorePassword(_)
            | Self::MailPassword(_)
            | Self::Relay(_)
            | Self::CounterSetup(_)
            | Self::Key(_)
            | Self::NoKey
            | Self::Root
            | Self::KeyMissing { .. }
            | Self::Secrets(_)
            | Self::Upstream(_)
            | Self::Ring(_)
            | Self::Blocklist(_)
            | Self::Activation(_)
            | Self::Passed(_)
            | Self::Gate(_)
            | Self::Tls(_) => Exit::Usage,
            Self::Certificate(error) if error.is_operators() => Exit::Usage,
            Self::NotThere(_) => Exit::NotRight,
            Self::DataDir { .. }
            | Self::KeyFile(_)
            | Self::Open(_)
            | Self::OpenPostgres(_)
            | Self::Store(_)
            | Self::Counters(_)
            | Self::OpenStore
            | Self::OpenCounters
            | Self::Hasher(_)
            | Self::CommonPasswords
            | Self::App(_)
            | Self::Certificate(_)
            | Self::Bind(_)
            | Self::Signal(_)
            | Self::Demo(_)
            | Self::Input(_)
            | Self::Output(_)
            | Self::Folder(_) => Exit::Failed,
        }
    }
}

/// One fault a line.
fn lines(faults: &[super::SecretFault]) -> String {
    let lines: Vec<_> = faults.iter().map(|fault| format!("{}: {}", fault.key, fault.problem)).collect();
    lines.join("\ndoorward: ")
}
