//! The description of the API and the API are the same table.

use doorward_app::openapi;
use doorward_app::route::ROUTES;
use serde_json::Value;

/// Every (method, path) of the document.
pub(crate) fn operations(document: &Value) -> Vec<(String, String, Value)> {
    let paths = document["paths"].as_object().expect("paths");
    let of_path = |(path, methods): (&String, &Value)| {
        let methods = methods.as_object().expect("methods").clone();
        let path = path.clone();
        methods.into_iter().map(move |(method, operation)| (method.to_uppercase(), path.clone(), operation))
    };
    paths.iter().flat_map(of_path).collect()
}

#[test]
fn every_route_of_the_api_is_described_and_every_description_is_a_route() {
    let mut described: Vec<_> =
        operations(&openapi::document()).into_iter().map(|(method, path, _)| format!("{method} {path}")).collect();
    let is_api = |path: &str| path.starts_with("/api/") || path.starts_with("/.well-known/");
    let mut there: Vec<_> =
        ROUTES.iter().filter(|route| is_api(route.path)).map(|route| format!("{} {}", route.method, route.path)).collect();
    described.sort();
    there.sort();
    assert_eq!(described, there);
}

#[test]
fn references_lead_somewhere_and_names_are_unique() {
    let document = openapi::document();
    let text = document.to_string();
    for reference in text.split("#/components/schemas/").skip(1).filter_map(|rest| rest.split('"').next()) {
        assert!(document["components"]["schemas"][reference].is_object(), "{reference}");
    }
    let mut names: Vec<_> =
        operations(&document).into_iter().map(|(_, _, operation)| operation["operationId"].to_string()).collect();
    let all = names.len();
    names.sort();
    names.dedup();
    assert_eq!(names.len(), all);
    for (method, path, operation) in operations(&document) {
        let responses = operation["responses"].as_object().expect("responses");
        assert!(responses.keys().any(|status| status.starts_with('2')), "{method} {path} can succeed");
        assert!(responses.contains_key("500"), "{method} {path}");
    }
}

#[test]
fn the_description_that_is_checked_in_is_fresh() {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/reference/openapi.json");
    let present = std::fs::read_to_string(file).expect("docs/reference/openapi.json");
    assert!(present == openapi::text(), "run `cargo xtask gen`");
}
