//! What was so then, beside what is so now. Asked in the order of the pipeline: what differs early leads to differences later, which say nothing new.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::canonical::{canonical, leaves};
use crate::document::Cluster;
use crate::stale::{Stale, Turn};

/// What is evaluated, and by what. Both as in a record, sealed with the document's salt.
#[must_use]
pub fn compare_inputs(then: &Value, now: &Value) -> Vec<Stale> {
    let mut all = compare_engines(&then["engine"], &now["engine"]);
    all.extend(configs(&then["config"], &now["config"]));
    all.extend(policies(&then["policies"], &now["policies"]));
    if all.is_empty() && then["settings"] != now["settings"] {
        all.push(Stale::Decision { part: "settings".to_owned() });
    }
    all
}

/// What evaluates: each part by its version.
#[must_use]
pub fn compare_engines(then: &Value, now: &Value) -> Vec<Stale> {
    let (then, now) = (texts(then), texts(now));
    let names: BTreeSet<&String> = then.keys().chain(now.keys()).collect();
    let of = |engine: &BTreeMap<String, String>, name: &String| engine.get(name).cloned().unwrap_or_default();
    let one = |name: &String| Stale::OtherEngine { what: name.clone(), then: of(&then, name), now: of(&now, name) };
    names.into_iter().filter(|name| then.get(*name) != now.get(*name)).map(one).collect()
}

fn configs(then: &Value, now: &Value) -> Vec<Stale> {
    if then["sha256"] != now["sha256"] || then["file"] != now["file"] {
        return vec![Stale::Config { file: text(&now["file"]), turn: Turn::Changed }];
    }
    let turns = turns(&texts(&then["files"]), &texts(&now["files"]));
    turns.into_iter().map(|(path, turn)| Stale::ConfigFile { path, turn }).collect()
}

/// Modules and sets, each by what it is called and its digest.
fn policies(then: &Value, now: &Value) -> Vec<Stale> {
    let by_file = |list: &Value| -> BTreeMap<String, String> {
        let one = |source: &Value| (text(&source["file"]), canonical(source));
        list.as_array().into_iter().flatten().map(one).collect()
    };
    let what = |file: &str| {
        let of = |list: &Value| list.as_array().into_iter().flatten().find(|source| source["file"] == file).map(|it| it["kind"] == "set");
        if of(now).or_else(|| of(then)) == Some(true) { "policy set" } else { "policy" }
    };
    let turns = turns(&by_file(then), &by_file(now));
    if turns.is_empty() && then != now {
        let names: Vec<String> = now.as_array().into_iter().flatten().map(|source| format!("`{}`", text(&source["file"]))).collect();
        return vec![Stale::PolicyOrder { now: names.join(", ") }];
    }
    let one = |(file, turn): (String, Turn)| Stale::Policy { what: what(&file).to_owned(), file, turn };
    turns.into_iter().map(one).collect()
}

/// What the policies decide, of the same inputs. `variables` are those of the config.
#[must_use]
pub fn compare_decisions(then: &Value, now: &Value, variables: &[String]) -> Vec<Stale> {
    if then["input-sha256"] != now["input-sha256"] && !variables.is_empty() {
        let names: Vec<String> = variables.iter().map(|name| format!("`{name}`")).collect();
        return vec![Stale::Variables { names: names.join(", ") }];
    }
    let facts = facts(&then["facts"], &now["facts"]);
    if !facts.is_empty() {
        return facts;
    }
    let waivers = waivers(&then["waivers"], &now["waivers"]);
    if !waivers.is_empty() {
        return waivers;
    }
    parts(then, now).into_iter().map(|part| Stale::Decision { part }).collect()
}

fn facts(then: &Value, now: &Value) -> Vec<Stale> {
    let (then, now) = (leaves(then), leaves(now));
    let paths: BTreeSet<&String> = then.keys().chain(now.keys()).collect();
    let said = |facts: &BTreeMap<String, Value>, path: &String| facts.get(path).map_or_else(|| "unknown".to_owned(), Value::to_string);
    let one = |path: &String| Stale::Fact { path: path.clone(), then: said(&then, path), now: said(&now, path) };
    paths.into_iter().filter(|path| then.get(*path) != now.get(*path)).map(one).collect()
}

fn waivers(then: &Value, now: &Value) -> Vec<Stale> {
    let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
    let (then, now) = (list(then), list(now));
    let one = |(then, now): (&Value, &Value)| {
        let rule = format!("{}/{}", text(&now["policy"]), text(&now["rule"]));
        Stale::Waiver { rule, then: text(&then["state"]), now: text(&now["state"]) }
    };
    then.iter().zip(&now).filter(|(then, now)| then["state"] != now["state"]).map(one).collect()
}

/// What the cloud holds, and what would be done: of the same decision.
#[must_use]
pub fn compare_plans(then: &Cluster, now: &Cluster) -> Vec<Stale> {
    let mut all = Vec::new();
    if then.image != now.image {
        all.push(Stale::Image { then: text(&then.image["id"]), now: text(&now.image["id"]) });
    }
    all.extend(turns(&then.observed, &now.observed).into_iter().map(|(resource, turn)| Stale::Observed { resource, turn }));
    if !all.is_empty() {
        return all;
    }
    let differs = |part: &str| Stale::Plan { cluster: now.cluster.clone(), part: part.to_owned() };
    let values = |cluster: &Cluster| serde_json::to_value(&cluster.values).unwrap_or_default();
    all.extend(parts(&values(then), &values(now)).iter().map(|path| differs(path)));
    if then.user_data != now.user_data {
        all.push(differs("user-data"));
    }
    if (&then.cluster, &then.region) != (&now.cluster, &now.region) {
        all.push(differs("names"));
    }
    all.extend(parts(&then.plan, &now.plan).iter().map(|part| differs(part)));
    all
}

/// The members that are not the same.
fn parts(then: &Value, now: &Value) -> Vec<String> {
    let members = |value: &Value| -> BTreeMap<String, String> {
        value.as_object().into_iter().flatten().map(|(name, value)| (name.clone(), canonical(value))).collect()
    };
    turns(&members(then), &members(now)).into_keys().collect()
}

/// What became of each thing that is not what it was.
fn turns(then: &BTreeMap<String, String>, now: &BTreeMap<String, String>) -> BTreeMap<String, Turn> {
    let turn = |name: &String| match (then.get(name), now.get(name)) {
        (None, Some(_)) => Some(Turn::Came),
        (Some(_), None) => Some(Turn::Went),
        (then, now) => (then != now).then_some(Turn::Changed),
    };
    then.keys().chain(now.keys()).filter_map(|name| Some((name.clone(), turn(name)?))).collect()
}

fn texts(value: &Value) -> BTreeMap<String, String> {
    value.as_object().into_iter().flatten().map(|(name, value)| (name.clone(), text(value))).collect()
}

/// A text as it is, anything else as JSON.
fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn codes(all: &[Stale]) -> Vec<String> {
        all.iter().map(|stale| format!("{}: {stale}", stale.code())).collect()
    }

    fn inputs() -> Value {
        json!({
            "engine": { "kaphost": "0.1.0", "wasmtime": "48.0.8" },
            "config": { "file": "cluster.kdl", "sha256": "a", "files": { "boot.sh": "b" }, "variables": ["OWNER"] },
            "policies": [{ "file": "org.kdl", "kind": "set", "sha256": "c" }, { "file": "org.wasm", "kind": "module", "sha256": "d" }],
            "settings": ["narrow=true"],
            "now": "2026-11-22T20:00:00Z",
        })
    }

    #[test]
    fn the_same_inputs_are_the_same_at_any_time() {
        let mut later = inputs();
        later["now"] = json!("2026-11-23T20:00:00Z");
        assert_eq!(compare_inputs(&inputs(), &later), []);
    }

    #[test]
    fn every_input_that_differs_is_named() {
        let differs = |change: fn(&mut Value)| {
            let mut now = inputs();
            change(&mut now);
            codes(&compare_inputs(&inputs(), &now))
        };
        assert_eq!(
            differs(|now| now["engine"]["wasmtime"] = json!("49")),
            ["other-engine: it was made by wasmtime 48.0.8, and this is wasmtime 49"]
        );
        assert_eq!(differs(|now| now["config"]["sha256"] = json!("x")), ["config-changed: the config `cluster.kdl` is not what it was"]);
        assert_eq!(
            differs(|now| now["config"]["files"]["boot.sh"] = json!("x")),
            ["config-file-changed: the file `boot.sh`, which the config takes a value from, is not what it was"]
        );
        assert_eq!(
            differs(|now| now["policies"][0]["sha256"] = json!("x")),
            ["policy-changed: the policy set `org.kdl` is not what it was"]
        );
        assert_eq!(
            differs(|now| now["policies"] = json!([now["policies"][0], { "file": "more.wasm", "kind": "module", "sha256": "e" }])),
            ["policy-changed: the policy `more.wasm` was not there then", "policy-changed: the policy `org.wasm` is gone"]
        );
        assert_eq!(
            differs(|now| now["policies"] = json!([now["policies"][1], now["policies"][0]])),
            ["policy-order: the policies hold in another order: `org.wasm`, `org.kdl`"]
        );
        assert_eq!(
            differs(|now| now["settings"] = json!([])),
            ["decision-changed: the policies decide otherwise on the same cluster: `settings` is not what it was"]
        );
    }

    #[test]
    fn of_a_decision_the_cause_is_named_and_not_what_follows() {
        let then = json!({
            "input-sha256": "a", "verdict": "admitted", "facts": { "ami": { "owner": "1" } },
            "waivers": [{ "policy": "ssh", "rule": "world", "state": "used" }], "violations": [],
        });
        let differs = |change: fn(&mut Value), variables: &[&str]| {
            let mut now = then.clone();
            change(&mut now);
            now["violations"] = json!([{}]);
            codes(&compare_decisions(&then, &now, &variables.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>()))
        };
        assert_eq!(
            differs(|now| now["input-sha256"] = json!("b"), &["OWNER"]),
            ["variable-changed: of the variables that the config takes values from (`OWNER`) one or more hold something else"]
        );
        assert_eq!(
            differs(|now| now["facts"] = json!({ "vpc": { "default": true } }), &[]),
            [
                "fact-changed: the policies were told that `ami.owner` is \"1\", and it is unknown",
                "fact-changed: the policies were told that `vpc.default` is unknown, and it is true"
            ]
        );
        assert_eq!(
            differs(|now| now["waivers"][0]["state"] = json!("expired"), &[]),
            ["waiver-changed: the waiver of ssh/world was used, and is expired"]
        );
        assert_eq!(
            differs(|_| {}, &[]),
            ["decision-changed: the policies decide otherwise on the same cluster: `violations` is not what it was"]
        );
        assert_eq!(compare_decisions(&then, &then, &[]), []);
    }

    #[test]
    fn of_a_plan_what_the_cloud_holds_comes_first() {
        let observed = |names: &[&str]| names.iter().map(|name| ((*name).to_owned(), "x".to_owned())).collect::<BTreeMap<_, _>>();
        let then = Cluster { observed: observed(&["IAM role a", "launch template b"]), plan: json!({ "steps": [] }), ..Cluster::default() };
        let now = Cluster { plan: json!({ "steps": [1] }), ..then.clone() };
        assert_eq!(
            codes(&compare_plans(&then, &now)),
            ["plan-differs: what would be done now is not what it says: `steps` of  is another"]
        );
        let mut now = Cluster { observed: observed(&["launch template b", "security group c"]), ..now };
        now.observed.insert("launch template b".to_owned(), "y".to_owned());
        assert_eq!(
            codes(&compare_plans(&then, &now)),
            [
                "cloud-changed: the IAM role a is gone",
                "cloud-changed: the launch template b is not what it was",
                "cloud-changed: the security group c was not there then"
            ]
        );
        let now = Cluster { image: json!({ "id": "ami-2" }), ..then.clone() };
        assert_eq!(codes(&compare_plans(&then, &now)), ["image-changed: `ami` led to null, and leads to ami-2"]);
        let now = Cluster { values: BTreeMap::from([("tenancy".to_owned(), json!("default"))]), ..then.clone() };
        assert_eq!(compare_plans(&then, &now).len(), 1);
        assert_eq!(compare_plans(&then, &then), []);
    }
}
