//! `[[route]]`

use doorward_config::Access;

use crate::support::{RIGHT, refused_at, right, under, with, wrong};

fn second(path: &str) -> String {
    format!("{RIGHT}[[route]]\npath = {path:?}\nupstream = \"web\"\naccess = \"public\"\n")
}

#[test]
fn what_doorward_answers_itself_is_no_route() {
    for path in [
        "/api/auth",
        "/api/auth/",
        "/api/auth/x",
        "/api/health",
        "/api/csp-report",
        "/account",
        "/Account/",
        "/ACCOUNT/x",
        "/account/verify",
        "/assets/doorward",
        "/.well-known/doorward/x",
        "/.well-known/acme-challenge/",
        "/API/auth",
    ] {
        assert!(refused_at(&second(path), "route[1].path").contains("which Doorward answers itself"), "{path}");
    }
    for path in ["/api", "/accounts", "/api/authors", "/assets", "/.well-known", "/api/healthy"] {
        right(&second(path));
    }
}

#[test]
fn a_prefix_has_one_spelling() {
    for path in [
        "", "api", "//", "//api", "/api//", "/a/./b", "/a/../b", "/..", "/a%2fb", "/%61", "/a;x", "/a?b", "/a#b", "/a b",
        "/a\\b", "/ä", "/a\u{0}",
    ] {
        refused_at(&with("path = \"/\"", &format!("path = {}", toml_string(path))), "route[0].path");
    }
    assert_eq!(right(&second("/api/")).routes[1].path, "/api");
}

fn toml_string(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('\0', "\\u0000"))
}

#[test]
fn one_prefix_one_route() {
    assert!(refused_at(&second("/"), "route[1].path").starts_with("is already the path at route[0].path"));
    let text = format!("{}[[route]]\npath = \"/X\"\nupstream = \"web\"\naccess = \"public\"\n", second("/x/"));
    assert!(refused_at(&text, "route[2].path").contains("but for letter case"));
}

#[test]
fn sessions_live_on_the_sites_own_host() {
    for access in ["identified", "signed-in"] {
        let text =
            format!("{RIGHT}[[route]]\nhost = \"other.example.com\"\npath = \"/\"\nupstream = \"web\"\naccess = {access:?}\n");
        refused_at(&text, "route[1].access");
    }
    right(&format!(
        "{RIGHT}[[route]]\nhost = \"other.example.com\"\npath = \"/account\"\nupstream = \"web\"\naccess = \"public\"\n"
    ));
}

#[test]
fn access_is_said_and_is_one_of_three() {
    assert_eq!(refused_at(&with("access = \"public\"", ""), "route[0].access"), "is missing");
    for (word, access) in [("public", Access::Public), ("identified", Access::Identified), ("signed-in", Access::SignedIn)] {
        assert_eq!(right(&with("access = \"public\"", &format!("access = {word:?}"))).routes[0].access, access);
    }
    for word in ["gated", "Public", "signed_in", "", "none"] {
        refused_at(&with("access = \"public\"", &format!("access = {word:?}")), "route[0].access");
    }
    let hint = &wrong(&with("access = \"public\"", "access = \"gated\"")).list()[0].hint.clone();
    assert!(hint.contains("[[gate]]"), "{hint}");
}

#[test]
fn an_upstream_that_is_not_there_is_named_with_those_that_are() {
    let faults = wrong(&with("upstream = \"web\"", "upstream = \"wbe\""));
    assert_eq!((faults.list()[0].key.as_str(), faults.list()[0].hint.as_str()), ("route[0].upstream", "there are web, admin"));
}

#[test]
fn roles_are_asked_for_on_signed_in_routes_and_nowhere_else() {
    let route = |access: &str, roles: &str| {
        let route = format!("[[route]]\npath = \"/staff/\"\nupstream = \"web\"\naccess = {access:?}\nroles = {roles}\n");
        format!("{}{route}", under("[accounts]", "roles = [\"staff\", \"press\"]"))
    };
    let config = right(&route("signed-in", "[\"staff\", \"press\"]"));
    assert_eq!((config.routes[0].roles.len(), &config.routes[1].roles[..]), (0, &["staff".to_owned(), "press".to_owned()][..]));
    assert!(right(&route("public", "[]")).routes[1].roles.is_empty());
    for access in ["public", "identified"] {
        let told = refused_at(&route(access, "[\"staff\"]"), "route[1].roles[0]");
        assert!(told.contains("where no session is needed"), "{told}");
    }
    let told = refused_at(&route("signed-in", "[\"staff\", \"stuff\"]"), "route[1].roles[1]");
    assert!(told.contains("no role of this site"), "{told}");
    for odd in ["\"staff\"", "[1]", "[\"Staff\"]", "[\"a,b\"]"] {
        wrong(&route("signed-in", odd));
    }
}

#[test]
fn only_answers_that_are_for_everybody_may_be_compressed() {
    let route = |access: &str, compress: &str| {
        format!("{RIGHT}[[route]]\npath = \"/x/\"\nupstream = \"web\"\naccess = {access:?}\ncompress = {compress}\n")
    };
    assert!(!right(&second("/x/")).routes[1].compress);
    assert!(right(&route("public", "true")).routes[1].compress);
    for access in ["identified", "signed-in"] {
        let told = refused_at(&route(access, "true"), "route[1].compress");
        assert!(told.contains("tell of its secrets"), "{told}");
        assert!(!right(&route(access, "false")).routes[1].compress);
    }
    for odd in ["\"true\"", "1", "[\"br\"]"] {
        refused_at(&route("public", odd), "route[1].compress");
    }
}
