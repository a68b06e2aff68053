//! A registry that knows of referrers (OCI 1.1), as Debian's does not: signatures are listed by it, and no index of our own is kept.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use kaphost_registry::{Registries, Store};
use kaphost_spec::hex;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::server::{Asked, Server, artifact, registries, reply, runtime};

/// What is asked for.
const ENVELOPES: &str = "artifactType=application%2Fvnd.dsse.envelope.v1%2Bjson";

/// What such a registry holds, by digest, and which tags there are.
#[derive(Default)]
struct Shelf {
    blobs: BTreeMap<String, Vec<u8>>,
    manifests: BTreeMap<String, Vec<u8>>,
    tags: BTreeMap<String, String>,
}

impl Shelf {
    fn manifest(&self, name: &str) -> Option<&Vec<u8>> {
        self.manifests.get(self.tags.get(name).map_or(name, String::as_str))
    }

    /// One of those manifests that have this one as their subject: of every kind, as a registry may that does not filter. And whether there are more.
    fn referrer(&self, subject: &str, nth: usize) -> (Value, bool) {
        let about = |text: &Vec<u8>| {
            let manifest: Value = serde_json::from_slice(text).unwrap();
            (manifest["subject"]["digest"] == subject).then(|| {
                json!({
                    "mediaType": "application/vnd.oci.image.manifest.v1+json", "digest": digest(text), "size": text.len(),
                    "artifactType": manifest["artifactType"],
                })
            })
        };
        let manifests: Vec<Value> = self.manifests.values().filter_map(about).collect();
        let page = manifests.get(nth..=nth).unwrap_or_default();
        let index = json!({ "schemaVersion": 2, "mediaType": "application/vnd.oci.image.index.v1+json", "manifests": page });
        (index, nth + 1 < manifests.len())
    }
}

fn digest(bytes: &[u8]) -> String {
    format!("sha256:{}", hex(&Sha256::digest(bytes)))
}

/// Such a registry, at work.
fn start() -> (Server, Arc<Mutex<Shelf>>) {
    let shelf = Arc::<Mutex<Shelf>>::default();
    let here = Arc::clone(&shelf);
    let server = Server::start(move |_, Asked { line, body, .. }, stream| {
        let mut shelf = here.lock().unwrap();
        let (verb, path) = line.split_once(' ').unwrap();
        let (path, query) = path.split_once('?').unwrap_or((path, ""));
        let (kind, name) = path.strip_prefix("/v2/org/").and_then(|rest| rest.split_once('/')).unwrap();
        let mut more = None;
        let found = match kind {
            "manifests" => shelf.manifest(name).cloned(),
            "blobs" => shelf.blobs.get(name).cloned(),
            "referrers" => {
                let nth = query.strip_prefix(ENVELOPES).unwrap().strip_prefix("&nth=").map_or(0, |nth| nth.parse().unwrap());
                let (page, goes_on) = shelf.referrer(name, nth);
                more = goes_on.then(|| format!("<{path}?{ENVELOPES}&nth={}>; rel=\"next\"", nth + 1));
                Some(page.to_string().into_bytes())
            }
            _ => None,
        };
        match (verb, kind, found) {
            ("POST", ..) => reply(stream, "202 Accepted", &[("Location", "/v2/org/blobs/put")], b""),
            ("PUT", "blobs", _) => {
                shelf.blobs.insert(digest(body), body.clone());
                reply(stream, "201 Created", &[], b"");
            }
            ("PUT", _, _) => {
                let digest = digest(body);
                shelf.manifests.insert(digest.clone(), body.clone());
                if !name.starts_with("sha256:") {
                    shelf.tags.insert(name.to_owned(), digest);
                }
                let manifest: Value = serde_json::from_slice(body).unwrap();
                let subject = manifest["subject"]["digest"].as_str().map(|subject| ("OCI-Subject", subject));
                reply(stream, "201 Created", subject.as_slice(), b"");
            }
            (_, _, Some(bytes)) => reply(stream, "200 OK", more.as_deref().map(|link| ("Link", link)).as_slice(), &bytes),
            (_, _, None) => reply(stream, "404 Not Found", &[], b""),
        }
    });
    (server, shelf)
}

#[test]
fn signatures_are_listed_by_a_registry_that_knows_of_referrers() {
    let (server, shelf) = start();
    let registries: Registries = registries(None);
    let runtime = runtime();
    let pushed = runtime.block_on(registries.push(&server.reference(), &artifact())).unwrap();
    let found = runtime.block_on(registries.find(&server.reference())).unwrap();
    assert_eq!(runtime.block_on(registries.signatures(&found)).unwrap(), Vec::<String>::new());
    for envelope in ["{\"a\":1}", "{\"b\":2}", "{\"a\":1}"] {
        runtime.block_on(registries.attach(&found, envelope)).unwrap();
    }
    let subject = format!("sha256:{}", pushed.reference.digest().unwrap());
    {
        let mut shelf = shelf.lock().unwrap();
        assert_eq!(shelf.tags.keys().collect::<Vec<_>>(), ["1"], "no index stands under a tag");
        assert_eq!(shelf.manifests.len(), 3, "the module's, and one of each signature, however often it is attached");
        // What others leave beside it is none of ours, nor is what only says that it is.
        for (kind, layers) in [("application/vnd.example.sbom", 1), ("application/vnd.dsse.envelope.v1+json", 0)] {
            let layer = json!({ "mediaType": kind, "digest": digest(b"{}"), "size": 2 });
            let text = json!({
                "schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json", "artifactType": kind,
                "config": layer, "layers": vec![layer.clone(); layers], "subject": { "mediaType": "x", "digest": subject, "size": 1 },
            })
            .to_string();
            shelf.manifests.insert(digest(text.as_bytes()), text.into_bytes());
        }
    }
    let mut envelopes = runtime.block_on(registries.signatures(&found)).unwrap();
    envelopes.sort();
    assert_eq!(envelopes, ["{\"a\":1}", "{\"b\":2}"]);
    // They come with what is pulled, and are there when the registry is not.
    let folder = tempfile::tempdir().unwrap();
    let store = Store::new(folder.path().to_owned());
    let pulled = runtime.block_on(registries.pull(&store, &pushed.reference)).unwrap();
    assert_eq!(store.signatures(&pulled.sha256).len(), 2);
    let lines: Vec<String> = server.asked().into_iter().map(|asked| asked.line).filter(|line| line.contains("/referrers/")).collect();
    // None, then twice four that come one at a time.
    assert!(
        lines.len() == 1 + 4 + 4 && lines.iter().all(|line| line.starts_with(&format!("GET /v2/org/referrers/{subject}?"))),
        "{lines:?}"
    );
}

/// A list may go on for ever, or where nobody goes.
#[test]
fn a_list_of_signatures_is_followed_only_so_far() {
    for (link, sent) in [("/v2/org/referrers/again", None), ("http://registry.example/v2/org/referrers/x", Some("registry-astray"))] {
        let (shelf_server, shelf) = start();
        let runtime = runtime();
        let registries: Registries = registries(None);
        runtime.block_on(registries.push(&shelf_server.reference(), &artifact())).unwrap();
        let server = Server::start(move |_, Asked { line, .. }, stream| {
            let manifest = shelf.lock().unwrap().manifest("1").cloned().unwrap();
            let empty = json!({ "schemaVersion": 2, "manifests": [] }).to_string();
            if line.contains("/referrers/") {
                reply(stream, "200 OK", &[("Link", &format!("<{link}>; rel=\"next\""))], empty.as_bytes());
            } else {
                reply(stream, "200 OK", &[], &manifest);
            }
        });
        let found = runtime.block_on(registries.find(&server.reference())).unwrap();
        let listed = runtime.block_on(registries.signatures(&found));
        assert_eq!(listed.as_ref().err().map(|error| error.code()), sent, "{listed:?}");
        let pages = server.asked().iter().filter(|asked| asked.line.contains("/referrers/")).count();
        assert_eq!(pages, if sent.is_some() { 1 } else { 16 }, "{link}");
    }
}
