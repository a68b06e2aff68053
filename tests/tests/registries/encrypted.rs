//! A registry that is asked by `https`, as all are that are not on this machine: `registry.test`, reached through a proxy on loopback, with a certificate of an
//! authority of its own.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};

/// The authority, and what it has signed; made for tests and nothing else, good from 2020 to 2120.
pub(crate) const AUTHORITY: &str = "\
-----BEGIN CERTIFICATE-----
MIIBRDCB6qADAgECAgEBMAoGCCqGSM49BAMCMBgxFjAUBgNVBAMMDWthcGhvc3Qg
dGVzdHMwIBcNMjAwMTAxMDAwMDAwWhgPMjEyMDAxMDEwMDAwMDBaMBgxFjAUBgNV
BAMMDWthcGhvc3QgdGVzdHMwWTATBgcqhkjOPQIBBggqhkjOPQMBBwNCAASD0PdY
D2ziSU8icoc+r4Zg8yFBO0m9pg2d5BJwXyvXvLyo81hm9VvVMsxtEhGhf4yLUcxJ
WJxAElpZSVv6xpcsoyMwITAPBgNVHRMBAf8EBTADAQH/MA4GA1UdDwEB/wQEAwIC
BDAKBggqhkjOPQQDAgNJADBGAiEAzBBcGjqzKFr5fCGE7W3guy9M1ER3qfvJKbOm
5hJPN1sCIQDFt9zWnZgayK4+UM2odRLzyHw1CiMSq734RfIxyfvm5A==
-----END CERTIFICATE-----
";
const CERTIFICATE: &str = "\
-----BEGIN CERTIFICATE-----
MIIBYTCCAQagAwIBAgIBAjAKBggqhkjOPQQDAjAYMRYwFAYDVQQDDA1rYXBob3N0
IHRlc3RzMCAXDTIwMDEwMTAwMDAwMFoYDzIxMjAwMTAxMDAwMDAwWjAYMRYwFAYD
VQQDDA1yZWdpc3RyeS50ZXN0MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEpHlw
Xt36m91DdJDqG6XBo4C9Ndcd/AXIlQpLzuuNf82BUmGyOKpnEI6o07n7wE1piNYD
3i7nQQ2U/FlQUVG0FKM/MD0wGAYDVR0RBBEwD4INcmVnaXN0cnkudGVzdDAMBgNV
HRMBAf8EAjAAMBMGA1UdJQQMMAoGCCsGAQUFBwMBMAoGCCqGSM49BAMCA0kAMEYC
IQDZf2QAbFxy7TLazkmxGXGwOipDsYj+LpU74ah4r4JyrQIhAMwM5KBktks2U2q4
nO5GWO6cQxP07gk0FT294Jkl+VGi
-----END CERTIFICATE-----
";
const KEY: &str = "\
-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQg2NjjMQZL/ZX6hTaj
VttcSnFjdketab+7U0bLesGCdbOhRANCAASkeXBe3fqb3UN0kOobpcGjgL011x38
BciVCkvO641/zYFSYbI4qmcQjqjTufvATWmI1gPeLudBDZT8WVBRUbQU
-----END PRIVATE KEY-----
";

/// Starts it with what it answers to a path, and gives the proxy: the value of `HTTPS_PROXY`.
pub(crate) fn start(holds: BTreeMap<String, Vec<u8>>) -> String {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let certificate = CertificateDer::from_pem_slice(CERTIFICATE.as_bytes()).unwrap();
    let key = PrivateKeyDer::from_pem_slice(KEY.as_bytes()).unwrap();
    let config = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let config = Arc::new(config.with_no_client_auth().with_single_cert(vec![certificate], key).unwrap());
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let proxy = format!("http://{}", listener.local_addr().unwrap());
    let holds = Arc::new(holds);
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let (config, holds, stream) = (Arc::clone(&config), Arc::clone(&holds), stream.unwrap());
            std::thread::spawn(move || serve(stream, config, &holds));
        }
    });
    proxy
}

/// One connection: the proxy's part in clear text, then as many requests as come. Whoever leaves in between is let go.
fn serve(mut stream: TcpStream, config: Arc<ServerConfig>, holds: &BTreeMap<String, Vec<u8>>) {
    if head(&mut BufReader::with_capacity(1, &stream)).as_deref() != Some("CONNECT registry.test:443 HTTP/1.1") {
        return;
    }
    let Ok(()) = stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n") else { return };
    let mut secure = BufReader::new(StreamOwned::new(ServerConnection::new(config).unwrap(), stream));
    while let Some(line) = head(&mut secure) {
        let found = line.split(' ').nth(1).and_then(|path| holds.get(path));
        let (status, body) = found.map_or(("404 Not Found", &[][..]), |body| ("200 OK", body));
        let answer = [format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\n\r\n", body.len()).as_bytes(), body].concat();
        if secure.get_mut().write_all(&answer).is_err() {
            return;
        }
    }
}

/// The first line of a request, read to the end of its head. `None` when nobody asks any more.
fn head(from: &mut impl std::io::BufRead) -> Option<String> {
    let mut lines = from.lines();
    let first = lines.next()?.ok()?;
    lines.find(|line| line.as_ref().map_or(true, String::is_empty))?.ok()?;
    Some(first)
}
