//! Whom the program may order certificates from: one authority, whatever is written where (TLS-01, TLS-05). The program runs in a network of
//! its own, whose counters tell of every attempt to reach anybody.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

use doorward_testkit::{House, HouseBuilder, Start, binary};

const FILES: &str = "source = \"files\"\ncertificate = \"site.pem\"\nkey = \"site.key\"";
const PRODUCTION: &str = "https://acme-v02.api.letsencrypt.org/directory";

/// Other sources, and the staging directory itself written as a URL: there is a word for it and no other way.
const SOURCES: &[&str] = &[
    PRODUCTION,
    "https://acme.zerossl.com/v2/DV90",
    "https://dv.acme-v02.api.pki.goog/directory",
    "https://127.0.0.1:14000/dir",
    "https://acme-staging-v02.api.letsencrypt.org/directory",
    "https://acme-staging-v02.api.letsencrypt.org@acme-v02.api.letsencrypt.org/directory",
    "letsencrypt",
    "LE-STAGING",
    "le-staging ",
];

const ALONE: &str = "\"$@\"; code=$?; cat /proc/net/snmp /proc/net/snmp6 >&2; exit $code";

/// In a network without a way out, whose counters are printed at the end.
fn alone(_: &Path) -> Vec<String> {
    let words = ["unshare", "--map-root-user", "--net", "bash", "-c", ALONE, "bash"];
    words.into_iter().map(str::to_owned).chain([binary().display().to_string()]).collect()
}

/// Packets sent, connections begun, and what found no way, in both families.
fn attempts(counters: &str) -> u64 {
    let lines: Vec<&str> = counters.lines().collect();
    let pairs = lines.windows(2).filter(|pair| {
        let name = pair[0].split(':').next().unwrap_or_default();
        matches!(name, "Ip" | "Tcp" | "Udp") && pair[1].starts_with(name)
    });
    let fourth = pairs.flat_map(|pair| pair[0].split_whitespace().zip(pair[1].split_whitespace()).collect::<Vec<_>>());
    let sixth = lines.iter().filter_map(|line| {
        let mut words = line.split_whitespace();
        Some((words.next()?, words.next()?))
    });
    let wanted = ["OutRequests", "OutNoRoutes", "ActiveOpens", "OutDatagrams", "Ip6OutNoRoutes", "Udp6OutDatagrams"];
    fourth.chain(sixth).filter(|(name, _)| wanted.contains(name)).map(|(_, count)| count.parse::<u64>().unwrap_or(0)).sum()
}

/// The start is refused, in words about the authority, and nobody was asked anything.
#[track_caller]
fn refused_in_silence(house: HouseBuilder, what: &str) {
    let Start::Refused { code: Some(code), stderr, .. } = house.by(alone).try_start() else { panic!("{what}: it started") };
    assert_ne!(code, 0, "{what}");
    let said = ["production issuance is disallowed", "none of the choices", "no such setting"];
    assert!(said.iter().any(|words| stderr.contains(words)), "{what}: {stderr}");
    assert!(stderr.contains("OutNoRoutes"), "{what}: the counters are missing: {stderr}");
    assert_eq!(attempts(&stderr), 0, "{what}");
}

fn with_source(source: &str) -> HouseBuilder {
    House::builder().edit(FILES, &format!("source = {source:?}"))
}

#[test]
fn the_counters_tell_of_an_attempt() {
    let words = ["--map-root-user", "--net", "bash", "-c", ALONE, "bash"];
    let look_up = ["bash", "-c", "getent hosts acme-v02.api.letsencrypt.org; exec 3<>/dev/tcp/192.0.2.1/443"];
    let counted = |of: &[&str]| {
        let output = Command::new("unshare").args(words).args(of).output().unwrap();
        attempts(&String::from_utf8(output.stderr).unwrap())
    };
    assert!(counted(&look_up) > 0);
    assert_eq!(counted(&["true"]), 0);
}

#[test]
fn tls_01_no_other_authority_is_started_with_and_nobody_is_asked() {
    for source in SOURCES {
        refused_in_silence(with_source(source), source);
    }
    for key in ["directory", "ca_server"] {
        let line = format!("source = \"le-staging\"\n{key} = {PRODUCTION:?}");
        refused_in_silence(House::builder().edit(FILES, &line), key);
    }
}

/// What `grep` finds in the program's file; in this process, which is not optimised, it would take long.
fn grep(words: &[&str]) -> BTreeSet<String> {
    let output = Command::new("grep").env("LC_ALL", "C").arg("-a").args(words).arg(binary()).output().unwrap();
    assert!(matches!(output.status.code(), Some(0 | 1)), "{words:?}");
    String::from_utf8_lossy(&output.stdout).lines().map(str::to_owned).collect()
}

/// Whatever in the file could be the name of a variable about this: capitals, digits and underscores.
fn possible_names() -> BTreeSet<String> {
    let words = grep(&["-oE", "[A-Z][A-Z0-9_]{2,40}"]);
    let about = ["ENV", "ACME", "LE_", "CA_", "SERVER", "CERT", "PROXY", "PROD", "DIRECTORY", "ISSUE", "STAG"];
    words.into_iter().filter(|word| about.iter().any(|part| word.contains(part))).collect()
}

#[test]
fn tls_05_no_variable_lifts_it_and_the_program_knows_no_other_authority() {
    let mut house = with_source("letsencrypt");
    let known = ["ENV", "ACME_DIRECTORY", "ACME_CA_SERVER", "ACME_SERVER", "LE_DIRECTORY", "LE_ENV", "LEGO_CA_SERVER"];
    let more = ["TRAEFIK_CA_SERVER", "CA_SERVER", "SSL_CERT_FILE", "SSL_CERT_DIR", "HTTPS_PROXY", "https_proxy", "ALL_PROXY"];
    let mut names: BTreeSet<String> = known.iter().chain(&more).map(|&name| name.to_owned()).collect();
    // Those of ours are the configuration, tried below; those of the loader and the shell would end the test itself.
    let spared = ["DOORWARD_", "LD_", "BASH"];
    names.extend(possible_names().into_iter().filter(|name| !spared.iter().any(|prefix| name.starts_with(prefix))));
    assert!(names.len() > 30, "{names:?}");
    for name in &names {
        let value = match name.as_str() {
            "ENV" | "LE_ENV" => "prod",
            _ => PRODUCTION,
        };
        house = house.var(name, value);
    }
    refused_in_silence(house, "every variable");
    for (name, value) in [("DOORWARD_TLS__SOURCE", PRODUCTION), ("DOORWARD_TLS__DIRECTORY", PRODUCTION)] {
        refused_in_silence(House::builder().var(name, value), name);
    }
    // The review of the strings: the address of no other authority is in the file, so nothing could switch to it.
    let holds = |text: &str| !grep(&["-oF", text]).is_empty();
    assert!(holds("acme-staging-v02.api.letsencrypt.org/directory"));
    for host in
        ["acme-v02.api.letsencrypt.org", "acme.zerossl.com", "pki.goog", "api.buypass.com", "acme.ssl.com", "acme.sectigo.com"]
    {
        assert!(!holds(host), "{host}");
    }
}
