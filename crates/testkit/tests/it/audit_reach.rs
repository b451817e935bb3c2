//! Who can reach the trail over the network: nobody, as long as there is no console (AUD-09).

use doorward_testkit::{ADMIN_PASSWORD, ADMIN_USER, Client, INSIDE, Request, basic_auth};
use serde_json::{Value, json};

use crate::site::{Site, UIS};

/// Where such an API would be, and where others have theirs.
const PLACES: [&str; 16] = [
    "/api/audit",
    "/api/audit/1",
    "/api/audit/events",
    "/api/auth/audit",
    "/api/auth/audit/1",
    "/api/auth/events",
    "/api/auth/log",
    "/api/auth/me/audit",
    "/api/auth/me/events",
    "/api/auth/admin/audit",
    "/account/audit",
    "/account/audit/1",
    "/account/log",
    "/account/admin",
    "/api/auth/sessions/audit/1",
    "/api/csp-report/audit",
];

const EDITS: [&str; 4] = ["DELETE", "PUT", "PATCH", "POST"];

fn trail(site: &Site) -> Vec<Value> {
    let output = site.house.command(&["audit", "search", "--limit", "100000", "--json"]);
    String::from_utf8(output.stdout).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn nobody_reads_or_edits_the_trail_over_the_network() {
    // No upstream answers below `/`, so that whatever answers is the house itself.
    let site = Site::with(|builder| {
        builder
            .accounts("roles = [\"auditor\"]")
            .edit("path = \"/api/\"", "path = \"/notes/\"")
            .edit("path = \"/\"", "path = \"/site/\"")
    });
    let member = site.house.member("ada@app.test");
    let auditor = site.house.member("bea@app.test");
    assert!(site.house.command(&["user", "roles", "bea@app.test", "auditor"]).status.success());
    let callers: [(&str, Client); 3] = [("anonymous", site.house.client()), ("a member", member), ("with a role", auditor)];
    let before = trail(&site);
    for (who, client) in &callers {
        for place in PLACES {
            let read = client.twin().get(place);
            assert_eq!(read.status, 404, "{who}: GET {place}");
            assert!(!read.text().contains("prev_hash") && !read.text().contains("auth.login"), "{who}: {place}");
            for method in EDITS {
                let request = Request::new(method, place).json(&json!({"outcome": "success"}));
                let request = if *who == "anonymous" { request } else { request.csrf() };
                let status = client.twin().send(&request).status;
                assert!(matches!(status, 404 | 405), "{who}: {method} {place}: {status}");
            }
        }
    }
    // Behind the gates are their own upstreams, and of the house nothing.
    for (label, _) in UIS {
        let right = basic_auth(ADMIN_USER, ADMIN_PASSWORD);
        for place in PLACES {
            let reply = site.house.client_of(label, INSIDE).send(&Request::get(place).header("Authorization", &right));
            assert_eq!(reply.expect(200).json()["upstream"], label, "{place}");
        }
    }
    let internal = |path: &str| {
        let mut raw = doorward_testkit::RawClient::plain(site.house.internal(), INSIDE).unwrap();
        raw.send(format!("GET {path} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\r\n", site.house.internal()));
        raw.read_reply().unwrap()
    };
    let described = internal("/openapi.json").expect(200).json();
    let paths: Vec<&String> = described["paths"].as_object().unwrap().keys().collect();
    assert!(paths.iter().all(|path| !path.contains("audit") && !path.contains("log/")), "{paths:?}");
    for place in PLACES {
        assert_eq!(internal(place).status, 404, "{place}");
    }
    // Whatever they tried is in the trail, and what was there before is as it was.
    let after = trail(&site);
    for entry in &before {
        assert!(after.contains(entry), "{entry}");
    }
    assert!(site.house.command(&["audit", "verify"]).status.success());
}
