//! Registries that do as they like, on loopback: what they can send, and what becomes of it. Nothing half is ever kept, nothing is waited for without end, and
//! credentials go nowhere else.

use std::fs;
use std::io::Write as _;
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::time::Duration;

use kaphost_registry::{Reference, Registries, RegistryError, Store};
use kaphost_spec::hex;
use sha2::{Digest as _, Sha256};

use crate::server::{Asked, MODULE, Server, artifact, registries, reply, runtime};

fn manifest() -> Vec<u8> {
    let digest = hex(&Sha256::digest(MODULE));
    let config = hex(&Sha256::digest(b"{}"));
    format!(
        r#"{{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","config":{{"mediaType":"application/vnd.wasm.config.v0+json","digest":"sha256:{config}","size":2}},"layers":[{{"mediaType":"application/wasm","digest":"sha256:{digest}","size":{}}}]}}"#,
        MODULE.len()
    )
    .into_bytes()
}

/// A registry that is as it should be, but for its blobs.
fn with_blobs(blob: impl Fn(&Server, &Asked, &mut TcpStream) + Send + Sync + 'static) -> Server {
    Server::start(move |server, asked, stream| {
        if asked.line.contains("/blobs/") {
            blob(server, asked, stream);
        } else if asked.line.contains("/manifests/1") {
            reply(stream, "200 OK", &[], &manifest());
        } else {
            reply(stream, "404 Not Found", &[], b"");
        }
    })
}

fn sound() -> Server {
    with_blobs(|_, _, stream| reply(stream, "200 OK", &[], MODULE))
}

fn files(folder: &Path) -> usize {
    let Ok(entries) = fs::read_dir(folder) else { return 0 };
    entries.map(|entry| entry.unwrap().path()).map(|path| if path.is_dir() { files(&path) } else { 1 }).sum()
}

/// Pulls, and holds the store to be empty when that fails.
fn pull_with(registries: &Registries, reference: &Reference) -> Result<Vec<u8>, RegistryError> {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::new(folder.path().to_owned());
    let runtime = runtime();
    match runtime.block_on(registries.pull(&store, reference)) {
        Ok(pulled) => Ok(fs::read(&pulled.path).unwrap()),
        Err(error) => {
            assert_eq!(files(folder.path()), 0, "{error}");
            assert!(!error.help().is_empty() && !error.code().is_empty());
            Err(error)
        }
    }
}

fn pull(server: &Server) -> Result<Vec<u8>, RegistryError> {
    pull_with(&registries(None), &server.reference())
}

#[test]
fn what_comes_is_held_to_what_was_said_of_it() {
    assert_eq!(pull(&sound()).unwrap(), MODULE);
    let mut longer = MODULE.to_vec();
    longer.push(0);
    let changed: Vec<u8> = MODULE.iter().map(|byte| byte ^ 1).collect();
    let (a, b) = (longer.clone(), longer);
    for (server, said, untrusted) in [
        (with_blobs(move |_, _, stream| reply(stream, "200 OK", &[], &changed)), "has the SHA-256", true),
        (with_blobs(move |_, _, stream| reply(stream, "200 OK", &[], &a)), "bytes long, and its manifest says", true),
        (with_blobs(|_, _, stream| reply(stream, "200 OK", &[], &MODULE[..9])), "is 9 bytes long", true),
        // Announced right, and cut off; announced not at all, and too long; and without end.
        (
            with_blobs(|_, _, stream| reply(stream, "200 OK", &[("Content-Length", &MODULE.len().to_string())], &MODULE[..9])),
            "broke off",
            false,
        ),
        (
            with_blobs(move |_, _, stream| {
                let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n");
                let _ = stream.write_all(&b);
            }),
            "bytes long, and its manifest says",
            true,
        ),
        (
            with_blobs(|_, _, stream| {
                let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
                while stream.write_all(b"10\r\n0123456789abcdef\r\n").is_ok() {}
            }),
            "bytes long, and its manifest says",
            true,
        ),
        (
            Server::start(|_, _, stream| {
                let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
                let piece = [b"10000\r\n".as_slice(), &[b' '; 0x10000], b"\r\n"].concat();
                while stream.write_all(&piece).is_ok() {}
            }),
            "larger than 4194304 bytes",
            true,
        ),
        (with_blobs(|_, _, stream| reply(stream, "404 Not Found", &[], b"")), "there is no", false),
        (
            Server::start(|_, _, stream| {
                reply(
                    stream,
                    "200 OK",
                    &[],
                    b"{\"manifests\":[],\"schemaVersion\":2,\"mediaType\":\"application/vnd.oci.image.index.v1+json\"}",
                )
            }),
            "an index",
            true,
        ),
        (
            Server::start(|_, _, stream| {
                reply(stream, "403 Forbidden", &[], b"{\"errors\":[{\"code\":\"DENIED\",\"message\":\"no\\u001b[31m, \\u202enot you\"}]}")
            }),
            "does not let anybody read `org`: no?[31m, ?not you",
            false,
        ),
        (Server::start(|_, _, stream| drop(stream.shutdown(std::net::Shutdown::Both))), "broke off", false),
    ] {
        let error = pull(&server).unwrap_err();
        assert!(error.to_string().contains(said), "{said}: {error}");
        assert_eq!(error.is_untrusted(), untrusted, "{error}");
    }
    let other = sound().reference().with_digest(&"0".repeat(64));
    let server = Server::start(|_, _, stream| reply(stream, "200 OK", &[], &manifest()));
    let pinned: Reference = other.to_string().replace(other.registry(), &server.host).parse().unwrap();
    assert!(matches!(pull_with(&registries(None), &pinned), Err(RegistryError::Digest { .. })));
}

#[test]
fn nobody_is_waited_for_without_end() {
    for server in [
        // Nothing comes; a head and nothing more; a byte now and then.
        Server::start(|_, _, _| std::thread::sleep(Duration::from_secs(5))),
        with_blobs(|_, _, stream| {
            reply(stream, "200 OK", &[("Content-Length", &MODULE.len().to_string())], b"");
            std::thread::sleep(Duration::from_secs(5));
        }),
        with_blobs(|_, _, stream| {
            reply(stream, "200 OK", &[("Content-Length", &MODULE.len().to_string())], b"");
            while stream.write_all(b"0").is_ok() {
                std::thread::sleep(Duration::from_millis(300));
            }
        }),
    ] {
        let error = pull(&server).unwrap_err();
        assert!(matches!(error, RegistryError::Slow { .. }), "{error}");
    }
    let nobody = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let down = format!("oci://{nobody}/org:1").parse().unwrap();
    assert!(matches!(pull_with(&registries(None), &down), Err(RegistryError::Unreachable { .. })));
}

#[test]
fn a_registry_is_followed_where_it_may_be_and_takes_no_credentials_along() {
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("config.json");
    let storage = Server::start(|_, _, stream| reply(stream, "200 OK", &[], MODULE));
    let to = storage.host.clone();
    // Wants a name and a password for everything, and keeps its blobs elsewhere.
    let server = Server::start(move |_, asked, stream| match &asked.authorization {
        None => reply(stream, "401 Unauthorized", &[("WWW-Authenticate", "Basic realm=\"r\"")], b""),
        Some(_) if asked.line.contains("/blobs/") => {
            reply(stream, "307 Temporary Redirect", &[("Location", &format!("http://{to}/storage?signed=1"))], b"")
        }
        Some(_) if asked.line.contains("/manifests/1") => reply(stream, "200 OK", &[], &manifest()),
        Some(_) => reply(stream, "404 Not Found", &[], b""),
    });
    fs::write(&config, format!(r#"{{"auths":{{"{}":{{"auth":"bWU6c2VjcmV0"}}}}}}"#, server.host)).unwrap();
    assert_eq!(pull_with(&registries(Some(&config)), &server.reference()).unwrap(), MODULE);
    assert_eq!(storage.asked(), [Asked { line: "GET /storage?signed=1".into(), authorization: None, body: Vec::new() }]);
    let told: Vec<_> = server.asked().into_iter().filter_map(|asked| asked.authorization).collect();
    assert!(!told.is_empty() && told.iter().all(|told| told == "Basic bWU6c2VjcmV0"), "{told:?}");
    let nobody = pull(&server).unwrap_err();
    assert!(nobody.to_string().contains("does not let anybody read"), "{nobody}");

    for (to, said) in [
        ("/v2/round", "redirects more than 5 times"),
        ("http://10.0.0.1/blob", "where nothing is encrypted"),
        ("file:///etc/passwd", "where nothing is encrypted"),
        ("http://me@127.0.0.1:1/", "with a name in the address"),
        ("http://[::1", "an address that is none"),
    ] {
        let server = Server::start(move |_, _, stream| reply(stream, "302 Found", &[("Location", to)], b""));
        let error = pull(&server).unwrap_err();
        assert!(error.to_string().contains(said), "{to}: {error}");
        assert!(server.asked().len() <= 6);
    }
}

/// A registry that wants tokens, of a service at this host.
fn with_tokens(service_host: &'static str) -> Server {
    Server::start(move |server, asked, stream| {
        if asked.line.contains(" /token") {
            return reply(stream, "200 OK", &[], br#"{"token":"t0ken"}"#);
        }
        let port = server.host.rsplit_once(':').unwrap().1;
        let wanted = format!("Bearer realm=\"http://{service_host}:{port}/token\",service=\"s\",scope=\"registry:catalog:*\"");
        match asked.authorization.as_deref() {
            Some("Bearer t0ken") if asked.line.contains("/manifests/1") => reply(stream, "200 OK", &[], &manifest()),
            Some("Bearer t0ken") if asked.line.contains("/blobs/") => reply(stream, "200 OK", &[], MODULE),
            Some("Bearer t0ken") => reply(stream, "404 Not Found", &[], b""),
            _ => reply(stream, "401 Unauthorized", &[("WWW-Authenticate", &wanted)], b""),
        }
    })
}

#[test]
fn tokens_are_asked_for_as_specified_and_services_elsewhere_are_asked_as_nobody() {
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("config.json");
    for (service, told) in [("127.0.0.1", Some("Basic bWU6c2VjcmV0")), ("localhost", None)] {
        let server = with_tokens(service);
        fs::write(&config, format!(r#"{{"auths":{{"{}":{{"auth":"bWU6c2VjcmV0"}}}}}}"#, server.host)).unwrap();
        assert_eq!(pull_with(&registries(Some(&config)), &server.reference()).unwrap(), MODULE, "{service}");
        let asked = server.asked();
        let token: Vec<_> = asked.iter().filter(|asked| asked.line.contains(" /token")).collect();
        // What a token is for is said from here, whatever the registry says.
        assert!(
            token
                .iter()
                .all(|asked| asked.line == "GET /token?scope=repository%3Aorg%3Apull&service=s" && asked.authorization.as_deref() == told),
            "{token:?}"
        );
        assert!(
            !token.is_empty()
                && asked.iter().all(|asked| asked.line.contains(" /token") || asked.authorization.as_deref() != Some("Basic bWU6c2VjcmV0"))
        );
    }
    // An identity token is given for another, and a service that gives none is told.
    let server = Server::start(|server, asked, stream| match asked.line.as_str() {
        "POST /token" => reply(stream, "401 Unauthorized", &[], b""),
        _ => reply(stream, "401 Unauthorized", &[("WWW-Authenticate", &format!("Bearer realm=\"http://{}/token\"", server.host))], b""),
    });
    fs::write(&config, format!(r#"{{"auths":{{"{}":{{"auth":"","identitytoken":"1d"}}}}}}"#, server.host)).unwrap();
    let error = pull_with(&registries(Some(&config)), &server.reference()).unwrap_err();
    assert!(error.to_string().contains("does not let the user of the identity token read") && !error.to_string().contains("1d"), "{error}");
    for (body, realm) in [("{}", "/token"), ("{\"token\":\"a\\nb\"}", "/token"), ("", "no address"), ("{\"token\":\"x\"}", "/again")] {
        let server = Server::start(move |server, asked, stream| {
            let realm = if realm.starts_with('/') { format!("http://{}{realm}", server.host) } else { realm.to_owned() };
            match asked.line.contains(" /token") || asked.line.contains(" /again") {
                true => reply(stream, "200 OK", &[], body.as_bytes()),
                false => reply(stream, "401 Unauthorized", &[("WWW-Authenticate", &format!("Bearer realm=\"{realm}\""))], b""),
            }
        });
        let error = pull(&server).unwrap_err();
        assert!(matches!(error, RegistryError::Nonsense { .. } | RegistryError::Forbidden { .. }), "{body}: {error}");
        assert!(server.asked().len() <= 3, "it is asked once more with a token, and not without end");
    }
}

#[test]
fn a_push_goes_where_the_registry_says_and_names_the_module_last() {
    let storage = Server::start(|_, asked, stream| {
        let status = if asked.line.starts_with("PUT ") { "201 Created" } else { "400 Bad Request" };
        reply(stream, status, &[], b"");
    });
    let to = storage.host.clone();
    let server = Server::start(move |_, asked, stream| {
        let (verb, path) = asked.line.split_once(' ').unwrap();
        match (verb, path.contains("/uploads/")) {
            ("HEAD" | "GET", _) => reply(stream, "404 Not Found", &[], b""),
            ("POST", true) => reply(stream, "202 Accepted", &[("Location", &format!("http://{to}/up?session=1"))], b""),
            ("PUT", false) => reply(stream, "201 Created", &[], b""),
            _ => reply(stream, "400 Bad Request", &[], b""),
        }
    });
    let artifact = artifact();
    let runtime = runtime();
    let pushed = runtime.block_on(registries(None).push(&server.reference(), &artifact)).unwrap();
    assert_eq!(pushed.reference.without_digest(), server.reference());
    let uploads = storage.asked();
    assert_eq!(uploads[0].line, format!("PUT /up?session=1&digest=sha256%3A{}", hex(&Sha256::digest(MODULE))));
    assert_eq!(uploads.len(), 2, "the module and its config");
    assert_eq!(server.asked().last().unwrap().line, "PUT /v2/org/manifests/1");

    let pinned = server.reference().with_digest(&"0".repeat(64));
    let before = server.asked().len();
    assert!(matches!(runtime.block_on(registries(None).push(&pinned, &artifact)), Err(RegistryError::Digest { .. })));
    assert_eq!(server.asked().len(), before, "nothing is asked for what cannot be");
    let refusing = Server::start(|_, asked, stream| {
        let location = [("Location", "no/../address?x")];
        let (status, headers): (_, &[_]) =
            if asked.line.starts_with("POST") { ("202 Accepted", &location) } else { ("404 Not Found", &[]) };
        reply(stream, status, headers, b"");
    });
    assert!(runtime.block_on(registries(None).push(&refusing.reference(), &artifact)).is_err());
}
