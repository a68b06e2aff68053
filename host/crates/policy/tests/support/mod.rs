//! Guests made here: core modules in WebAssembly's text format, turned into components with the real `wit/policy.wit`.
//!
//! Unlike a Rust guest they can hand back any bytes at all, and they need no WebAssembly target to be installed.

#![allow(clippy::allow_attributes, reason = "what is unused differs between test files")]
#![allow(dead_code, clippy::expect_used, clippy::panic, reason = "each test file uses a part of it; tests may fail loudly")]

use kaphost_policy::{HostOptions, Limits, Module, PolicyError, PolicyHost};
use kaphost_spec::{ConfigSource, NoLookup, Spec};
use wit_component::{ComponentEncoder, StringEncoding};
use wit_parser::{Resolve, SizeAlign, Type, WorldId};

pub(crate) const DESCRIBE: &str = "kaphost:policy/metadata@0.1.0#describe";
pub(crate) const VALIDATE: &str = "kaphost:policy/validating@0.1.0#validate";
pub(crate) const MUTATE: &str = "kaphost:policy/mutating@0.1.0#mutate";

/// Both ways to say something.
pub(crate) const LOG: &str = r#"(import "kaphost:policy/logging@0.1.0" "log" (func $log (param i32 i32 i32)))"#;
pub(crate) const LOG_PIECE: &str = r#"(import "kaphost:policy/logging@0.1.0" "log-piece" (func $piece
    (param i32 i32 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64)))"#;
/// The custom section of a module that never frees memory.
pub(crate) const NEVER_FREES: &str = r#"(@custom "kaphost:never-frees" "\01")"#;

/// Where a guest's data starts, where it puts a mutator's answer, and where its heap starts.
const DATA: u32 = 1_024;
const ANSWER: u32 = 32_768;

pub(crate) fn spec() -> Spec {
    let text = r#"
cluster "kapacitor-stage" region="us-east-1" {
    ami "ami-0abcd1234"
    instance-type "t3.small"
    network vpc="vpc-0a1b2c3d" { subnets "subnet-0aaa1111" "subnet-0bbb2222" }
    ssh { allow cidr="0.0.0.0/0" description="the world" }
    http { allow cidr="10.0.0.0/8" description="inside" }
    volume "/dev/xvdh" type="gp3" size=300
    user-data "echo hunter2"
    tag "Team" "metrics"
}
"#;
    let file = kaphost_spec::parse(ConfigSource::new("test.kdl", text), &NoLookup).expect("the test's config is sound");
    file.specs.into_iter().next().expect("it holds a cluster")
}

pub(crate) fn host() -> PolicyHost {
    PolicyHost::new(HostOptions::default()).expect("the sandbox starts")
}

pub(crate) fn load(bytes: &[u8]) -> Result<Module, PolicyError> {
    host().load("guest.wasm", bytes)
}

pub(crate) fn load_within(bytes: &[u8], limits: Limits) -> Result<Module, PolicyError> {
    host().load_with("guest.wasm", bytes, limits)
}

/// A component from text.
pub(crate) fn wat(text: &str) -> Vec<u8> {
    wat::parse_str(text).expect("the test's text is sound")
}

fn contract() -> (Resolve, wit_parser::PackageId) {
    let mut resolve = Resolve::default();
    let wit = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../wit/policy.wit");
    let text = std::fs::read_to_string(wit).expect("the contract is there");
    let package = resolve.push_str("policy.wit", &text).expect("the contract parses");
    (resolve, package)
}

/// A core module, made into a component of one of the contract's worlds.
pub(crate) fn component(world: &str, module: &str) -> Vec<u8> {
    let (resolve, package) = contract();
    let world: WorldId = resolve.select_world(&[package], Some(world)).expect("the contract has the world");
    let mut module = wat::parse_str(module).expect("the test's module is sound");
    wit_component::embed_component_metadata(&mut module, &resolve, world, StringEncoding::UTF8).expect("metadata fits");
    let mut encoder = ComponentEncoder::default();
    encoder.validate(true).module(&module).expect("the module fits its world").encode().expect("the component encodes")
}

/// Bytes at a known address, with strings and lists in them.
pub(crate) struct Data {
    bytes: Vec<u8>,
}

impl Data {
    pub(crate) const fn new() -> Self {
        Self { bytes: Vec::new() }
    }

    /// Puts bytes down, aligned to 4, and says where.
    pub(crate) fn put(&mut self, bytes: &[u8]) -> u32 {
        while !self.bytes.len().is_multiple_of(4) {
            self.bytes.push(0);
        }
        let at = DATA + u32::try_from(self.bytes.len()).expect("small");
        self.bytes.extend_from_slice(bytes);
        assert!(self.bytes.len() < 24_000, "data runs into the answer");
        at
    }

    /// Pointer and length of a text.
    pub(crate) fn text(&mut self, text: &[u8]) -> [u32; 2] {
        [self.put(text), u32::try_from(text.len()).expect("small")]
    }

    /// Puts words down and says where.
    pub(crate) fn words(&mut self, words: &[u32]) -> u32 {
        let bytes: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
        self.put(&bytes)
    }

    /// A whole `description` with one rule `r` of high severity, and where it is.
    pub(crate) fn description(&mut self) -> u32 {
        self.described(b"test-policy", b"1.2.3", b"r")
    }

    pub(crate) fn described(&mut self, name: &[u8], version: &[u8], rule: &[u8]) -> u32 {
        let (name, version, summary) = (self.text(name), self.text(version), self.text(b"A test."));
        let (id, holds) = (self.text(rule), self.text(b"Holds."));
        let rules = self.words(&[id[0], id[1], 2, holds[0], holds[1], 0, 0, 0]);
        self.words(&[name[0], name[1], version[0], version[1], summary[0], summary[1], rules, 1, 0, 0, 0, 0])
    }

    /// The return area of `validate` with one violation.
    pub(crate) fn violation(&mut self, rule: &[u8], path: &[u8], message: &[u8]) -> u32 {
        let (rule, path, message) = (self.text(rule), self.text(path), self.text(message));
        let list = self.words(&[rule[0], rule[1], path[0], path[1], message[0], message[1], 0, 0, 0]);
        self.words(&[list, 1])
    }

    /// Address and count of a list of one `change`.
    pub(crate) fn change(&mut self, rule: &[u8], path: &[u8], reason: &[u8]) -> [u32; 2] {
        let (rule, path, reason) = (self.text(rule), self.text(path), self.text(reason));
        [self.words(&[rule[0], rule[1], path[0], path[1], reason[0], reason[1]]), 1]
    }

    fn escaped(&self) -> String {
        self.bytes.iter().map(|byte| format!("\\{byte:02x}")).collect()
    }
}

/// A guest: its data, and the body of each function. What is not given is sound and does nothing.
pub(crate) struct Guest {
    pub(crate) data: Data,
    pub(crate) describe: String,
    pub(crate) validate: Option<String>,
    pub(crate) mutate: Option<String>,
    /// What the module asks for: the contract's `log`, as `$log`.
    pub(crate) imports: &'static str,
    /// Further items of the module.
    pub(crate) items: String,
    /// Pages of 64 KiB at the start.
    pub(crate) pages: u32,
}

impl Guest {
    /// A validator that finds nothing.
    pub(crate) fn validator() -> Self {
        let mut data = Data::new();
        let describe = format!("(i32.const {})", data.description());
        let pass = format!("(i32.const {})", data.words(&[0, 0]));
        Self { data, describe, validate: Some(pass), mutate: None, imports: LOG, items: String::new(), pages: 4 }
    }

    /// A validator with this body of `validate`, whose local 0 is the address of its arguments.
    pub(crate) fn validating(body: &str) -> Self {
        Self { validate: Some(body.into()), ..Self::validator() }
    }

    /// A mutator that hands back what it was given, once `edit` has been at it: the cluster is at local 0.
    pub(crate) fn mutator(edit: &str, change: Option<[&str; 3]>) -> Self {
        let mut guest = Self { validate: None, ..Self::validator() };
        let [list, count] =
            change.map_or([0, 0], |[rule, path, reason]| guest.data.change(rule.as_bytes(), path.as_bytes(), reason.as_bytes()));
        let size = Layout::of("cluster").size;
        guest.mutate = Some(format!(
            "{edit}
             (memory.copy (i32.const {}) (local.get 0) (i32.const {size}))
             (i32.store (i32.const {}) (i32.const {list}))
             (i32.store (i32.const {}) (i32.const {count}))
             (i32.const {ANSWER})",
            ANSWER + 4,
            ANSWER + 4 + size,
            ANSWER + 8 + size,
        ));
        guest
    }

    pub(crate) fn build(&self) -> Vec<u8> {
        let world = match (&self.validate, &self.mutate) {
            (Some(_), Some(_)) => "policy",
            (None, Some(_)) => "mutator",
            _ => "validator",
        };
        let export = |name: &str, body: &Option<String>| {
            body.as_ref().map(|body| format!("(func (export \"{name}\") (param i32) (result i32) {body})")).unwrap_or_default()
        };
        component(
            world,
            &format!(
                r#"(module
                    {imports}
                    (memory (export "memory") {pages})
                    (global $next (mut i32) (i32.const 65536))
                    (global $requests (mut i32) (i32.const 0))
                    (data (i32.const {DATA}) "{data}")
                    (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32)
                        (local $at i32)
                        (global.set $requests (i32.add (global.get $requests) (i32.const 1)))
                        (local.set $at (i32.and (i32.add (global.get $next) (i32.const 7)) (i32.const -8)))
                        (global.set $next (i32.add (local.get $at) (local.get 3)))
                        (local.get $at))
                    (func (export "{DESCRIBE}") (result i32) {describe})
                    {validate} {mutate} {items})"#,
                imports = self.imports,
                pages = self.pages,
                data = self.data.escaped(),
                describe = self.describe,
                validate = export(VALIDATE, &self.validate),
                mutate = export(MUTATE, &self.mutate),
                items = self.items,
            ),
        )
    }
}

/// Where the fields of a record of the contract lie.
pub(crate) struct Layout {
    pub(crate) size: u32,
    pub(crate) fields: Vec<(String, u32)>,
}

impl Layout {
    pub(crate) fn of(record: &str) -> Self {
        let (resolve, package) = contract();
        let mut sizes = SizeAlign::default();
        sizes.fill(&resolve);
        let types = resolve.packages[package].interfaces["types"];
        let id = resolve.interfaces[types].types[record];
        let wit_parser::TypeDefKind::Record(ty) = &resolve.types[id].kind else { panic!("`{record}` is no record") };
        let offsets = sizes.field_offsets(ty.fields.iter().map(|field| &field.ty));
        let fields =
            ty.fields.iter().zip(offsets).map(|(field, (at, _))| (field.name.clone(), u32::try_from(at.size_wasm32()).expect("small")));
        Self { size: u32::try_from(sizes.size(&Type::Id(id)).size_wasm32()).expect("small"), fields: fields.collect() }
    }

    pub(crate) fn at(&self, field: &str) -> u32 {
        self.fields.iter().find(|(name, _)| name == field).unwrap_or_else(|| panic!("no field `{field}`")).1
    }
}
