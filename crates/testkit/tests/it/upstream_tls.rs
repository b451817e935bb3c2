//! Upstreams over TLS: who vouches for them, under which name, and what we show of ourselves.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::sync::Arc;

use doorward_testkit::{House, HouseBuilder, Start, TestCa};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig, ServerConnection, StreamOwned};
use tempfile::TempDir;

/// Serves `hello` under the names, and only those whom the clients' authority vouches for, if there is one.
fn serve(ca: &TestCa, names: &[&str], clients: Option<&TestCa>) -> SocketAddr {
    let folder = TempDir::new().unwrap();
    let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
    let (chain, key) = ca.write(folder.path(), &names);
    let chain = CertificateDer::pem_file_iter(chain).unwrap().map(Result::unwrap).collect();
    let key = PrivateKeyDer::from_pem_file(key).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ServerConfig::builder_with_provider(provider.clone()).with_safe_default_protocol_versions().unwrap();
    let config = match clients {
        Some(clients) => {
            let mut roots = RootCertStore::empty();
            roots.add(clients.der()).unwrap();
            config.with_client_cert_verifier(WebPkiClientVerifier::builder_with_provider(roots.into(), provider).build().unwrap())
        }
        None => config.with_no_client_auth(),
    };
    let config = Arc::new(config.with_single_cert(chain, key).unwrap());
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let config = config.clone();
            std::thread::spawn(move || {
                let mut stream = StreamOwned::new(ServerConnection::new(config).unwrap(), stream.unwrap());
                while stream.read(&mut [0; 8192]).is_ok_and(|read| read > 0) {
                    if stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello").is_err() {
                        return;
                    }
                }
            });
        }
    });
    address
}

fn before(url: &str, lines: &str) -> HouseBuilder {
    House::builder().section(&format!("[[upstream]]\nname = \"web\"\nurl = \"{url}\"\n{lines}")).route("/", "web", "public")
}

fn written(ca: &TestCa, folder: &Path, name: &str) -> String {
    let path = folder.join(name);
    std::fs::write(&path, ca.pem()).unwrap();
    path.display().to_string()
}

#[test]
fn a_server_is_believed_by_the_authority_and_the_name_that_are_configured() {
    let (ca, stranger, folder) = (TestCa::new(), TestCa::new(), TempDir::new().unwrap());
    let (trusted, other) = (written(&ca, folder.path(), "ca.pem"), written(&stranger, folder.path(), "other.pem"));
    let right = serve(&ca, &["localhost"], None);
    let misnamed = serve(&ca, &["elsewhere.test"], None);
    let url = |address: SocketAddr, host: &str| format!("https://{host}:{}", address.port());
    for (url, ca_file, status) in [
        (url(right, "localhost"), Some(&trusted), 200),
        // Vouched for by somebody else, under another name, and by nobody whom this machine knows.
        (url(right, "localhost"), Some(&other), 502),
        (url(right, "127.0.0.1"), Some(&trusted), 502),
        (url(misnamed, "localhost"), Some(&trusted), 502),
    ] {
        let lines = ca_file.map(|path| format!("ca_file = \"{path}\"")).unwrap_or_default();
        let house = before(&url, &lines).start();
        let reply = house.client().get("/").expect(status);
        assert_eq!(reply.text().contains("hello"), status == 200, "{url}");
        // The second request goes over the same connection.
        house.client().get("/").expect(status);
    }
}

#[test]
fn expo_10_a_server_that_asks_who_we_are_is_shown_the_client_certificate_and_one_without_is_turned_away() {
    let (ca, clients, folder) = (TestCa::new(), TestCa::new(), TempDir::new().unwrap());
    let trusted = written(&ca, folder.path(), "authority.pem");
    let server = serve(&ca, &["localhost"], Some(&clients));
    let (chain, key) = clients.write(folder.path(), &["edge.internal".to_owned()]);
    let url = format!("https://localhost:{}", server.port());
    let ca_file = format!("ca_file = \"{trusted}\"");
    before(&url, &ca_file).start().client().get("/").expect(502);
    let all = format!("{ca_file}\nclient_certificate = \"{}\"\nclient_key = \"{}\"", chain.display(), key.display());
    let house = before(&url, &all).start();
    house.client().get("/").expect(200);
    // Files that are not what they should be are found at the start, by name.
    let swapped = format!("{ca_file}\nclient_certificate = \"{}\"\nclient_key = \"{}\"", key.display(), chain.display());
    let refused = before(&url, &swapped).try_start();
    assert!(told(&refused).contains("upstream web"), "{}", told(&refused));
    let refused = before(&url, &format!("ca_file = \"{}\"", key.display())).try_start();
    assert!(told(&refused).contains("holds no certificate of an authority"), "{}", told(&refused));
    std::process::Command::new("chmod").arg("644").arg(&key).status().unwrap();
    let refused = before(&url, &all).try_start();
    assert!(told(&refused).contains("everybody may read"), "{}", told(&refused));
}

fn told(start: &Start) -> String {
    format!("{start:?}")
}
