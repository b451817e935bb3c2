//! `/metrics`: on the internal listener alone, right in its numbers, and without a word that a stranger chose.

use std::collections::BTreeSet;

use doorward_testkit::{Client, House, INSIDE, RawClient, Reply, Request};

use crate::site::Site;

fn scrape(house: &House) -> String {
    let request = format!("GET /metrics HTTP/1.1\r\nHost: {}\r\n\r\n", house.internal());
    let reply: Reply = RawClient::plain(house.internal(), INSIDE).unwrap().ask(request).expect(200);
    assert_eq!(reply.header("content-type"), Some("text/plain; version=0.0.4; charset=utf-8"));
    reply.text()
}

/// The value of one sample, written with all its labels.
#[track_caller]
fn value(text: &str, sample: &str) -> f64 {
    let line = text.lines().find(|line| line.strip_prefix(sample).is_some_and(|rest| rest.starts_with(' ')));
    line.unwrap_or_else(|| panic!("no {sample} in\n{text}")).rsplit(' ').next().unwrap().parse().unwrap()
}

#[test]
fn every_answer_is_counted_once_where_it_belongs() {
    let site = Site::start();
    let before = scrape(&site.house);
    let mut client = site.house.client();
    for _ in 0..3 {
        client.get("/").expect(200);
    }
    client.get("/api/auth/me").expect(401);
    client.get("/members/").expect(401);
    site.insider("pga").get("/").expect(401);
    site.outsider("dash").get("/").expect(403);
    site.house.raw_plain().ask(format!("GET /x HTTP/1.1\r\nHost: {}\r\n\r\n", site.house.host())).expect(308);
    let after = scrape(&site.house);
    for (labels, grown) in [
        (r#"listener="https",audience="page",status="2xx""#, 3.0),
        (r#"listener="https",audience="page",status="4xx""#, 1.0),
        (r#"listener="https",audience="api",status="4xx""#, 1.0),
        (r#"listener="https",audience="gate_pgadmin",status="4xx""#, 1.0),
        (r#"listener="https",audience="gate_traefik",status="4xx""#, 1.0),
        (r#"listener="http",audience="plain",status="3xx""#, 1.0),
        (r#"listener="internal",audience="plain",status="2xx""#, 1.0),
    ] {
        let sample = format!("doorward_requests_total{{{labels}}}");
        assert_eq!(value(&after, &sample) - value(&before, &sample), grown, "{labels}");
    }
    let pages = "doorward_request_duration_seconds_bucket{audience=\"page\",le=\"+Inf\"}";
    assert_eq!(value(&after, pages) - value(&before, pages), 4.0);
    assert!(value(&after, "doorward_upstream_connections") >= 1.0);
    assert!(value(&after, "doorward_connections{listener=\"https\"}") >= 1.0);
    for sample in ["doorward_counters_degraded", "doorward_mail_waiting", "doorward_mail_dead", "doorward_config_stale"] {
        assert_eq!(value(&after, sample), 0.0, "{sample}");
    }
    value(&after, "doorward_audit_queue");
    value(&after, "doorward_hashing_queue");
    let _ = site.house.refused_with(|text| format!("{text}\nnonsense\n"));
    assert_eq!(value(&scrape(&site.house), "doorward_config_stale"), 1.0);
}

#[test]
fn no_caller_can_make_a_series_or_see_one() {
    let site = Site::start();
    let names = |text: &str| -> BTreeSet<String> {
        text.lines().map(|line| line.rsplit_once(' ').map_or(line, |(sample, _)| sample).to_owned()).collect()
    };
    let before = scrape(&site.house);
    for n in 0..20 {
        let word = format!("canary{n}");
        let request = Request::get(&format!("/{word}?{word}"))
            .header("User-Agent", &word)
            .header("Referer", &format!("https://{word}.test/"))
            .header("Origin", &format!("https://{word}.test"))
            .cookies(&format!("__Host-doorward_session={word}"));
        site.house.client().send(&request);
        let mut raw = site.house.raw();
        raw.send(format!("CANARY{n} / HTTP/1.1\r\nHost: {word}.test\r\n\r\n"));
        let _ = raw.read_reply();
    }
    let after = scrape(&site.house);
    assert_eq!(names(&before), names(&after));
    assert!(!after.to_ascii_lowercase().contains("canary"), "{after}");
    // Every sample belongs to a family that says what it is.
    let families: Vec<&str> = after.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split(' ').next()).collect();
    for line in after.lines().filter(|line| !line.starts_with('#')) {
        let name = line.split(['{', ' ']).next().unwrap();
        let stem = ["_bucket", "_sum", "_count"].iter().find_map(|end| name.strip_suffix(end)).unwrap_or(name);
        assert!(families.contains(&name) || families.contains(&stem), "{line}");
    }
    // The public listeners know nothing of it.
    for path in ["/metrics", "/api/metrics"] {
        assert!(!site.house.client().get(path).text().contains("doorward_requests_total"), "{path}");
        let mut gate = Client::new(site.house.https(), INSIDE, &site.house.authority_of("adm"));
        assert_eq!(gate.get(path).status, 401);
    }
}
