# Every command that anyone needs. `just` lists them; without `just`, run what stands behind a name.

export PATH := justfile_directory() / ".tools/bin:" + env("PATH")

# list the recipes
default:
    @just --list --unsorted

# format, lint, documentation, dependencies, spelling
check:
    cargo fmt --all --check
    cargo clippy --workspace --all-targets -- -D warnings
    RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps --quiet
    cargo deny --offline --log-level error check licenses bans sources
    cargo shear
    typos

# everything, real parts included; installs what is missing
test:
    cargo xtask test

# what needs nothing but cargo
test-quick:
    cargo xtask test --quick

# the tests whose names match, such as `just test-some csrf_04`
test-some FILTER:
    cargo nextest run --workspace {{FILTER}}

# which rows of the guide the last run decided
controls *FLAGS:
    cargo xtask controls {{FLAGS}}

# CPU time per proxied request, next to nginx and Traefik
bench *FLAGS:
    cargo xtask bench edge {{FLAGS}}

# known vulnerabilities of what is pinned in Cargo.lock; needs a network for the database
audit:
    cargo deny --log-level error check advisories

# what the binary is made of, to target/sbom.cdx.json
sbom:
    cargo xtask sbom

# write the generated files
gen:
    cargo xtask gen

# prove that the generated files are fresh
gen-check:
    cargo xtask gen --check

# the whole product on https://localhost:8443
dev *FLAGS:
    cargo run --release -- dev {{FLAGS}}
