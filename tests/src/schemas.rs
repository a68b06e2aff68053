//! Documents held to their schemas: JSON Schema and XML Schema, by libraries that owe nothing to kaphost.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write as _;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use crate::built::workspace;
use crate::{Built, Failure, Kaphost, Python};

/// Documents to be held to schemas, all at once.
#[derive(Debug, Default)]
pub struct Held(Vec<Value>);

impl Held {
    /// One more document, whose `name` is for messages.
    pub fn add(&mut self, name: &str, schema: &str, document: &str) {
        self.0.push(json!({ "name": name, "schema": schema, "document": document }));
    }

    /// Holds them. Gives how many they were.
    ///
    /// # Errors
    /// When one does not fit its schema: what is wrong, and where, with all of them; or when the validators cannot be run.
    pub fn check(self) -> Result<usize, Failure> {
        let python = Python::with_validators(&Built::find()?)?;
        let mut command = python.script("formats/validate.py");
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(Failure::while_doing("starting the validators"))?;
        if let Some(mut stdin) = child.stdin.take() {
            stdin.write_all(json!(self.0).to_string().as_bytes()).map_err(Failure::while_doing("writing to the validators"))?;
        }
        let output = child.wait_with_output().map_err(Failure::while_doing("waiting for the validators"))?;
        if output.status.success() {
            return Ok(self.0.len());
        }
        let said = [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).concat();
        Err(Failure::new(format!("documents do not fit their schemas:\n{said}")))
    }
}

/// What `kaphost schema` prints, by the layout that each document names.
#[derive(Clone, Debug)]
pub struct Schemas(BTreeMap<String, String>);

impl Schemas {
    /// All of them, closed: of every object that says which members it has, no others are taken. For readers they are open, so that more may be said.
    ///
    /// # Errors
    /// When kaphost does not print them.
    pub fn closed(kaphost: &Kaphost) -> Result<Self, Failure> {
        let mut all = BTreeMap::new();
        let list = printed(kaphost, &["schema", "--output", "json"])?;
        for name in list["schemas"].as_array().into_iter().flatten().filter_map(|entry| entry["name"].as_str()) {
            let mut schema = printed(kaphost, &["schema", name])?;
            close(&mut schema);
            all.insert(schema["title"].as_str().unwrap_or_default().to_owned(), schema.to_string());
        }
        Ok(Self(all))
    }

    /// The layouts that have one.
    pub fn layouts(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    /// The schema of a layout.
    ///
    /// # Errors
    /// When there is none.
    pub fn of(&self, layout: &str) -> Result<&str, Failure> {
        self.0.get(layout).map(String::as_str).ok_or_else(|| Failure::new(format!("no schema of {layout}")))
    }
}

fn printed(kaphost: &Kaphost, arguments: &[&str]) -> Result<Value, Failure> {
    let run = kaphost.run(arguments)?;
    serde_json::from_str(&run.stdout).map_err(|error| Failure::new(format!("{error}: {run}")))
}

fn close(schema: &mut Value) {
    match schema {
        Value::Object(members) => {
            members.values_mut().for_each(close);
            let is_object = members.get("type").is_some_and(|kind| kind == "object");
            if is_object && members.get("properties").is_some_and(Value::is_object) && !members.contains_key("additionalProperties") {
                members.insert("additionalProperties".into(), false.into());
            }
        }
        Value::Array(items) => items.iter_mut().for_each(close),
        _ => {}
    }
}

/// SARIF's own schema, 2.1.0: the one that the library which writes it is made from.
///
/// # Errors
/// When the library's sources are not where cargo keeps them.
pub fn sarif_schema() -> Result<String, Failure> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .args(["metadata", "--format-version", "1", "--locked", "--offline"])
        .current_dir(workspace())
        .output()
        .map_err(Failure::while_doing("asking cargo where it keeps serde-sarif"))?;
    let metadata: Value = serde_json::from_slice(&output.stdout).map_err(Failure::while_doing("reading what cargo says"))?;
    let packages = metadata["packages"].as_array().map_or(&[][..], Vec::as_slice);
    let manifest = packages.iter().find(|package| package["name"] == "serde-sarif").and_then(|package| package["manifest_path"].as_str());
    let manifest = PathBuf::from(manifest.ok_or_else(|| Failure::new("there is no package serde-sarif".to_owned()))?);
    read(&manifest.with_file_name("src").join("schema.json"))
}

/// JUnit's XML Schema in the dialect of Jenkins's xUnit plugin.
///
/// # Errors
/// When it is not there.
pub fn junit_schema() -> Result<String, Failure> {
    // An XML declaration that names an encoding is not for text that is decoded already.
    let text = read(&workspace().join("tests/formats/junit-10.xsd"))?;
    Ok(text.split_once("?>").map(|(_, rest)| rest.trim_start().to_owned()).unwrap_or(text))
}

fn read(file: &std::path::Path) -> Result<String, Failure> {
    fs::read_to_string(file).map_err(Failure::while_doing(format!("reading {}", file.display())))
}
