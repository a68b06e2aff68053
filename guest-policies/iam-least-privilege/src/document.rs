//! A policy document, as far as it is judged: what its statements allow.

use serde_json::{Map, Value};

use crate::pattern::{is_wild, matches};

/// The statements that allow something.
pub(crate) struct Document(Vec<Statement>);

/// A statement that allows something.
struct Statement {
    actions: Actions,
    /// `*` where it is said with `NotResource`: everything but a few.
    resources: Vec<String>,
}

enum Actions {
    These(Vec<String>),
    AllBut,
}

/// What is wrong with a document.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Broken {
    /// Every action on everything.
    Administrator,
    /// An action with wildcards.
    WildcardAction(String),
    /// `NotAction`.
    AllBut,
    /// Roles may be passed on that match this.
    PassRole(String),
}

const PASS_ROLE: &str = "iam:PassRole";

impl Document {
    /// Reads the statements.
    ///
    /// # Errors
    /// Why it is none, in a few words.
    pub(crate) fn read(text: &str) -> Result<Self, String> {
        let value: Value =
            serde_json::from_str(text).map_err(|error| format!("it is no JSON: line {}, column {}", error.line(), error.column()))?;
        let statements = match value.get("Statement") {
            None => return Err("it has no `Statement`".to_owned()),
            // IAM takes a single statement without its list.
            Some(Value::Array(statements)) => statements.as_slice(),
            Some(one) => std::slice::from_ref(one),
        };
        let numbered = statements.iter().enumerate().map(|(index, statement)| {
            let object = statement.as_object().ok_or_else(|| "it is no object".to_owned());
            object.and_then(Statement::read).map_err(|problem| format!("in statement {}, {problem}", index + 1))
        });
        let allowing: Result<Vec<Option<Statement>>, String> = numbered.collect();
        Ok(Self(allowing?.into_iter().flatten().collect()))
    }

    /// Everything that is wrong with it. `wildcards` are actions that are all right although they are patterns.
    pub(crate) fn broken(&self, wildcards: &[&str]) -> Vec<Broken> {
        let mut all = Vec::new();
        for statement in &self.0 {
            statement.judge(wildcards, &mut all);
        }
        let mut unique: Vec<Broken> = Vec::new();
        for broken in all {
            if !unique.contains(&broken) {
                unique.push(broken);
            }
        }
        unique
    }
}

impl Statement {
    /// None when it denies, which never gives too much.
    fn read(object: &Map<String, Value>) -> Result<Option<Self>, String> {
        match object.get("Effect").and_then(Value::as_str) {
            Some("Allow") => {}
            Some("Deny") => return Ok(None),
            _ => return Err("`Effect` is neither \"Allow\" nor \"Deny\"".to_owned()),
        }
        let actions = match (object.get("Action"), object.get("NotAction")) {
            (Some(actions), None) => Actions::These(texts(actions, "Action")?),
            (None, Some(actions)) => texts(actions, "NotAction").map(|_| Actions::AllBut)?,
            _ => return Err("there is neither `Action` nor `NotAction`, or both".to_owned()),
        };
        let resources = match (object.get("Resource"), object.get("NotResource")) {
            (Some(resources), None) => texts(resources, "Resource")?,
            (None, Some(resources)) => texts(resources, "NotResource").map(|_| vec!["*".to_owned()])?,
            _ => return Err("there is neither `Resource` nor `NotResource`, or both".to_owned()),
        };
        Ok(Some(Self { actions, resources }))
    }

    fn judge(&self, wildcards: &[&str], broken: &mut Vec<Broken>) {
        let everything = self.resources.iter().find(|resource| resource.bytes().all(|byte| byte == b'*'));
        let actions = match &self.actions {
            Actions::These(actions) => actions.as_slice(),
            Actions::AllBut => {
                broken.push(Broken::AllBut);
                return;
            }
        };
        // `*:*` is every action as well.
        let all = |action: &String| matches(action, PASS_ROLE) && matches(action, "ec2:RunInstances") && matches(action, "s3:GetObject");
        if everything.is_some() && actions.iter().any(all) {
            broken.push(Broken::Administrator);
            return;
        }
        for action in actions.iter().filter(|action| is_wild(action)) {
            if !wildcards.iter().any(|allowed| allowed.eq_ignore_ascii_case(action)) {
                broken.push(Broken::WildcardAction(action.clone()));
            }
        }
        if actions.iter().any(|action| matches(action, PASS_ROLE)) {
            // The account, or a part of the name, may be a pattern no more than the whole.
            broken.extend(self.resources.iter().filter(|resource| is_wild(resource)).map(|resource| Broken::PassRole(resource.clone())));
        }
    }
}

/// One text, or a list of them.
fn texts(value: &Value, field: &str) -> Result<Vec<String>, String> {
    let wrong = || format!("`{field}` is neither a text nor a list of texts");
    match value {
        Value::String(text) => Ok(vec![text.clone()]),
        Value::Array(list) => list.iter().map(|one| one.as_str().map(str::to_owned).ok_or_else(wrong)).collect(),
        _ => Err(wrong()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn broken(statement: &str) -> Vec<Broken> {
        Document::read(&format!(r#"{{"Statement":{statement},"Version":"2012-10-17"}}"#)).unwrap().broken(&["logs:*"])
    }

    fn wild(action: &str) -> Broken {
        Broken::WildcardAction(action.to_owned())
    }

    #[test]
    fn what_names_its_actions_passes() {
        for statement in [
            "[]",
            r#"{"Effect":"Allow","Action":"s3:GetObject","Resource":"*"}"#,
            r#"[{"Effect":"Allow","Action":["s3:GetObject","s3:PutObject"],"Resource":["arn:aws:s3:::a/*"]}]"#,
            r#"[{"Effect":"Allow","Action":"LOGS:*","Resource":"*"}]"#,
            r#"[{"Effect":"Allow","Action":"iam:PassRole","Resource":"arn:aws:iam::123456789012:role/a"}]"#,
            r#"[{"Effect":"Deny","Action":"*","Resource":"*"}]"#,
            r#"[{"Effect":"Deny","NotAction":"s3:*","Resource":"*"}]"#,
        ] {
            assert_eq!(broken(statement), [], "{statement}");
        }
    }

    #[test]
    fn everything_on_everything_is_administration() {
        for (action, resource) in [
            (r#""*""#, r#""Resource":"*""#),
            (r#"["s3:GetObject","*:*"]"#, r#""Resource":["a","**"]"#),
            (r#""**""#, r#""NotResource":"a""#),
        ] {
            let statement = format!(r#"[{{"Effect":"Allow","Action":{action},{resource}}}]"#);
            assert_eq!(broken(&statement), [Broken::Administrator], "{statement}");
        }
    }

    #[test]
    fn every_pattern_of_actions_is_told_once() {
        let statement = r#"[{"Effect":"Allow","Action":["s3:*","s3:Get?bject","ec2:RunInstances"],"Resource":"*"},
            {"Effect":"Allow","Action":["s3:*"],"Resource":"arn:aws:s3:::a"}]"#;
        assert_eq!(broken(statement), [wild("s3:*"), wild("s3:Get?bject")]);
        assert_eq!(broken(r#"{"Effect":"Allow","NotAction":"iam:*","Resource":"*"}"#), [Broken::AllBut]);
        // Every action, on one thing.
        assert_eq!(broken(r#"{"Effect":"Allow","Action":"*","Resource":"arn:aws:s3:::a"}"#), [wild("*")]);
    }

    #[test]
    fn roles_are_passed_on_by_name() {
        let pass = |resource: &str| Broken::PassRole(resource.to_owned());
        assert_eq!(broken(r#"{"Effect":"Allow","Action":"iam:PassRole","Resource":"*"}"#), [pass("*")]);
        assert_eq!(
            broken(r#"{"Effect":"Allow","Action":"IAM:passrole","Resource":["arn:aws:iam::1:role/a","arn:aws:iam::*:role/b"]}"#),
            [pass("arn:aws:iam::*:role/b")]
        );
        assert_eq!(
            broken(r#"{"Effect":"Allow","Action":"iam:Pass*","Resource":"arn:aws:iam::1:role/app-*"}"#),
            [wild("iam:Pass*"), pass("arn:aws:iam::1:role/app-*")]
        );
        assert_eq!(broken(r#"{"Effect":"Allow","Action":"iam:PassRole","NotResource":"arn:aws:iam::1:role/a"}"#), [pass("*")]);
    }

    #[test]
    fn what_is_no_document_is_told_and_never_passes() {
        for (text, says) in [
            ("", "it is no JSON: line 1, column 0"),
            ("[]", "it has no `Statement`"),
            (r#"{"Version":"2012-10-17"}"#, "it has no `Statement`"),
            (r#"{"Statement":"all"}"#, "in statement 1, it is no object"),
            (
                r#"{"Statement":[{"Effect":"allow","Action":"a:b","Resource":"*"}]}"#,
                "in statement 1, `Effect` is neither \"Allow\" nor \"Deny\"",
            ),
            (
                r#"{"Statement":[{"Effect":"Deny"},{"Effect":"Allow","Resource":"*"}]}"#,
                "in statement 2, there is neither `Action` nor `NotAction`, or both",
            ),
            (
                r#"{"Statement":[{"Effect":"Allow","Action":"a:b","NotAction":"a:c","Resource":"*"}]}"#,
                "in statement 1, there is neither `Action` nor `NotAction`, or both",
            ),
            (
                r#"{"Statement":[{"Effect":"Allow","Action":7,"Resource":"*"}]}"#,
                "in statement 1, `Action` is neither a text nor a list of texts",
            ),
            (
                r#"{"Statement":[{"Effect":"Allow","Action":["a:b",7],"Resource":"*"}]}"#,
                "in statement 1, `Action` is neither a text nor a list of texts",
            ),
            (
                r#"{"Statement":[{"Effect":"Allow","Action":"a:b"}]}"#,
                "in statement 1, there is neither `Resource` nor `NotResource`, or both",
            ),
            (
                r#"{"Statement":[{"Effect":"Allow","Action":"a:b","Resource":{}}]}"#,
                "in statement 1, `Resource` is neither a text nor a list of texts",
            ),
        ] {
            assert_eq!(Document::read(text).err().as_deref(), Some(says), "{text}");
        }
        let deep = format!(r#"{{"Statement":{}{}}}"#, "[".repeat(10_000), "]".repeat(10_000));
        assert!(Document::read(&deep).is_err());
    }
}
