//! Where the site is.

use std::net::IpAddr;

use doorward_verify::{Options, Pin, Plan};

use crate::house::{House, look};

#[tokio::test]
async fn ver_14_connections_go_to_the_pinned_address_and_are_recorded() {
    let house = House::honest().await;
    let report = house.look().await;
    for probe in report.headers.probes.iter().filter(|probe| probe.response.is_some()) {
        let connection = probe.connection.as_ref().expect("a connection");
        let plain = probe.request.url.starts_with("http:");
        let host = if probe.id.starts_with("gate-") || probe.id.starts_with("spoof-") { "adm.app.test" } else { "app.test" };
        assert_eq!(connection.remote, format!("127.0.0.1:{}", if plain { house.http } else { house.https }));
        assert_eq!(connection.sni.as_deref(), (!plain).then_some(host), "{}", probe.id);
        assert_eq!(connection.tls, (!plain).then_some("1.3"));
        let protocol = if probe.id == "root-h2" { "h2" } else { "http/1.1" };
        assert_eq!(connection.alpn.as_deref(), (!plain).then_some(protocol), "{}", probe.id);
    }
}

#[tokio::test]
async fn ver_14_a_name_that_leads_elsewhere_fails() {
    let house = House::honest().await;
    let origin = format!("https://localhost:{}", house.https).parse().expect("an origin");
    let elsewhere: IpAddr = "127.0.0.9".parse().expect("an address");
    let options = |intended: &[IpAddr]| Options { intended: intended.to_vec(), ..Options::default() };
    let plan = Plan::for_stranger(&origin, options(&[elsewhere]), &doorward_kit::SystemEntropy);
    let report = look(&plan).await;
    assert!(
        report.headers.failures.contains(&"root-get: address: localhost leads to 127.0.0.1".to_owned()),
        "{:?}",
        report.headers.failures
    );
    let both = ["127.0.0.1", "::1"].map(|text| text.parse().expect("an address"));
    let report = look(&Plan::for_stranger(&origin, options(&both), &doorward_kit::SystemEntropy)).await;
    assert!(!report.headers.failures.iter().any(|line| line.contains("address")), "{:?}", report.headers.failures);
}

#[test]
fn pins_are_read_as_curl_writes_them() {
    let pin: Pin = "App.Test:443:203.0.113.10".parse().expect("a pin");
    assert_eq!((pin.host.as_str(), pin.port, pin.address.to_string().as_str()), ("app.test", 443, "203.0.113.10"));
    let pin: Pin = "app.test:8443:[2001:db8::1]".parse().expect("a pin");
    assert_eq!(pin.address.to_string(), "2001:db8::1");
    for bad in ["", "app.test", "app.test:443", "app.test:443:", "app.test:99999:1.2.3.4", "app.test:443:host", "a b:443:1.2.3.4"]
    {
        assert!(bad.parse::<Pin>().is_err(), "{bad}");
    }
}
