//! The example in the tree is a configuration that loads.

use std::collections::BTreeMap;
use std::path::Path;

#[test]
fn the_example_loads() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/doorward.toml");
    let config = doorward_config::load(&path, &BTreeMap::new()).unwrap_or_else(|faults| panic!("{}", faults.render(false)));
    assert_eq!(config.routes.len(), 2);
    assert_eq!(config.gates[0].paths, ["/admin", "/static"]);
}

#[test]
fn show() {
    let text = "version = 1\n[site]\norigin='http://x.y/'\nenv='staging'\nkey='abc'\ncookie_secure=false\n[listen]\nhttps=[]\ninternal='0.0.0.0:99'\n[[gate]]\nname='g'\nallow=['your_ip/32']\nallowlst=[]\n[limits]\nauth_login='0/min'\nedge = false\n";
    let faults = doorward_config::parse(text, Path::new("/etc/x.toml"), &BTreeMap::new()).unwrap_err();
    println!("{}\n{faults}", faults.render(false));
}
