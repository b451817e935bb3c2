//! What is written has the shape that is promised.

use std::path::Path;

use boon::{Compiler, Schemas};
use doorward_verify::Report;
use serde_json::Value;

use crate::house::{Act, House, impatient, look};

const SCHEMAS: [(&str, &str); 2] = [
    ("security-headers.json", include_str!("../../../../docs/schema/security-headers.schema.json")),
    ("verification-report.json", include_str!("../../../../docs/schema/verification-report.schema.json")),
];

fn fault(schema: &str, value: &Value) -> Option<String> {
    let mut compiler = Compiler::new();
    compiler.add_resource("schema.json", serde_json::from_str(schema).expect("JSON")).expect("a resource");
    let mut schemas = Schemas::new();
    let index = compiler.compile("schema.json", &mut schemas).expect("a schema");
    schemas.validate(value, index).err().map(|error| format!("{error:#}"))
}

fn written(report: &Report, dir: &Path) -> [Value; 2] {
    report.write(dir).expect("written");
    SCHEMAS.map(|(name, _)| {
        let text = std::fs::read_to_string(dir.join(name)).expect("a file");
        assert!(text.ends_with("}\n"), "{name} ends with a line end");
        serde_json::from_str(&text).expect("JSON")
    })
}

fn check(report: &Report) {
    let dir = tempfile::tempdir().expect("a folder");
    let files = written(report, dir.path());
    for ((name, schema), value) in SCHEMAS.iter().zip(&files) {
        assert_eq!(fault(schema, value), None, "{name}");
    }
    assert_eq!(files[0]["run_id"], files[1]["run_id"]);
}

#[tokio::test]
async fn ver_05_reports_of_good_bad_and_silent_sites_follow_their_schemas() {
    check(&House::honest().await.look().await);
    check(&House::tampered(|_, reply| Act::Reply(reply.status(500).add("x-powered-by", "PHP"))).await.look().await);
    check(&House::tampered(|_, _| Act::Close).await.look().await);
    let house = House::tampered(|_, _| Act::Hang).await;
    let mut plan = impatient(house.plan(house.options()));
    plan.limits.whole = std::time::Duration::from_millis(600);
    check(&look(&plan).await);
}

#[tokio::test]
async fn ver_05_the_schemas_refuse_what_is_not_a_report() {
    let dir = tempfile::tempdir().expect("a folder");
    let files = written(&House::honest().await.look().await, dir.path());
    type Spoil = fn(&mut Value);
    let spoil: [(usize, Spoil); 12] = [
        (0, |file| file["run_id"] = "7".into()),
        (0, |file| file["started_at"] = "2026-01-01T00:00:00+02:00".into()),
        (0, |file| file["failures"] = serde_json::json!(["ok and yet a failure"])),
        (0, |file| file["probes"][0]["response"]["headers"][0][0] = "Server".into()),
        (1, |file| {
            file["ok"] = true.into();
            file["artifacts"] = serde_json::json!({"security_headers": "f.json", "complete": false, "missing": ["VER-10"]});
        }),
        (1, |file| {
            file["ok"] = true.into();
            file["summary"]["fail"] = 1.into();
        }),
        (1, |file| file["artifacts"]["missing"] = serde_json::json!(["complete and yet", "missing"])),
        (1, |file| file["timings"] = Value::Null),
        (1, |file| file["rate_limits"] = serde_json::json!([{"scope": "auth_login"}])),
        (1, |file| file["exposure"] = serde_json::json!({"declared": ["all of them"]})),
        (1, |file| file["auth_flows"]["timing"] = serde_json::json!({"pairs": 7, "auc": 1.5, "median_gap_ms": 0.0})),
        (1, |file| file["checks"][0]["verdict"] = "maybe".into()),
    ];
    for (which, spoil) in spoil {
        let mut value = files[which].clone();
        spoil(&mut value);
        assert_ne!(fault(SCHEMAS[which].1, &value), None, "{value}");
    }
}

#[tokio::test]
async fn every_row_of_a_report_has_a_title_and_evidence_in_the_other_file() {
    use aws_lc_rs::digest;
    let dir = tempfile::tempdir().expect("a folder");
    let [_, report] = written(&House::honest().await.look().await, dir.path());
    let bytes = std::fs::read(dir.path().join("security-headers.json")).expect("a file");
    let sha256: String = digest::digest(&digest::SHA256, &bytes).as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
    let rows = report["checks"].as_array().expect("rows");
    assert!(rows.len() >= 12);
    for row in rows {
        assert_ne!(row["title"], "", "{row}");
        assert_eq!(row["evidence"][0]["sha256"], sha256.as_str());
    }
}

#[tokio::test]
async fn a_run_without_the_looks_that_it_must_have_says_which_rows_are_missing_and_is_not_ok() {
    let dir = tempfile::tempdir().expect("a folder");
    let [_, report] = written(&House::tampered(|_, _| Act::Close).await.look().await, dir.path());
    assert_eq!(report["artifacts"]["complete"], false);
    assert!(report["artifacts"]["missing"].as_array().is_some_and(|rows| rows.contains(&"VER-10".into())), "{report}");
    assert_eq!(report["ok"], false);
}
