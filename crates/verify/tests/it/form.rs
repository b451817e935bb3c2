//! The page for people and the files for machines: complete, valid, and harmless whatever a site says.

use doorward_verify::{Form, Report};
use serde_json::Value;

use crate::house::{Act, House, Reply};

const HOSTILE: &str = "</code><script>alert(1)</script>\"'&<![CDATA[]]>";

async fn seen(change: fn(Reply) -> Reply) -> Report {
    let house = House::tampered(move |asked, reply| Act::Reply(if asked.is_get("/") { change(reply) } else { reply })).await;
    house.look().await
}

async fn hostile() -> Report {
    seen(|reply| reply.set("x-frame-options", HOSTILE)).await
}

fn page(report: &Report) -> String {
    report.render(Form::Page).expect("a page")
}

#[tokio::test]
async fn the_page_says_what_was_promised_what_was_seen_and_what_to_do() {
    let page = page(&seen(|reply| reply.without("x-content-type-options")).await);
    assert!(page.contains("The site does not keep what was promised."), "{page}");
    assert!(page.contains("content types are not sniffed"), "the promise");
    assert!(page.contains("HDR-03, line 15 of the guide"), "the guide");
    assert!(page.contains("x-content-type-options: "), "the reason");
    assert!(page.contains("Send `X-Content-Type-Options: nosniff` once"), "the fix");
    assert!(page.contains("✓ kept"), "what is right");
    assert!(page.contains("strict-transport-security: max-age="), "raw headers");
}

#[tokio::test]
async fn the_page_lets_nothing_of_the_site_become_markup_and_loads_nothing() {
    let page = page(&hostile().await);
    assert!(page.contains("&#60;script&#62;alert(1)") || page.contains("&lt;script&gt;alert(1)"), "shown as text");
    for markup in ["<script", "<![CDATA", "<img", "<link", "src=", "href=", "@import", "url(", "style=\""] {
        assert!(!page.contains(markup), "{markup} stands in the page");
    }
    assert!(page.contains("default-src 'none'; style-src 'sha256-"));
    assert_eq!(page.matches("<style>").count(), 1);
}

#[tokio::test]
async fn the_terminal_says_row_promise_reason_and_fix_too() {
    let report = seen(|reply| reply.without("x-content-type-options")).await;
    let text = doorward_verify::summary(&report, doorward_verify::Paint::Plain);
    for words in [
        "✗ HDR-03 x-content-type-options",
        "content types are not sniffed (line 15 of the guide)",
        "Send `X-Content-Type",
        "Score ",
    ] {
        assert!(text.contains(words), "no {words:?} in {text}");
    }
}

#[tokio::test]
async fn junit_counts_what_it_lists_and_holds_every_row() {
    let report = hostile().await;
    let text = report.render(Form::Junit).expect("XML");
    let document = roxmltree::Document::parse(&text).expect("well-formed");
    let suite = document.descendants().find(|node| node.has_tag_name("testsuite")).expect("a suite");
    let cases: Vec<_> = suite.children().filter(|node| node.has_tag_name("testcase")).collect();
    let count =
        |name: &str| cases.iter().filter(|case| case.children().any(|child| child.has_tag_name(name))).count().to_string();
    for (attribute, counted) in [
        ("tests", cases.len().to_string()),
        ("failures", count("failure")),
        ("errors", count("error")),
        ("skipped", count("skipped")),
    ] {
        assert_eq!(suite.attribute(attribute), Some(counted.as_str()), "{attribute}");
    }
    for row in &report.verification.checks {
        let name = format!("{} {}", row.id, row.title);
        assert!(cases.iter().any(|case| case.attribute("name") == Some(name.as_str())), "{name}");
    }
    let framed =
        cases.iter().find(|case| case.attribute("name").is_some_and(|name| name.starts_with("HDR-04"))).expect("the row");
    assert!(framed.descendants().any(|node| node.text().is_some_and(|text| text.contains(HOSTILE))), "{text}");
}

#[tokio::test]
async fn sarif_names_a_rule_and_a_place_for_every_breach() {
    let report = hostile().await;
    let log: Value = serde_json::from_str(&report.render(Form::Sarif).expect("JSON")).expect("JSON");
    assert_eq!(log["version"], "2.1.0");
    let driver = &log["runs"][0]["tool"]["driver"];
    let rules = driver["rules"].as_array().expect("rules");
    let results = log["runs"][0]["results"].as_array().expect("results");
    assert_eq!(rules.len(), report.verification.checks.len());
    for result in results {
        let index = usize::try_from(result["ruleIndex"].as_u64().expect("an index")).expect("small");
        assert_eq!(rules[index]["id"], result["ruleId"]);
        assert!(["error", "warning", "note"].iter().any(|level| result["level"] == *level), "{result}");
        let place = &result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"];
        assert!(place.as_str().is_some_and(|uri| uri.starts_with("http")), "{result}");
        assert!(result["message"]["text"].as_str().is_some_and(|text| !text.is_empty()));
    }
    assert!(results.iter().any(|result| result["ruleId"] == "HDR-04"), "{log}");
    for rule in rules {
        assert!(rule["shortDescription"]["text"].as_str().is_some_and(|text| !text.is_empty()), "{rule}");
    }
}

#[tokio::test]
async fn a_form_is_written_whole_and_readable_or_not_at_all() {
    let report = seen(|reply| reply).await;
    let dir = tempfile::tempdir().expect("a folder");
    let path = dir.path().join("reports/page.html");
    report.write_form(Form::Page, &path).expect("written");
    assert_eq!(std::fs::read_to_string(&path).expect("there"), page(&report));
    assert!(report.write_form(Form::Junit, &path.join("below-a-file.xml")).is_err());
    assert_eq!(std::fs::read_dir(dir.path().join("reports")).expect("a folder").count(), 1);
}
