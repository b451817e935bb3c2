//! What is reported is what was on the wire.

use doorward_verify::evidence::Probe;

use crate::house::{Act, House};

/// Reads the head that the site wrote, without the code under test: names in lower case, values as they are.
fn captured(bytes: &[u8]) -> Vec<(String, String)> {
    let text = String::from_utf8(bytes.to_vec()).expect("ASCII");
    let head = text.split("\r\n\r\n").next().expect("a head");
    let lines = head.split("\r\n").skip(1);
    lines.map(|line| line.split_once(':').expect("a field")).map(|(n, v)| (n.to_ascii_lowercase(), v.trim().to_owned())).collect()
}

fn headers(probe: &Probe) -> &[(String, String)] {
    &probe.response.as_ref().expect("an answer").headers
}

#[tokio::test]
async fn ver_01_the_report_holds_the_fields_of_an_independent_capture() {
    let house = House::honest().await;
    let report = house.look().await;
    let said = house.said();
    let mut compared = 0;
    // What is refused before it is read has no method and target that the site could have noted.
    let is_heard = |probe: &&Probe| probe.response.is_some() && !probe.id.starts_with("framing-");
    for probe in report.headers.probes.iter().filter(is_heard).filter(|probe| probe.request.http_version == "1.1") {
        let matching = said.iter().rfind(|(asked, _)| {
            let address = probe.connection.as_ref().map(|connection| connection.remote.clone()).unwrap_or_default();
            let port = if asked.secure { house.https } else { house.http };
            asked.method == probe.request.method
                && address.ends_with(&port.to_string())
                && probe.request.url.contains(asked.target.split('?').next().unwrap_or_default())
                && probe.request.url.contains(&asked.host)
                && probe.request.headers.iter().any(|(name, _)| name == "authorization") == asked.field("authorization").is_some()
                && (asked.from == crate::house::INSIDE) == (probe.vantage.as_str() == "inside")
                && probe
                    .response
                    .as_ref()
                    .is_some_and(|r| r.status.to_string() == String::from_utf8_lossy(&asked_status(&said, asked)))
        });
        let (_, bytes) = matching.unwrap_or_else(|| panic!("{} was not heard by the site", probe.id));
        let visible = |fields: &[(String, String)]| -> Vec<(String, String)> {
            fields.iter().filter(|(name, _)| !matches!(name.as_str(), "set-cookie" | "location")).cloned().collect()
        };
        assert_eq!(visible(headers(probe)), visible(&captured(bytes)), "{}", probe.id);
        compared += 1;
    }
    assert_eq!(compared, 36);
}

fn asked_status(said: &[(crate::house::Asked, Vec<u8>)], wanted: &crate::house::Asked) -> Vec<u8> {
    let entry = said.iter().find(|(asked, _)| std::ptr::eq(asked, wanted)).expect("itself");
    entry.1[9..12].to_vec()
}

#[tokio::test]
async fn ver_01_order_and_duplicates_of_fields_are_kept() {
    let house = House::tampered(|asked, reply| {
        if !asked.is_get("/") {
            return Act::Reply(reply);
        }
        Act::Raw(
            b"HTTP/1.1 200 OK\r\nX-B: 1\r\nvary: Origin\r\nX-a: 2\r\nVary: Cookie\r\nx-b: 1\r\nX-Frame-Options: DENY\r\n\
              x-frame-options: SAMEORIGIN\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nX-Late: 1\r\nx-late: 2\r\n\r\n"
                .to_vec(),
        )
    })
    .await;
    let report = house.look().await;
    let probe = &report.headers.probes[0];
    let pairs: Vec<(&str, &str)> = headers(probe).iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    assert_eq!(
        pairs,
        [
            ("x-b", "1"),
            ("vary", "Origin"),
            ("x-a", "2"),
            ("vary", "Cookie"),
            ("x-b", "1"),
            ("x-frame-options", "DENY"),
            ("x-frame-options", "SAMEORIGIN"),
            ("transfer-encoding", "chunked"),
        ]
    );
    let trailers = &probe.response.as_ref().expect("an answer").trailers;
    assert_eq!(trailers, &[("x-late".to_owned(), "1".to_owned()), ("x-late".to_owned(), "2".to_owned())]);
    assert!(report.headers.failures.contains(&"root-get: x-frame-options: sent more than once".to_owned()));
    assert_eq!(report.headers.headers.root.xfo.as_deref(), Some("DENY, SAMEORIGIN"));
}

#[tokio::test]
async fn ver_01_duplicates_are_kept_over_http_2() {
    let house = House::tampered(|asked, reply| {
        Act::Reply(if asked.http2 { reply.add("content-security-policy", "default-src *") } else { reply })
    })
    .await;
    let report = house.look().await;
    let probe = report.headers.probes.iter().find(|probe| probe.id == "root-h2").expect("planned");
    assert_eq!(headers(probe).iter().filter(|(name, _)| name == "content-security-policy").count(), 2);
    assert_eq!(report.headers.failures, ["root-h2: content-security-policy: sent more than once"]);
}

#[tokio::test]
async fn a_header_of_the_policy_in_the_trailers_is_a_deviation() {
    let house = House::tampered(|asked, reply| {
        if !asked.is_get("/") {
            return Act::Reply(reply);
        }
        let mut head = String::from("HTTP/1.1 200 OK\r\n");
        for (name, value) in &reply.fields {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        head.push_str("transfer-encoding: chunked\r\n\r\n0\r\ncontent-security-policy: default-src *\r\n\r\n");
        Act::Raw(head.into_bytes())
    })
    .await;
    let report = house.look().await;
    assert_eq!(report.headers.failures, ["root-get: content-security-policy: a header of the policy came as a trailer"]);
}
