//! Policies on their way by a registry, Debian's own on loopback: pushed, signed, pinned, pulled, held to, and used when the registry is gone. And what comes
//! when it is not what was agreed on: exit code 4, with a place in the set, before anything is compiled.

#![expect(clippy::unwrap_used, clippy::panic, reason = "tests may fail loudly, outside of test functions too")]

mod encrypted;

use std::collections::BTreeMap;
use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use kaphost_tests::{Built, Kaphost, OPEN, OciRegistry, Run};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

/// Made by `openssl genpkey -algorithm ed25519` and `openssl pkey -pubout`, for tests and nothing else.
const KEYS: [(&str, &str); 2] = [
    ("MC4CAQAwBQYDK2VwBCIEICrTKbG04r6ZPs9QOfcTlbrd/7gXWN0AwTYCQdV8gkGs", "MCowBQYDK2VwAyEACdqwjhbhuP7vZQ8RqsGlZKN/QnC4QIHT9cDNh01BL7U="),
    ("MC4CAQAwBQYDK2VwBCIEICzi2wVUIbRbh+BPtL2cK3AJRotPHbRP+IMWGn6PvEAP", "MCowBQYDK2VwAyEA4D+9aUVHBGhCVPyzmlbB3oPIUtZavkRU8FVn8e/lNZE="),
];

/// A machine with a config, keys and a policy, and nothing of any registry but what Docker's configuration says.
fn machine(registry: Option<&OciRegistry>) -> Kaphost {
    let kaphost = Kaphost::offline().unwrap();
    kaphost.write("cluster.kdl", OPEN).unwrap();
    for ((private, public), name) in KEYS.iter().zip(["a", "b"]) {
        kaphost.write(&format!("{name}.pem"), &format!("-----BEGIN PRIVATE KEY-----\n{private}\n-----END PRIVATE KEY-----\n")).unwrap();
        kaphost.write(&format!("{name}.pub"), &format!("-----BEGIN PUBLIC KEY-----\n{public}\n-----END PUBLIC KEY-----\n")).unwrap();
    }
    fs::copy(Built::find().unwrap().policy("restrict-ssh").unwrap(), kaphost.folder().join("restrict-ssh.wasm")).unwrap();
    if let Some(registry) = registry {
        fs::create_dir(kaphost.home().join(".docker")).unwrap();
        fs::write(kaphost.home().join(".docker/config.json"), registry.docker_config()).unwrap();
    }
    kaphost
}

fn run(kaphost: &Kaphost, code: i32, arguments: &str) -> Run {
    let run = kaphost.run(arguments.split_whitespace()).unwrap();
    assert_eq!(run.code, Some(code), "{arguments}: {run}");
    assert!(!run.to_string().contains("secret") && !run.to_string().contains("bWU6"), "{run}");
    run
}

fn json_of(kaphost: &Kaphost, code: i32, arguments: &str) -> Value {
    let run = run(kaphost, code, &format!("{arguments} --output json"));
    serde_json::from_str(&run.stdout).unwrap_or_else(|error| panic!("{error}: {run}"))
}

fn read(kaphost: &Kaphost, name: &str) -> String {
    fs::read_to_string(kaphost.folder().join(name)).unwrap()
}

fn hex(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Files below a folder, however deep.
fn files(folder: &Path) -> Vec<String> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let below = |path: std::path::PathBuf| if path.is_dir() { files(&path) } else { vec![path.display().to_string()] };
    entries.flat_map(|entry| below(entry.unwrap().path())).collect()
}

fn compiled(kaphost: &Kaphost) -> Vec<String> {
    files(&kaphost.home().join(".cache/kaphost/modules"))
}

#[test]
fn a_policy_is_pushed_signed_pinned_pulled_and_used_when_the_registry_is_gone() {
    let registry = OciRegistry::start().unwrap();
    let tag = format!("oci://{}/acme/restrict-ssh:1.2", registry.host());
    let author = machine(Some(&registry));

    // Pushed, and what the registry holds then is the CNCF's layout, as anybody else reads it.
    let pushed = json_of(&author, 0, &format!("policy push restrict-ssh.wasm {tag} --sign a.pem"));
    let module = fs::read(author.folder().join("restrict-ssh.wasm")).unwrap();
    let pinned = pushed["reference"].as_str().unwrap().to_owned();
    assert_eq!((&pushed["sha256"], &pushed["size"], &pushed["movedFrom"]), (&json!(hex(&module)), &json!(module.len()), &Value::Null));
    let (head, text) = registry.get("/v2/acme/restrict-ssh/manifests/1.2", "application/vnd.oci.image.manifest.v1+json").unwrap();
    assert!(head.contains("200 OK") && head.to_lowercase().contains("content-type: application/vnd.oci.image.manifest.v1+json"), "{head}");
    assert_eq!(pinned, format!("{tag}@sha256:{}", hex(&text)));
    let manifest: Value = serde_json::from_slice(&text).unwrap();
    assert_eq!(
        manifest["layers"],
        json!([{ "mediaType": "application/wasm", "digest": format!("sha256:{}", hex(&module)), "size": module.len() }])
    );
    assert_eq!(manifest["config"]["mediaType"], "application/vnd.wasm.config.v0+json");
    let (_, config) =
        registry.get(&format!("/v2/acme/restrict-ssh/blobs/{}", manifest["config"]["digest"].as_str().unwrap()), "*/*").unwrap();
    let config: Value = serde_json::from_slice(&config).unwrap();
    assert_eq!((&config["os"], &config["layerDigests"][0]), (&json!("wasip2"), &manifest["layers"][0]["digest"]));
    assert!(config["component"]["exports"].to_string().contains("kaphost:policy/metadata"), "{config}");
    // Again, from another machine: the same digest. Another module: the tag moves, and it is said from where.
    let again = machine(Some(&registry));
    assert_eq!(json_of(&again, 0, &format!("policy push restrict-ssh.wasm {tag}"))["reference"], json!(pinned));
    let second = tag.replace(":1.2", ":1.3");
    run(&again, 0, &format!("policy push restrict-ssh.wasm {second}"));
    fs::copy(Built::find().unwrap().policy("imdsv2").unwrap(), again.folder().join("imdsv2.wasm")).unwrap();
    let moved = run(&again, 0, &format!("policy push imdsv2.wasm {second}"));
    assert!(moved.stdout.contains(&format!("tag was at sha256:{}\n", hex(&text))), "{moved}");

    // Signed by a second key, in the registry; and whose signature is not there is told.
    run(&author, 4, &format!("policy verify {tag} --key a.pub --key b.pub"));
    run(&author, 0, &format!("policy sign {tag} --key b.pem"));
    run(&author, 0, &format!("policy sign {tag} --key b.pem"));
    let verified = run(&author, 0, &format!("policy verify {tag} --key a.pub --key b.pub"));
    assert!(verified.stdout.contains("is signed by b.pub\n  as restrict-ssh "), "{verified}");

    // Pinned: the set's text gets the digest, and nothing else of it changes.
    let user = machine(Some(&registry));
    let set = format!(
        "// Ours.\nsigned-by {:?} {:?}\npolicy \"restrict-ssh\" path={tag:?} enforcement=\"mandatory\" // for now\n",
        KEYS[0].1, KEYS[1].1
    );
    user.write("set.kdl", &set).unwrap();
    let unpinned = run(&user, 4, "check cluster.kdl --policy set.kdl");
    assert!(unpinned.stderr.contains("set.kdl:3:28") && unpinned.said().contains("kaphost policy lock set.kdl"), "{unpinned}");
    run(&user, 1, "policy lock set.kdl --check");
    assert_eq!(read(&user, "set.kdl"), set);
    run(&user, 0, "policy lock set.kdl");
    assert_eq!(read(&user, "set.kdl"), set.replace(&tag, &pinned));
    run(&user, 0, "policy lock set.kdl --check");
    assert_eq!(run(&user, 0, &format!("policy digest {tag}")).stdout, format!("{pinned}\n"));

    // Pulled, by the first who needs it, and written out where that is wanted.
    let denied = run(&user, 3, "check cluster.kdl --policy set.kdl");
    assert!(denied.stdout.contains("restrict-ssh") || denied.stderr.contains("restrict-ssh"), "{denied}");
    let pulled = run(&user, 0, &format!("policy pull {pinned} --key a.pub --out out.wasm"));
    assert!(pulled.stdout.starts_with("✓ here already\n"), "{pulled}");
    assert_eq!(fs::read(user.folder().join("out.wasm")).unwrap(), module);
    run(&user, 0, "policy verify out.wasm --key a.pub --key b.pub");
    let late = machine(Some(&registry));

    // Gone. What was pulled is used all the same, by a set and by itself, and a record of it is replayed.
    registry.stop();
    run(&user, 3, "check cluster.kdl --policy set.kdl --record record.json");
    run(&user, 3, &format!("check cluster.kdl --policy {pinned}"));
    run(&user, 3, &format!("check cluster.kdl --policy {pinned} --record alone.json"));
    let record: Value = serde_json::from_str(&read(&user, "alone.json")).unwrap();
    assert_eq!(record["policies"][0]["file"], json!(pinned));
    run(&user, 0, "replay record.json");
    run(&user, 0, "replay alone.json");
    // Wherever a path may stand, the reference may, and is what the module is called.
    let inspected = json_of(&user, 0, &format!("policy inspect {pinned}"));
    assert_eq!((&inspected["file"], &inspected["sha256"]), (&json!(pinned), &json!(hex(&module))));
    run(&user, 3, &format!("policy run {pinned} cluster.kdl"));
    run(&user, 0, &format!("policy bench {pinned} cluster.kdl --rounds 1 --loads 1"));
    let compared = run(&user, 0, &format!("policy diff {pinned} restrict-ssh.wasm --corpus cluster.kdl"));
    assert!(compared.stdout.contains("1 config: 1 the same"), "{compared}");
    let cases = Path::new(env!("CARGO_MANIFEST_DIR")).join("../guest-policies/restrict-ssh/cases");
    let tested = run(&user, 0, &format!("policy test {pinned} --cases {} --generated 10", cases.display()));
    assert!(tested.stdout.contains(" passed\n"), "{tested}");
    user.write("cluster.kdl", &OPEN.replace("0.0.0.0/0", "10.0.0.0/8")).unwrap();
    run(&user, 0, "apply cluster.kdl --policy set.kdl --cloud lab:lab.json --auto-approve");
    run(&user, 0, "plan cluster.kdl --policy set.kdl --cloud lab:lab.json --out p.kapplan");
    run(&user, 0, "apply p.kapplan --cloud lab:lab.json --auto-approve");
    let absent = run(&late, 1, &format!("policy pull {pinned}"));
    assert!(absent.said().contains("cannot be reached"), "{absent}");
    late.write("set.kdl", &set.replace(&tag, &pinned)).unwrap();
    let absent = run(&late, 4, "check cluster.kdl --policy set.kdl");
    assert!(absent.stderr.contains("set.kdl:3:28") && absent.said().contains("cannot be reached"), "{absent}");
    assert!(compiled(&late).is_empty());
}

#[test]
fn what_is_not_as_agreed_ends_with_4_where_the_set_says_it_and_nothing_is_compiled() {
    let registry = OciRegistry::start().unwrap();
    let author = machine(Some(&registry));
    let tag = format!("oci://{}/org:1", registry.host());
    let pushed = json_of(&author, 0, &format!("policy push restrict-ssh.wasm {tag} --sign a.pem"));
    let (pinned, sha256) = (pushed["reference"].as_str().unwrap(), pushed["sha256"].as_str().unwrap());
    run(&author, 0, "policy sign restrict-ssh.wasm --key a.pem");
    let wrong = "0".repeat(64);

    let user = machine(Some(&registry));
    for name in ["restrict-ssh.wasm", "restrict-ssh.wasm.sig"] {
        fs::copy(author.folder().join(name), user.folder().join(name)).unwrap();
    }
    let entry = |path: &str, more: &str| format!("policy \"restrict-ssh\" path={path:?} enforcement=\"mandatory\" {{\n    {more}\n}}\n");
    let (a, b) = (format!("signed-by {:?}", KEYS[0].1), format!("signed-by {:?}", KEYS[1].1));
    let at = |digest: &str| format!("{tag}@sha256:{digest}");
    let file = |more: &str| entry("restrict-ssh.wasm", &format!("sha256 {sha256:?}\n    {more}"));
    // What the set says, the place, what is said of it.
    for (set, place, said) in [
        (entry(&at(&wrong), &a), "set.kdl:1:28", "there is no"),
        (entry(pinned, &b), "set.kdl:2:15", "has not signed it"),
        (entry(pinned, &format!("sha256 {wrong:?}")), "set.kdl:2:12", &wrong),
        (format!("{a}\n{}", entry(pinned, &b)), "set.kdl:3:15", "has not signed it"),
        (format!("{a} {:?}\n{}", KEYS[1].1, entry(pinned, "")), "set.kdl:1:74", "has not signed it"),
        (file(&b), "set.kdl:3:15", "has not signed it"),
        (entry("restrict-ssh.wasm", &format!("sha256 {wrong:?}\n    {a}")), "set.kdl:3:15", "another module"),
    ] {
        user.write("set.kdl", &set).unwrap();
        let run = run(&user, 4, "check cluster.kdl --policy set.kdl");
        assert!(run.stderr.contains(place) && run.said().contains(said), "{set}\n{run}");
        assert!(compiled(&user).is_empty(), "{set}");
    }
    // A key that has signed is enough: an entry's own in place of the set's.
    for set in [entry(pinned, &a), format!("{b}\n{}", entry(pinned, &a)), file(&a)] {
        user.write("set.kdl", &set).unwrap();
        run(&user, 3, "check cluster.kdl --policy set.kdl");
    }
    fs::remove_file(user.folder().join("restrict-ssh.wasm.sig")).unwrap();
    let unsigned = run(&user, 4, "check cluster.kdl --policy set.kdl");
    assert!(unsigned.said().contains("is not signed"), "{unsigned}");

    // Pulled by hand: a key that has not signed, credentials that are none, and a blob that was changed where it lies.
    run(&user, 4, &format!("policy pull {pinned} --key b.pub --out b.wasm"));
    assert!(!user.folder().join("b.wasm").exists());
    let nobody = machine(None);
    let refused = run(&nobody, 1, &format!("policy pull {pinned}"));
    assert!(refused.said().contains("does not let anybody read") && refused.said().contains("docker login"), "{refused}");
    let missing = run(&user, 1, &format!("policy pull oci://{}/org:2", registry.host()));
    assert!(missing.said().contains("there is no `oci://"), "{missing}");
    let blob = registry.blob(sha256);
    let mut bytes = fs::read(&blob).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    fs::write(&blob, bytes).unwrap();
    let other = machine(Some(&registry));
    let changed = run(&other, 4, &format!("policy pull {pinned}"));
    assert!(changed.said().contains("was agreed on") && changed.said().contains("nothing was kept"), "{changed}");
    assert_eq!(files(&other.home().join(".cache/kaphost")), Vec::<String>::new());
    // No policy is neither pushed nor signed.
    author.write("no.wasm", "no").unwrap();
    run(&author, 4, &format!("policy push no.wasm {tag}"));
    run(&author, 4, "policy sign no.wasm --key a.pem");
    let no_tag = run(&author, 64, &format!("policy push restrict-ssh.wasm {}", pinned.replace(":1@", "@")));
    assert!(no_tag.said().contains("has no tag"), "{no_tag}");
}

/// Files get their digest too, wherever the set says the path, and what is locked can be read.
#[test]
fn lock_writes_into_the_text_and_changes_nothing_else_of_it() {
    let kaphost = machine(None);
    let digest = hex(&fs::read(kaphost.folder().join("restrict-ssh.wasm")).unwrap());
    for (before, after) in [
        (
            "policy \"restrict-ssh\"   path=\"restrict-ssh.wasm\" enforcement=\"mandatory\" // one\n/* two */",
            format!("policy \"restrict-ssh\"   path=\"restrict-ssh.wasm\" sha256=\"{digest}\" enforcement=\"mandatory\" // one\n/* two */"),
        ),
        (
            "policy \"restrict-ssh\" {\n    path \"restrict-ssh.wasm\" // here\n    enforcement \"mandatory\"\n}\n",
            format!(
                "policy \"restrict-ssh\" {{\n    path \"restrict-ssh.wasm\"\n    sha256 \"{digest}\" // here\n    enforcement \"mandatory\"\n}}\n"
            ),
        ),
        (
            "policy \"restrict-ssh\" { enforcement \"mandatory\"; path #\"restrict-ssh.wasm\"#; }\n",
            format!("policy \"restrict-ssh\" {{ enforcement \"mandatory\"; path #\"restrict-ssh.wasm\"#; sha256 \"{digest}\"; }}\n"),
        ),
    ] {
        kaphost.write("set.kdl", before).unwrap();
        let locked = run(&kaphost, 0, "policy lock set.kdl");
        assert_eq!(read(&kaphost, "set.kdl"), after, "{locked}");
        let document = json_of(&kaphost, 0, "policy lock set.kdl");
        assert_eq!((&document["written"], &document["digests"]), (&json!(false), &json!([])));
        run(&kaphost, 3, "check cluster.kdl --policy set.kdl");
    }
    // A digest that is there stays, until it is asked to be looked at again.
    let old = read(&kaphost, "set.kdl").replace(&digest, &"0".repeat(64));
    kaphost.write("set.kdl", &old).unwrap();
    run(&kaphost, 0, "policy lock set.kdl");
    assert_eq!(read(&kaphost, "set.kdl"), old);
    let updated = json_of(&kaphost, 0, "policy lock set.kdl --update");
    assert_eq!(
        updated["digests"][0],
        json!({ "policy": "restrict-ssh", "module": "restrict-ssh.wasm", "sha256": digest, "before": "0".repeat(64) })
    );
    run(&kaphost, 3, "check cluster.kdl --policy set.kdl");
    // What holds other mistakes is left alone.
    kaphost.write("set.kdl", "policy \"restrict-ssh\" path=\"restrict-ssh.wasm\" enforcement=\"mandatry\"\n").unwrap();
    let wrong = run(&kaphost, 1, "policy lock set.kdl");
    assert!(wrong.said().contains("did you mean `mandatory`?"), "{wrong}");
    assert!(!read(&kaphost, "set.kdl").contains("sha256"));
}

/// A registry that answers each request with these bytes, as many times as it is asked.
fn answering(reply: String) -> String {
    counting(reply).0
}

/// The same, and how often it was asked.
fn counting(reply: String) -> (String, Arc<AtomicUsize>) {
    let asked = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&asked);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let host = listener.local_addr().unwrap().to_string();
    let reply = reply.replace("HOST", &host);
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else { continue };
            count.fetch_add(1, Ordering::Relaxed);
            let mut request = [0; 4096];
            let _ = stream.read(&mut request);
            let _ = stream.write_all(reply.as_bytes());
        }
    });
    (host, asked)
}

/// What a registry says of a module.
fn manifest(module: &[u8]) -> String {
    let config = json!({ "mediaType": "application/vnd.wasm.config.v0+json", "digest": format!("sha256:{}", hex(b"{}")), "size": 2 });
    let layer = json!({ "mediaType": "application/wasm", "digest": format!("sha256:{}", hex(module)), "size": module.len() });
    let media_type = "application/vnd.oci.image.manifest.v1+json";
    json!({ "schemaVersion": 2, "mediaType": media_type, "config": config, "layers": [layer] }).to_string()
}

#[test]
fn lock_asks_once_for_what_several_entries_name() {
    let kaphost = machine(None);
    let manifest = manifest(b"module");
    let (host, asked) = counting(format!("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{manifest}", manifest.len()));
    let entry = |name: &str, tag: &str| format!("policy \"{name}\" path=\"oci://{host}/org:{tag}\" enforcement=\"advisory\"\n");
    kaphost.write("set.kdl", &[entry("a", "1"), entry("b", "1"), entry("c", "2"), entry("d", "1")].concat()).unwrap();
    let locked = json_of(&kaphost, 0, "policy lock set.kdl");
    assert!(locked["digests"].as_array().unwrap().iter().all(|one| one["sha256"] == hex(manifest.as_bytes())), "{locked}");
    assert_eq!((locked["digests"].as_array().unwrap().len(), asked.load(Ordering::Relaxed)), (4, 2));
}

/// A registry elsewhere is asked by `https`, through the proxy that the environment names, and its certificate has to be of an authority that this machine knows.
#[test]
fn a_registry_elsewhere_is_asked_by_https_and_has_to_prove_who_it_is() {
    let kaphost = machine(None);
    let module = fs::read(kaphost.folder().join("restrict-ssh.wasm")).unwrap();
    let proxy = encrypted::start(BTreeMap::from([
        ("/v2/org/manifests/1".to_owned(), manifest(&module).into_bytes()),
        (format!("/v2/org/blobs/sha256:{}", hex(&module)), module.clone()),
    ]));
    kaphost.write("authority.pem", encrypted::AUTHORITY).unwrap();
    let pull = |known: bool| {
        let mut command = kaphost.command();
        if known {
            command.env("SSL_CERT_FILE", kaphost.folder().join("authority.pem"));
        }
        command.env("HTTPS_PROXY", &proxy).args(["policy", "pull", "oci://registry.test/org:1", "--out", "out.wasm"]);
        Run::of(&mut command).unwrap()
    };
    let unknown = pull(false);
    assert!(unknown.code == Some(1) && unknown.said().contains("`registry.test` cannot be reached"), "{unknown}");
    assert!(files(&kaphost.home().join(".cache")).is_empty() && !kaphost.folder().join("out.wasm").exists());
    let known = pull(true);
    assert_eq!(known.code, Some(0), "{known}");
    assert_eq!(fs::read(kaphost.folder().join("out.wasm")).unwrap(), module);
}

/// Credentials come from the helper that Docker's configuration names, for this registry or for all, and where it knows nobody the registry is asked as nobody.
#[test]
#[cfg(unix)]
fn a_credential_helper_is_asked_for_the_registry_and_told_when_it_fails() {
    use std::os::unix::fs::PermissionsExt as _;

    let registry = OciRegistry::start().unwrap();
    let kaphost = machine(None);
    let (host, tag) = (registry.host(), format!("oci://{}/org:1", registry.host()));
    let helper = |name: &str, script: &str| {
        let file = kaphost.home().join("bin").join(format!("docker-credential-{name}"));
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(&file, format!("#!/bin/sh\nread server\n{script}\n")).unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o755)).unwrap();
    };
    let answer = "echo '{\"ServerURL\":\"'$server'\",\"Username\":\"me\",\"Secret\":\"secret\"}'";
    helper("knows", &format!("[ \"$1 $server\" = \"get {host}\" ] && {answer}"));
    helper("knows-nobody", "echo 'credentials not found in native keychain'; exit 1");
    helper("is-locked", "echo 'the keychain is locked' >&2; exit 1");
    fs::create_dir(kaphost.home().join(".docker")).unwrap();
    let both = json!({ "credsStore": "is-locked", "credHelpers": { &host: "knows" } });
    for (config, code, said) in [
        (json!({ "credsStore": "knows" }), 0, ""),
        // The registry's own comes before everybody's.
        (both, 0, ""),
        (json!({ "credsStore": "knows-nobody" }), 1, "does not let anybody"),
        (json!({ "credHelpers": { &host: "is-locked" } }), 1, "`docker-credential-is-locked` failed: the keychain is locked"),
        (json!({ "credHelpers": { &host: "is-nowhere" } }), 1, "its credential helper cannot be run"),
    ] {
        fs::write(kaphost.home().join(".docker/config.json"), config.to_string()).unwrap();
        let mut command = kaphost.command();
        command.env("PATH", format!("{}:/usr/bin:/bin", kaphost.home().join("bin").display()));
        let run = Run::of(command.args(["policy", "push", "restrict-ssh.wasm", &tag])).unwrap();
        assert!(run.code == Some(code) && run.said().contains(said), "{config}: {run}");
        assert!(!run.to_string().contains("\"secret\"") && !run.to_string().contains("bWU6"), "{run}");
    }
}

/// The cases of one answer are cheaper in the registry's own tests; here, that each is told, with its exit code, and that nothing is left of it.
#[test]
fn a_registry_that_misbehaves_is_told_as_such_and_leaves_nothing() {
    let kaphost = machine(None);
    let ok = |head: &str, body: &str| format!("HTTP/1.1 200 OK\r\nConnection: close\r\n{head}\r\n\r\n{body}");
    let elsewhere =
        |to: &str| format!("HTTP/1.1 307 Temporary Redirect\r\nConnection: close\r\nContent-Length: 0\r\nLocation: {to}\r\n\r\n");
    let big = ok("Content-Length: 99999999999", "");
    for (reply, code, said) in [
        (ok("Content-Length: 20", "{}"), 1, "broke off"),
        (big, 4, "larger than 4194304 bytes"),
        (elsewhere("http://HOST/v2/"), 1, "redirects more than 5 times"),
        (elsewhere("http://example.org/"), 1, "where nothing is encrypted"),
        (ok("Content-Length: 2\r\nDocker-Content-Digest: sha256:00", "{}"), 4, "was agreed on"),
        (ok("Content-Length: 2", "{}"), 4, "is no policy module"),
        ("HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\nContent-Length: 0\r\n\r\n".to_owned(), 1, "answers 503"),
        ("no HTTP\r\n\r\n".to_owned(), 1, "broke off"),
    ] {
        let host = answering(reply.clone());
        let run = run(&kaphost, code, &format!("policy pull oci://{host}/org:1 --out org.wasm"));
        assert!(run.said().contains(said), "{reply}\n{run}");
        assert_eq!(files(&kaphost.home().join(".cache")), Vec::<String>::new(), "{reply}");
        assert!(!kaphost.folder().join("org.wasm").exists());
    }
    let nobody = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let down = run(&kaphost, 1, &format!("policy pull oci://{nobody}/org:1"));
    assert!(down.said().contains("cannot be reached"), "{down}");
    for (arguments, said) in [
        ("policy pull org.wasm", "is no reference to a registry"),
        ("policy pull oci://127.0.0.1:1/org", "neither a tag nor a digest"),
        ("check cluster.kdl --policy oci://127.0.0.1:1/org:1", "no digest"),
    ] {
        let wrong = kaphost.run(arguments.split_whitespace()).unwrap();
        assert!(matches!(wrong.code, Some(64 | 4)) && wrong.said().contains(said), "{arguments}: {wrong}");
    }
}
