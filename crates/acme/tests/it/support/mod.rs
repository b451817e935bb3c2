//! A bench for an issuer: authority, vault, clock, and everything that happened.

mod ca;
mod server;
mod vault;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use doorward_acme::client::Dial;
use doorward_acme::directory::Loopback;
use doorward_acme::{
    AcmeEvent, Challenge, Challenges, Directory, Events, Install, InstallFault, Issuer, IssuerParts, IssuerTimes,
    StoredCertificate,
};
use doorward_kit::{Clock, Host, ManualClock, SystemEntropy, Timestamp};
use tokio::net::TcpStream;

pub(crate) use ca::{PREFIX, Pki, Signer};
pub(crate) use server::{Authority, Twist};
pub(crate) use vault::MemoryVault;

/// Every test begins here.
pub(crate) const START: i64 = 1_790_000_000;
pub(crate) const DAY: Duration = Duration::from_secs(24 * 3600);

/// Everything one issuer touches.
pub(crate) struct Bench {
    pub(crate) authority: Authority,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) vault: Arc<MemoryVault>,
    pub(crate) dial: Arc<CountingDial>,
    pub(crate) record: Arc<Record>,
    pub(crate) names: Vec<Host>,
}

impl Bench {
    pub(crate) async fn new() -> Self {
        let clock = Arc::new(ManualClock::at(Timestamp::from_second(START).unwrap()));
        let authority = Authority::start(Arc::clone(&clock)).await;
        let dial = Arc::new(CountingDial { to: None, dialled: Mutex::default() });
        let names = vec!["app.test".parse().unwrap(), "www.app.test".parse().unwrap()];
        Self { authority, clock, vault: Arc::default(), dial, record: Arc::default(), names }
    }

    pub(crate) fn directory(&self) -> Directory {
        self.authority.directory()
    }

    pub(crate) fn issuer(&self) -> Issuer {
        self.issuer_with(Arc::clone(&self.vault), Arc::clone(&self.record))
    }

    /// A second node has its own record; the vault is shared or not.
    pub(crate) fn issuer_with(&self, vault: Arc<MemoryVault>, record: Arc<Record>) -> Issuer {
        let clock = Arc::clone(&self.clock) as Arc<dyn Clock>;
        assemble(self.directory(), self.names.clone(), vault, record, clock, Arc::clone(&self.dial))
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }
}

/// An issuer that writes into a record.
pub(crate) fn assemble(
    directory: Directory,
    names: Vec<Host>,
    vault: Arc<MemoryVault>,
    record: Arc<Record>,
    clock: Arc<dyn Clock>,
    dial: Arc<CountingDial>,
) -> Issuer {
    let sink = Arc::clone(&record);
    let install: Install = Arc::new(move |certificate: &StoredCertificate| {
        if *sink.refuses_install.lock().unwrap() {
            return Err(InstallFault("full".to_owned()));
        }
        sink.installed.lock().unwrap().push(certificate.clone());
        Ok(())
    });
    Issuer::new(IssuerParts {
        directory,
        email: Some("root@app.test".to_owned()),
        names,
        vault,
        challenges: Arc::clone(&record) as Arc<dyn Challenges>,
        events: record,
        install,
        clock,
        entropy: Arc::new(SystemEntropy),
        dial,
        times: IssuerTimes::default(),
    })
    .unwrap()
}

/// What an issuer told and took into use.
#[derive(Debug, Default)]
pub(crate) struct Record {
    pub(crate) events: Mutex<Vec<AcmeEvent>>,
    pub(crate) installed: Mutex<Vec<StoredCertificate>>,
    pub(crate) open: Mutex<Vec<Challenge>>,
    pub(crate) presented: Mutex<Vec<Challenge>>,
    pub(crate) refuses_install: Mutex<bool>,
}

impl Record {
    pub(crate) fn installed(&self) -> usize {
        self.installed.lock().unwrap().len()
    }

    pub(crate) fn count(&self, wanted: impl Fn(&AcmeEvent) -> bool) -> usize {
        self.events.lock().unwrap().iter().filter(|event| wanted(event)).count()
    }

    pub(crate) fn orders(&self) -> usize {
        self.count(|event| matches!(event, AcmeEvent::Ordered { .. }))
    }

    /// The words of the failures, in their order.
    pub(crate) fn reasons(&self) -> Vec<&'static str> {
        let events = self.events.lock().unwrap();
        events
            .iter()
            .filter_map(|event| if let AcmeEvent::Failed { reason, .. } = event { Some(reason.0) } else { None })
            .collect()
    }
}

impl Events for Record {
    fn record(&self, event: AcmeEvent) {
        self.events.lock().unwrap().push(event);
    }
}

impl Challenges for Record {
    fn present(&self, challenge: Challenge) {
        self.presented.lock().unwrap().push(challenge.clone());
        self.open.lock().unwrap().push(challenge);
    }

    fn withdraw(&self, token: &str) {
        self.open.lock().unwrap().retain(|challenge| challenge.token != token);
    }
}

/// Opens sockets and remembers for whom; may lead every name to one port.
pub(crate) struct CountingDial {
    pub(crate) to: Option<u16>,
    pub(crate) dialled: Mutex<Vec<(String, u16)>>,
}

impl CountingDial {
    pub(crate) fn count(&self) -> usize {
        self.dialled.lock().unwrap().len()
    }

    /// Every host and port but this one that a socket was opened for.
    pub(crate) fn strangers(&self, port: u16) -> Vec<(String, u16)> {
        let dialled = self.dialled.lock().unwrap();
        dialled.iter().filter(|(host, to)| (host.as_str(), *to) != ("localhost", port)).cloned().collect()
    }
}

#[async_trait]
impl Dial for CountingDial {
    async fn dial(&self, host: &str, port: u16) -> std::io::Result<TcpStream> {
        self.dialled.lock().unwrap().push((host.to_owned(), port));
        TcpStream::connect(("127.0.0.1", self.to.unwrap_or(port))).await
    }
}

pub(crate) fn loopback(url: &str, pki: &Pki) -> Directory {
    let own = Loopback { api_root_pem: pki.api_root_pem(), issuing_root_pem: pki.root_pem(), issuer_prefix: PREFIX.to_owned() };
    Directory::loopback(url, &own).unwrap()
}
