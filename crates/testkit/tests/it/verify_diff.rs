//! Two runs of the program on one site that did not change: nothing to tell, and nothing that only a person could see to be the same.

use std::path::{Path, PathBuf};

use doorward_testkit::House;
use serde_json::Value;

fn house() -> House {
    let pages = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/real-parts/spa");
    House::builder().limit("auth_csrf", "60/min").files("web", &pages).route("/", "web", "public").start()
}

fn look(house: &House, name: &str) -> PathBuf {
    let out = house.folder().join(name);
    let _ = house.verify(&out, 404);
    out.join("security-headers.json")
}

/// Exit code and what was printed.
fn diff(house: &House, before: &Path, after: &Path) -> (Option<i32>, String) {
    let output = house.command(&["verify", "diff", before.to_str().unwrap(), after.to_str().unwrap()]);
    (output.status.code(), String::from_utf8(output.stdout).unwrap())
}

#[test]
fn two_whole_runs_on_one_real_site_are_the_same_and_a_change_of_the_evidence_is_told() {
    let house = house();
    let (first, second) = (look(&house, "first"), look(&house, "second"));
    assert_eq!(diff(&house, &first, &second), (Some(0), String::new()));
    let mut file: Value = serde_json::from_str(&std::fs::read_to_string(&second).unwrap()).unwrap();
    let fields = file["probes"][0]["response"]["headers"].as_array_mut().unwrap();
    fields.retain(|field| field[0] != "x-content-type-options");
    let changed = house.folder().join("changed.json");
    std::fs::write(&changed, file.to_string()).unwrap();
    let (code, told) = diff(&house, &first, &changed);
    assert_eq!(code, Some(1));
    assert!(told.contains("response/headers/x-content-type-options: nosniff → (nothing)"), "{told}");
}

#[test]
fn the_score_of_the_products_own_front_is_the_best_letter_with_staging_trusted_and_no_claim_beyond() {
    let house = house();
    let file: Value = serde_json::from_str(&std::fs::read_to_string(look(&house, "meta")).unwrap()).unwrap();
    let score = &file["score"];
    assert_eq!((&score["grade"], &score["trust"]), (&Value::from("A+"), &Value::from("staging-roots")), "{score:#}");
    assert!(score["modifiers"].as_array().unwrap().iter().all(|one| one["modifier"].as_i64() >= Some(0)), "{score:#}");
    assert_eq!(score["public_scan_expected"]["grade"], "C+", "{score:#}");
    assert_eq!(score["public_scan_expected"]["value"], 60, "{score:#}");
}
