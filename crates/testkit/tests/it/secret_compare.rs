//! The review of PWD-09: every place in the source that compares something secret says why it may.

use std::fs;
use std::path::{Path, PathBuf};

/// Names of values that a stranger must not find out octet by octet.
const SECRET: [&str; 10] = ["digest", "mac", "tag", "token", "secret", "hash", "signature", "password", "pepper", "expose"];

/// `==` and `!=` that were looked at: a part of the line, and why time tells nothing there.
const REVIEWED: [(&str, &str); 24] = [
    // `TokenDigest` compares in constant time, whoever writes `==` (kit/src/secret.rs).
    ("token.digest(&key.key) == *presented", "TokenDigest"),
    ("digests.iter().filter(|digest| **digest != newest)", "TokenDigest"),
    ("previous.digest == active.presented", "TokenDigest"),
    ("active.presented == active.session.digest", "TokenDigest"),
    ("active.presented != session.digest", "TokenDigest"),
    ("name != \"x-csrf-token\"", "the name of a field"),
    // Both sides come out of the store; nothing that a client sends is compared.
    ("user.password_hash == self.user.password_hash", "a stored hash with the same one, read twice"),
    ("user.password_hash.as_deref() == Some(&proven.matched)", "a stored hash with the same one, read twice"),
    ("proven != Some(&*pending.password_hash)", "a stored hash with the one that was proven, both stored"),
    // The chain of the audit trail is no secret to whoever can have it verified; its MAC is compared in constant time before.
    ("row.prev_hash != self.hash", "links of a chain that the caller holds"),
    ("self.hash != head.hash", "links of a chain that the caller holds"),
    ("anchor.hash != self.hash", "links of a chain that the caller holds"),
    ("hex(&row.hash) == self.shipped_hash", "our own bookmark in our own trail"),
    // Not a comparison of a value with a guess.
    ("cookies.session == Found::Many", "how many cookies there are"),
    ("known.expose() == secret", "what `verify` blanks in its own report, on the operator's machine"),
    ("hash.algorithm == ARGON2ID_IDENT", "the name of an algorithm"),
    ("hash.version == Some(Version::V0x13.into())", "the name of a version"),
    ("decode_slice(mac_text, &mut mac)", "how many octets were read"),
    ("hash.class() == dummy.class()", "how much work a hash is"),
    ("self.route.csrf != CsrfClass::Token", "a word of the table of routes"),
    // A name that stands in every stored hash, of a pepper that nobody can find by its name.
    ("stored.params.keyid() == pepper.key_id", "the name of a pepper"),
    // The authority sends a challenge's token in the clear; an entity tag is in every answer.
    ("challenge.token == *token", "a name that is asked for in the clear, of our own list"),
    ("held == tag", "the name of a file's content"),
    // Whether two addresses are the same, before anybody knows whose device it is.
    ("owner.as_deref() == canonical).then_some(digest)", "addresses"),
];

#[test]
fn pwd_09_every_comparison_of_something_secret_is_in_constant_time_or_was_reviewed() {
    let mut found = Vec::new();
    let mut used = [false; REVIEWED.len()];
    for file in sources() {
        let text = fs::read_to_string(&file).unwrap();
        // Unit tests and contract suites compare as they like.
        let code = text.split("#[cfg(test)]\nmod ").next().unwrap_or_default();
        for (number, line) in code.lines().enumerate().filter(|(_, line)| compares_a_secret(line)) {
            match REVIEWED.iter().position(|(part, _)| line.contains(part)) {
                Some(known) => used[known] = true,
                None => found.push(format!("{}:{}: {}", file.display(), number + 1, line.trim())),
            }
        }
    }
    assert!(found.is_empty(), "use doorward_kit::constant_time_eq, or say here why not:\n{}", found.join("\n"));
    let stale: Vec<_> = REVIEWED.iter().zip(used).filter(|(_, used)| !used).map(|((part, _), _)| part).collect();
    assert!(stale.len() <= 2, "no longer in the source: {stale:?}");
}

/// Every source file of the product.
fn sources() -> Vec<PathBuf> {
    let crates = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let mut folders = vec![crates.to_owned()];
    let mut files = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            if path.is_dir() && !["testkit", "tests", "contract", "examples", "demo"].contains(&name.as_str()) {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") && name != "contract.rs" {
                files.push(path);
            }
        }
    }
    assert!(files.len() > 200, "{} files", files.len());
    files
}

/// Whether one of the two things next to an operator is named like a secret.
fn compares_a_secret(line: &str) -> bool {
    let code = line.split("//").next().unwrap_or_default();
    ["==", "!="].into_iter().flat_map(|operator| code.match_indices(operator)).any(|(at, operator)| {
        let left = code[..at].split_whitespace().next_back();
        let right = code[at + operator.len()..].split_whitespace().next();
        [left, right].into_iter().flatten().any(is_secret)
    })
}

fn is_secret(operand: &str) -> bool {
    let is_measure = ["len()", "is_some()", "is_none()"].iter().any(|end| operand.ends_with(end));
    // What is written in capitals is a constant of ours: a length, or a name.
    let names = operand.split(|c: char| c != '_' && !c.is_alphanumeric()).filter(|name| name.contains(char::is_lowercase));
    !is_measure && names.flat_map(|name| name.split('_')).any(|word| SECRET.contains(&word.to_lowercase().as_str()))
}

#[test]
fn the_review_sees_what_it_is_meant_to_see() {
    for line in [
        "if digest == other {",
        "        && user.password_hash == self.user.password_hash",
        "return stored.mac != presented;",
        "(self.tag == tag).then_some(())",
        "if sent.token() == expected {",
        "if expected == sent.csrf_token {",
        "password.expose() == other",
        "key.expose_bytes() == other",
    ] {
        assert!(compares_a_secret(line), "{line}");
    }
    for line in [
        "if tag.len() == 32",
        "if read == TOKEN_BYTES {",
        "if a == b",
        "let token = x;",
        "match hash { _ => {} }",
        "// digest == digest",
        "x >= token",
    ] {
        assert!(!compares_a_secret(line), "{line}");
    }
}
