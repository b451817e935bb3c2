//! Any site by its origin alone.

use doorward_verify::{Options, Paint, Plan, summary};

use crate::house::{Act, House, look};

fn plan(house: &House) -> Plan {
    let origin = format!("https://app.test:{}", house.https).parse().expect("an origin");
    Plan::for_stranger(&origin, Options { http_port: Some(house.http), ..house.options() }, &doorward_kit::SystemEntropy)
}

#[tokio::test]
async fn headers_certificate_and_cookies_of_any_site_are_judged() {
    let house = House::tampered(|asked, reply| {
        Act::Reply(if asked.is_get("/") {
            reply.without("x-frame-options").add("set-cookie", "PHPSESSID=abcdef123456; path=/")
        } else {
            reply
        })
    })
    .await;
    let report = look(&plan(&house)).await;
    assert_eq!(
        report.headers.failures,
        ["root-get: x-frame-options: missing", "root-get: set-cookie: PHPSESSID: Secure is missing"]
    );
    let ids: Vec<&str> = report.headers.probes.iter().map(|probe| probe.id.as_str()).collect();
    assert_eq!(ids, ["root-get", "root-head", "page-404", "http-redirect", "tls-1-0", "tls-1-1"]);
    let tls = report.verification.tls.as_ref().expect("a certificate");
    assert_eq!(tls.san, ["app.test", "adm.app.test"]);
    assert_eq!(tls.chain, "unchecked");
    assert_eq!(report.headers.urls.api_health, None);
}

#[tokio::test]
async fn hostile_text_cannot_paint_the_terminal() {
    let house = House::tampered(|asked, reply| {
        Act::Reply(if asked.is_get("/") {
            reply.set("x-frame-options", "\u{202e}AL\u{2066}LOW").add("server", "x\u{200b}y")
        } else {
            reply
        })
    })
    .await;
    let report = look(&plan(&house)).await;
    let text = summary(&report, Paint::Plain);
    assert!(text.contains("server") && text.contains(r"\u{202e}"), "{text}");
    assert!(!text.chars().any(|c| matches!(c, '\u{1b}' | '\u{202e}' | '\u{200b}' | '\u{2066}')), "{text}");
}
