//! Open ports: nothing but the declared ones takes a connection (EXPO-12, EXPO-01).
//!
//! A plain connect to each of the ports at which services usually listen, on every address of the site, and not one octet sent.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use doorward_policy::ControlId;
use tokio::net::TcpSocket;
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout};

use super::scene::Scene;
use super::{Planned, planned};
use crate::judge::Finding;
use crate::verification::ExposureSection;

/// The scan.
pub(super) const IDS: &[Planned] = &[PORTS];

const PORTS: Planned = planned("exposure-ports", "EXPO-12");
/// Only the edge's ports are public.
const ONLY_THE_EDGE: ControlId = ControlId("EXPO-01");

/// All well-known ports are tried (RFC 6335 §6), and above them what databases, queues, dashboards and development servers take.
const WELL_KNOWN: std::ops::RangeInclusive<u16> = 1..=1024;
const USUAL: &[u16] = &[
    1080, 1194, 1433, 1521, 1883, 2049, 2181, 2375, 2376, 2379, 2380, 3000, 3001, 3128, 3306, 3389, 4000, 4200, 4222, 4317, 4318,
    4369, 4443, 5000, 5001, 5173, 5432, 5433, 5555, 5601, 5671, 5672, 5900, 5984, 6000, 6060, 6379, 6380, 6432, 6443, 7000, 7001,
    7474, 7687, 8000, 8001, 8008, 8025, 8080, 8081, 8082, 8083, 8086, 8088, 8089, 8090, 8123, 8200, 8222, 8300, 8443, 8500, 8761,
    8765, 8787, 8883, 8888, 8983, 9000, 9001, 9042, 9090, 9091, 9092, 9093, 9094, 9100, 9187, 9200, 9229, 9292, 9300, 9418, 9443,
    10000, 10250, 10255, 11211, 11434, 15672, 16379, 16686, 18080, 19999, 20000, 25672, 26257, 26379, 27017, 27018, 28015, 28017,
    29092, 30000, 31337, 32400,
];

/// Tried at the same time: far fewer than the files a process may have open.
const AT_ONCE: usize = 256;
/// A port that does not answer by then is filtered. Six rounds of it are less than the time that one look may take.
const PATIENCE: Duration = Duration::from_millis(700);
/// Everything of a machine listens there.
const OWN: [IpAddr; 2] = [IpAddr::V4(Ipv4Addr::LOCALHOST), IpAddr::V6(Ipv6Addr::LOCALHOST)];

pub(super) async fn run(scene: &mut Scene<'_>) {
    let addresses = addresses(scene);
    let (own, public): (Vec<IpAddr>, Vec<IpAddr>) = addresses.iter().partition(|address| OWN.contains(address));
    if public.is_empty() && !own.is_empty() {
        let reason = "the site is at loopback: everything of this machine listens there";
        return scene.skip(PORTS.id, PORTS.control, reason, true);
    }
    if public.is_empty() {
        // Every other look says that the name leads nowhere.
        return;
    }
    let declared = declared(scene);
    let started = Instant::now();
    let mut open = BTreeSet::new();
    let mut is_whole = true;
    for address in &public {
        let (from, allowed) = (scene.plan.options.outside, scene.looks.allowed());
        is_whole &= timeout(allowed, scan(*address, from, &declared, &mut open)).await.is_ok();
    }
    let unexpected: BTreeSet<u16> = open.difference(&declared).copied().collect();
    let exposure = scene.sections.exposure.get_or_insert_with(empty);
    exposure.declared = words(&declared);
    exposure.observed = words(&open);
    exposure.unexpected = words(&unexpected);
    scene.tell(PORTS.id, findings(&declared, &open, &unexpected, is_whole), started.elapsed());
}

/// A section that nobody has filled in.
pub(super) fn empty() -> ExposureSection {
    ExposureSection { declared: Vec::new(), observed: Vec::new(), unexpected: Vec::new(), internal_paths_public: Vec::new() }
}

/// Wherever the site and its gates are.
fn addresses(scene: &Scene<'_>) -> BTreeSet<IpAddr> {
    let endpoints = scene.plan.probes.iter().filter(|spec| spec.skip.is_none()).map(|spec| (spec.host.clone(), spec.port));
    endpoints.flat_map(|endpoint| scene.looks.addresses.all(&endpoint).to_vec()).map(|address| address.ip()).collect()
}

fn declared(scene: &Scene<'_>) -> BTreeSet<u16> {
    let options = &scene.plan.options;
    let of_listeners = options.listening.iter().copied().chain(options.http_port);
    of_listeners.chain([scene.plan.origin.port()]).collect()
}

async fn scan(address: IpAddr, from: Option<IpAddr>, declared: &BTreeSet<u16>, open: &mut BTreeSet<u16>) {
    let ports: BTreeSet<u16> = WELL_KNOWN.chain(USUAL.iter().copied()).chain(declared.iter().copied()).collect();
    let mut under_way = JoinSet::new();
    for port in ports {
        if under_way.len() >= AT_ONCE {
            open.extend(under_way.join_next().await.and_then(Result::ok).flatten());
        }
        let to = SocketAddr::new(address, port);
        under_way.spawn(async move { is_open(to, from).await.then_some(port) });
    }
    while let Some(ended) = under_way.join_next().await {
        open.extend(ended.ok().flatten());
    }
}

async fn is_open(to: SocketAddr, from: Option<IpAddr>) -> bool {
    let socket = if to.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() };
    let Ok(socket) = socket else { return false };
    let from = from.filter(|from| from.is_ipv4() == to.is_ipv4());
    if from.is_some_and(|from| socket.bind(SocketAddr::new(from, 0)).is_err()) {
        return false;
    }
    match timeout(PATIENCE, socket.connect(to)).await {
        // On one machine a connection may meet itself.
        Ok(Ok(stream)) => stream.local_addr().ok() != Some(to),
        _ => false,
    }
}

fn words(ports: &BTreeSet<u16>) -> Vec<String> {
    ports.iter().map(|port| format!("{port}/tcp")).collect()
}

fn findings(declared: &BTreeSet<u16>, open: &BTreeSet<u16>, unexpected: &BTreeSet<u16>, is_whole: bool) -> Vec<Finding> {
    let (expected, observed) = (words(declared).join(", "), words(open).join(", "));
    let stray = (!unexpected.is_empty()).then(|| format!("open and not declared: {}", words(unexpected).join(", ")));
    // A scan that does not even find the site's own port has found out nothing.
    let blind = open.is_disjoint(declared).then(|| "not one declared port was found open: the scan sees nothing".to_owned());
    let cut = (!is_whole).then(|| "not all ports could be tried in time".to_owned());
    let drift = stray.clone().or(blind).or(cut);
    vec![
        Finding::new(PORTS.control, "ports", expected.clone(), observed.clone()).fault(drift),
        Finding::new(ONLY_THE_EDGE, "ports", expected, observed).fault(stray),
    ]
}
