//! JSON in one form, so that it can be digested and compared.

use std::collections::BTreeMap;

use kaphost_spec::hex;
use serde_json::Value;
use sha2::{Digest as _, Sha256};

/// A JSON value without white space, names sorted: however its text is laid out, and whatever order serde keeps.
#[must_use]
pub fn canonical(value: &Value) -> String {
    match value {
        Value::Object(members) => {
            let sorted: BTreeMap<&String, &Value> = members.iter().collect();
            let members: Vec<String> =
                sorted.iter().map(|(name, value)| format!("{}:{}", Value::from(name.as_str()), canonical(value))).collect();
            format!("{{{}}}", members.join(","))
        }
        Value::Array(items) => format!("[{}]", items.iter().map(canonical).collect::<Vec<_>>().join(",")),
        simple => simple.to_string(),
    }
}

/// Lower-case hexadecimal SHA-256.
#[must_use]
pub fn sha256(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

/// Every value by its place: `ami.owner`, `subnets[0].zone`. What is empty has none.
#[must_use]
pub fn leaves(value: &Value) -> BTreeMap<String, Value> {
    fn descend(at: &str, value: &Value, into: &mut BTreeMap<String, Value>) {
        match value {
            Value::Object(fields) => {
                for (name, value) in fields {
                    descend(&if at.is_empty() { name.clone() } else { format!("{at}.{name}") }, value, into);
                }
            }
            Value::Array(items) => items.iter().enumerate().for_each(|(i, item)| descend(&format!("{at}[{i}]"), item, into)),
            value => drop(into.insert(at.to_owned(), value.clone())),
        }
    }
    let mut all = BTreeMap::new();
    descend("", value, &mut all);
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_have_one_canonical_text() {
        let value: Value = serde_json::from_str(r#" { "b" : [ 1 , null , "x\u0041" ] , "a" : { } } "#).unwrap();
        assert_eq!(canonical(&value), r#"{"a":{},"b":[1,null,"xA"]}"#);
    }

    #[test]
    fn leaves_are_values_by_their_place() {
        let value: Value = serde_json::from_str(r#"{"ami":{"owner":"1"},"subnets":[{"zone":"a"},{"zone":"b"}],"none":{}}"#).unwrap();
        let all: Vec<String> = leaves(&value).iter().map(|(path, value)| format!("{path}={value}")).collect();
        assert_eq!(all, [r#"ami.owner="1""#, r#"subnets[0].zone="a""#, r#"subnets[1].zone="b""#]);
    }
}
