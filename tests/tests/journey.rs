//! `kaphost policy …` on the whole way: from an empty folder outside of this repository to a policy that holds, in Rust and in Python, as the tutorials have it.

#![expect(clippy::unwrap_used, clippy::panic, reason = "tests may fail loudly, outside of test functions too")]

mod tutorial;

use std::collections::BTreeSet;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use kaphost_tests::{Account, Built, Config, Emulator, Held, Kaphost, OciRegistry, Python, Run, Schemas};
use serde_json::Value;
use tutorial::Telling;

/// What the tutorials' rule has something to say about.
const CONFIG: &str = r#"cluster "kapacitor-stage" region="us-east-1" {
    ami "ami-0abcd1234abcd1234"
    instance-type "t3.small"
    network vpc="vpc-0a1b2c3d" {
        subnets "subnet-0aaa1111"
    }
    root-volume size=300
}
"#;

/// A policy that imports what is not there, and before that a package of the machine, which must not be there either.
const IMPORTS: &str = "\
try:
    import pip
    import the_machine_has_it
except ModuleNotFoundError as error:
    assert error.name == 'pip', error
import no_such_module
";

/// A first build compiles what the SDK is made with: on a busy machine that takes a while.
const LONGEST_BUILD: Duration = Duration::from_secs(900);

/// An author's machine: an AWS of its own, a registry that the author has logged in to, and an empty folder.
struct Author {
    account: Account,
    kaphost: Kaphost,
    registry: OciRegistry,
}

impl Author {
    fn new() -> Self {
        let account = Emulator::shared().unwrap().account();
        let (kaphost, registry) = (Kaphost::on(&account).unwrap(), OciRegistry::start().unwrap());
        fs::create_dir(kaphost.home().join(".docker")).unwrap();
        fs::write(kaphost.home().join(".docker/config.json"), registry.docker_config()).unwrap();
        Self { account, kaphost, registry }
    }

    /// Takes a cluster on AWS through what the tutorial has shipped, when the registry is gone: one that keeps the rule is made, and one that does not
    /// costs no call that writes. Gives what took how long.
    fn apply(self) -> Vec<(String, Duration)> {
        let Self { account, kaphost, registry } = self;
        registry.stop();
        let mut config = Config::stage(&account.seed("us-east-1").unwrap());
        let line = "apply cluster.kdl --policy small-root-volumes/policies.kdl --auto-approve";
        let mut apply = |size: u32| {
            config.root_volume = format!("size={size}");
            kaphost.write("cluster.kdl", &config.to_string()).unwrap();
            account.record(|| kaphost.run(format!("{line} --output json").split_whitespace())).unwrap()
        };
        let (run, calls) = apply(50);
        assert!(run.code == Some(0) && calls.writes() > 0, "{run}");
        let document = run.document().unwrap();
        let policy = &document["decision"]["policies"][0];
        assert_eq!(policy["name"], "small-root-volumes", "{run}");
        let (refused, calls) = apply(300);
        assert!(refused.code == Some(3) && calls.writes() == 0 && refused.stdout.contains("root-volume-too-large"), "{refused}");
        vec![(format!("kaphost {line}"), run.took), ("the same, refused".to_owned(), refused.took)]
    }
}

/// cargo as this test's own user has it, off the network, for policies in folders that have nothing to do with this repository; componentize-py, which
/// was installed beforehand; the registry; and the kaphost that is tested.
fn equip(command: &mut Command, Author { kaphost, registry, .. }: &Author, python: Option<&Python>) {
    let built = Built::find().unwrap();
    command.env("REGISTRY", registry.host());
    let own = std::env::var_os("PATH").unwrap_or_default();
    let folders = [Some(built.kaphost().unwrap().parent().unwrap().to_owned()), python.map(|python| python.programs().to_owned())];
    let path = std::env::join_paths(folders.into_iter().flatten().chain(std::env::split_paths(&own))).unwrap();
    let home = PathBuf::from(std::env::var_os("HOME").unwrap_or_default());
    let folder = |name: &str, below: &str| std::env::var_os(name).map_or_else(|| home.join(below), PathBuf::from);
    command
        .env("PATH", path)
        .env("CARGO_HOME", folder("CARGO_HOME", ".cargo"))
        .env("RUSTUP_HOME", folder("RUSTUP_HOME", ".rustup"))
        .env("CARGO_NET_OFFLINE", "true")
        // What is compiled of the registry is kept from one run of the test to the next.
        .env("CARGO_TARGET_DIR", built.target().join("authors"));
    // Where the compiler was made of Debian's packages, it is below the real cache; the rest of that is not touched.
    let (real, ours) = (folder("XDG_CACHE_HOME", ".cache").join("kaphost/wasm-target"), kaphost.home().join(".cache/kaphost/wasm-target"));
    #[cfg(unix)]
    if real.exists() && !ours.exists() {
        fs::create_dir_all(ours.parent().unwrap()).unwrap();
        std::os::unix::fs::symlink(real, ours).unwrap();
    }
}

/// From an empty folder outside of this repository to a policy in a registry and a cluster on AWS that it lets pass, as the tutorial has it; and then what
/// it leaves: the same bytes from another folder, and what a mistake in the source looks like. Says how long each step took.
#[test]
fn the_tutorial_word_for_word_and_what_it_leaves() {
    let author = Author::new();
    let (kaphost, equip) = (&author.kaphost, |command: &mut Command| equip(command, &author, None));
    let took = follow(kaphost, &equip, include_str!("../../host/docs/first-policy.md"));
    same_bytes_elsewhere(kaphost, &equip);
    mistakes_in_the_source(kaphost, &equip);
    tell("Rust", took, author.apply());
}

/// The same in Python, and then: every decision is that of the same rule in Rust, and what was compiled can be handed on.
#[test]
fn the_tutorial_for_python_and_what_it_leaves() {
    let (author, python) = (Author::new(), Python::with_componentizer(&Built::find().unwrap()).unwrap());
    let (kaphost, equip) = (&author.kaphost, |command: &mut Command| equip(command, &author, Some(&python)));
    let took = follow(kaphost, &equip, include_str!("../../host/docs/python-policy.md"));
    // Nothing is left in the source of what Python compiles of it: by the next build it would be taken for it.
    assert!(!kaphost.folder().join("small-root-volumes/src/__pycache__/policy.cpython-314.pyc").exists());
    same_bytes_of_python_elsewhere(kaphost, &equip);
    fs::create_dir(kaphost.folder().join("rust")).unwrap();
    equipped(kaphost, &equip, 0, "rust", &["policy", "new", "small-root-volumes"]);
    equipped(kaphost, &equip, 0, "rust/small-root-volumes", &["policy", "build", "--locked"]);
    same_decisions(kaphost, &equip);
    same_code_in_a_box(kaphost);
    // The compiler is an import.
    let source = kaphost.folder().join("small-root-volumes/src/policy.py");
    // Nor is what the machine has of packages: `pip` is one of them almost everywhere.
    fs::write(&source, IMPORTS).unwrap();
    let mistaken = equipped(kaphost, &equip, 1, "small-root-volumes", &["policy", "build"]);
    assert!(mistaken.stderr.contains("no_such_module") && mistaken.said().contains("what it says stands above"), "{mistaken}");
    tell("Python", took, author.apply());
}

/// Carries out a tutorial. Gives what took how long.
fn follow(kaphost: &Kaphost, equip: &dyn Fn(&mut Command), document: &str) -> Vec<(String, Duration)> {
    let mut telling = Telling::new(kaphost, equip);
    telling.follow(document);
    telling.took
}

/// Says how long each step took.
fn tell(language: &str, mut took: Vec<(String, Duration)>, after: Vec<(String, Duration)>) {
    took.extend(after);
    // Past the harness, which keeps what tests print to itself.
    let mut report = format!("\nfrom an empty folder to a cluster, in {language}:\n");
    for (line, took) in &took {
        report.push_str(&format!("{:>7.1} s  {line}\n", took.as_secs_f64()));
    }
    let total: Duration = took.iter().map(|(_, took)| *took).sum();
    report.push_str(&format!("{:>7.1} s  together\n", total.as_secs_f64()));
    std::io::stderr().write_all(report.as_bytes()).unwrap();
}

/// kaphost with tools, run to its end.
fn equipped(kaphost: &Kaphost, equip: &dyn Fn(&mut Command), code: i32, folder: &str, arguments: &[&str]) -> Run {
    let mut command = kaphost.command();
    equip(&mut command);
    command.current_dir(kaphost.folder().join(folder)).args(arguments);
    let run = Run::within(LONGEST_BUILD, &mut command).unwrap();
    assert_eq!(run.code, Some(code), "{arguments:?}: {run}");
    run
}

/// Built again, elsewhere, by somebody with habits of their own.
fn same_bytes_elsewhere(kaphost: &Kaphost, equip: &dyn Fn(&mut Command)) {
    fs::create_dir_all(kaphost.folder().join("a/deeper/place")).unwrap();
    equipped(kaphost, equip, 0, "a/deeper/place", &["policy", "new", "small-root-volumes"]);
    let habits = |command: &mut Command| {
        equip(command);
        command.env("RUSTFLAGS", "-Cdebuginfo=2").env("CARGO_PROFILE_RELEASE_DEBUG", "true");
    };
    let built = equipped(kaphost, &habits, 0, "", &["policy", "build", "a/deeper/place/small-root-volumes", "--output", "json"]);
    let document = built.document().unwrap();
    // The other documents are held to theirs in `schemas.rs`, where nothing can be built.
    let mut held = Held::default();
    held.add("policy build", Schemas::closed(kaphost).unwrap().of("kaphost.policy-build/1").unwrap(), &built.stdout);
    held.check().unwrap();
    assert!(document["size"].as_u64().unwrap() < 100 * 1024, "{built}");
    let elsewhere = fs::read(kaphost.folder().join("a/deeper/place/small-root-volumes/small-root-volumes.wasm")).unwrap();
    let here = fs::read(kaphost.folder().join("small-root-volumes/before/small-root-volumes.wasm")).unwrap();
    assert!(elsewhere == here, "the same source has given other bytes in another folder: {} and {}", elsewhere.len(), here.len());
    let text = String::from_utf8_lossy(&here);
    for place in [kaphost.home().to_str().unwrap(), "/.cargo/", "/home/", Built::find().unwrap().target().to_str().unwrap()] {
        assert!(!text.contains(place), "the component holds {place}");
    }
}

/// The same of Python, whose memory is frozen into the component: built by somebody else, whose folders are on another file system where there is one, and whose
/// project holds what Python has compiled for itself.
fn same_bytes_of_python_elsewhere(kaphost: &Kaphost, equip: &dyn Fn(&mut Command)) {
    fs::create_dir_all(kaphost.folder().join("python/elsewhere")).unwrap();
    equipped(kaphost, equip, 0, "python/elsewhere", &["policy", "new", "small-root-volumes", "--lang", "python"]);
    let project = kaphost.folder().join("python/elsewhere/small-root-volumes");
    fs::create_dir(project.join("src/__pycache__")).unwrap();
    fs::write(project.join("src/__pycache__/policy.cpython-314.pyc"), "compiled, once").unwrap();
    let memory = Path::new("/dev/shm");
    let temporary = tempfile::tempdir_in(if memory.is_dir() { memory } else { Path::new("/tmp") }).unwrap();
    let habits = |command: &mut Command| {
        equip(command);
        command.env("TMPDIR", temporary.path()).env("PYTHONHASHSEED", "7").env("TZ", "Asia/Tokyo").env("LANG", "ja_JP.UTF-8");
    };
    let built = equipped(kaphost, &habits, 0, "", &["policy", "build", "python/elsewhere/small-root-volumes"]);
    if cfg!(all(target_os = "linux", target_arch = "x86_64")) {
        let [here, elsewhere] = [kaphost.folder().join("small-root-volumes"), project]
            .map(|project| fs::read(project.join("small-root-volumes.wasm")).unwrap());
        assert!(
            here == elsewhere,
            "the same source has given other bytes in another folder: {} and {}\n{built}",
            here.len(),
            elsewhere.len()
        );
    } else {
        assert!(built.stderr.contains("another build has another digest"), "{built}");
    }
}

/// The same rule in both languages, on this repository's configs and on some at the edges: every byte of what `check` says, but for the module's digest.
fn same_decisions(kaphost: &Kaphost, equip: &dyn Fn(&mut Command)) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    for size in [1, 20, 21, 199, 200, 201, 65_536] {
        let name = format!("kapacitor-{size}");
        let config = CONFIG.replace("size=300", &format!("size={size}")).replace("kapacitor-stage", &name);
        kaphost.write(&format!("corpus/{name}.kdl"), &config).unwrap();
    }
    for config in ["configs/everything.kdl", "configs/minimal.kdl", "guest-policies/corpus/sound.kdl"] {
        let text = fs::read_to_string(root.join(config)).unwrap();
        // Files that a config names are elsewhere, and nothing that the rule looks at.
        let lines: String = text.lines().filter(|line| !line.contains("(file)")).map(|line| format!("{line}\n")).collect();
        kaphost.write(&format!("corpus/{}", Path::new(config).file_name().unwrap().to_str().unwrap()), &lines).unwrap();
    }
    let said = |language: &str, component: &str, setting: &str| {
        fs::create_dir_all(kaphost.folder().join(language)).unwrap();
        let module = kaphost.folder().join(language).join("policy.wasm");
        fs::copy(kaphost.folder().join(component), &module).unwrap();
        let arguments =
            ["check", "../corpus", "--policy", "policy.wasm", "--set", setting, "--now", "2026-12-01T00:00:00Z", "--output", "json"];
        let run = equipped(kaphost, equip, 3, language, &arguments);
        let digest =
            equipped(kaphost, equip, 0, language, &["policy", "inspect", "policy.wasm", "--output", "json"]).document().unwrap()["sha256"]
                .clone();
        let digest = digest.as_str().unwrap();
        assert!(run.stdout.contains(digest), "{run}");
        run.stdout.replace(digest, "(the module)")
    };
    for setting in ["max-root-volume=200", "max-root-volume=20"] {
        let rust = said("in-rust", "rust/small-root-volumes/small-root-volumes.wasm", setting);
        let python = said("in-python", "small-root-volumes/small-root-volumes.wasm", setting);
        let document: Value = serde_json::from_str(&rust).unwrap();
        let outcomes = |outcome: &str| document["clusters"].as_array().unwrap().iter().filter(|one| one["outcome"] == outcome).count();
        assert!(outcomes("passed") >= 2 && outcomes("denied") >= 2 && outcomes("invalid") == 0, "{rust}");
        assert_eq!(python, rust, "{setting}");
    }
}

/// What is compiled once can be handed on: a copy of the cache folder, such as a pipeline's image has, serves another home.
fn same_code_in_a_box(kaphost: &Kaphost) {
    let (cache, folder) = (kaphost.home().join(".cache/kaphost/modules"), kaphost.home().join("box"));
    let copied = Command::new("cp").arg("-a").arg(cache.parent().unwrap()).arg(&folder).status().unwrap();
    assert!(copied.success());
    let names = || fs::read_dir(folder.join("modules")).unwrap().map(|entry| entry.unwrap().path()).collect::<BTreeSet<_>>();
    let before = names();
    let mut command = kaphost.command();
    command.env("KAPHOST_CACHE_DIR", &folder).args(["policy", "inspect", "small-root-volumes/small-root-volumes.wasm", "--verbose"]);
    let run = Run::of(&mut command).unwrap();
    assert_eq!(run.code, Some(0), "{run}");
    assert_eq!(names(), before, "nothing was compiled again");
    for word in ["Python, ", "componentize-py 0.", "kaphost 0.", "kaphost:policy/logging@0.1.0"] {
        assert!(run.stdout.contains(word), "{word}: {run}");
    }
    assert!(!run.stdout.contains("wasi:"), "{run}");
}

/// A mistake in the source is the compiler's to tell, and what was built before stays.
fn mistakes_in_the_source(kaphost: &Kaphost, equip: &dyn Fn(&mut Command)) {
    let here = "small-root-volumes";
    let build = || equipped(kaphost, equip, 1, here, &["policy", "build"]);
    let before = fs::read(kaphost.folder().join("small-root-volumes/small-root-volumes.wasm")).unwrap();
    let again = equipped(kaphost, equip, 1, "", &["policy", "new", here]);
    assert!(again.said().contains("is there already; nothing was written"), "{again}");
    let lib = kaphost.folder().join("small-root-volumes/src/lib.rs");
    let source = fs::read_to_string(&lib).unwrap();
    fs::write(&lib, source.replace("let (size, most)", "let (size, mst)")).unwrap();
    let mistaken = build();
    assert!(mistaken.stderr.contains("src/lib.rs:") && mistaken.said().contains("what it says stands above"), "{mistaken}");
    // Without the export it is no policy.
    fs::write(&lib, source.split("kaphost_guest::export_policy!").next().unwrap()).unwrap();
    let exportless = build();
    assert!(exportless.said().contains("export_policy!"), "{exportless}");
    assert_eq!(fs::read(kaphost.folder().join("small-root-volumes/small-root-volumes.wasm")).unwrap(), before);
}

/// The bindings that authors test against natively are those that a component is made with; the SDK's own tests pass.
#[test]
fn the_sdk_for_python_is_what_componentize_py_makes_of_the_contract() {
    let python = Python::with_componentizer(&Built::find().unwrap()).unwrap();
    let (made, root) = (tempfile::tempdir().unwrap(), Path::new(env!("CARGO_MANIFEST_DIR")).join(".."));
    let mut bindings = python.program("componentize-py");
    bindings.args(["--quiet", "--world", "policy", "--wit-path"]).arg(root.join("wit")).arg("bindings").arg(made.path());
    let run = Run::of(&mut bindings).unwrap();
    assert_eq!(run.code, Some(0), "{run}");
    let ours = root.join("guest-policies/sdk-python/bindings");
    for file in ["componentize_py_types.py", "wit_world/exports/__init__.py", "wit_world/imports/logging.py", "wit_world/imports/types.py"]
    {
        let [ours, theirs] = [&ours, made.path()].map(|folder| fs::read_to_string(folder.join(file)).unwrap());
        // What this repository keeps has no space at the ends of its lines.
        let plain = |text: &str| text.lines().map(|line| format!("{}\n", line.trim_end())).collect::<String>();
        assert_eq!(plain(&ours), plain(&theirs), "`componentize-py --world policy --wit-path wit bindings FOLDER` makes another {file}");
    }
    let mut tests = python.program("python");
    tests.current_dir(root.join("guest-policies/sdk-python")).args(["-B", "-m", "unittest", "discover", "--quiet", "tests"]);
    let run = Run::of(&mut tests).unwrap();
    assert_eq!(run.code, Some(0), "{run}");
}
