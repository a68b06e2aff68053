//! An AWS client that owes nothing to kaphost, for what AWS holds once kaphost has done its work, and for what others do there.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{ChildStdin, ChildStdout, Stdio};
use std::sync::{Mutex, OnceLock};

use serde_json::{Value, json};

use crate::{Account, Built, Failure, Python};

/// The region of every test.
pub const REGION: &str = "us-east-1";

/// One boto3 for all tests of a process. It ends with this process, because its input does.
struct Pipe {
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

/// What AWS answered a call with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// AWS's code.
    pub code: String,
    /// AWS's message.
    pub message: String,
}

impl Account {
    /// One call, all pages of it, by boto3's names: `aws("ec2", "describe_instances", json!({}))`.
    ///
    /// # Errors
    /// When AWS refuses, or boto3 cannot be run.
    pub fn aws(&self, service: &str, operation: &str, arguments: Value) -> Result<Value, Failure> {
        match self.ask(service, operation, arguments)? {
            Ok(answer) => Ok(answer),
            Err(refused) => Err(Failure::new(format!("{service}.{operation}: {}: {}", refused.code, refused.message))),
        }
    }

    /// One call that AWS may refuse.
    ///
    /// # Errors
    /// When boto3 cannot be run.
    pub fn ask(&self, service: &str, operation: &str, arguments: Value) -> Result<Result<Value, Refused>, Failure> {
        static BOTO3: OnceLock<Result<Mutex<Pipe>, Failure>> = OnceLock::new();
        let pipe = BOTO3.get_or_init(start).as_ref().map_err(Failure::clone)?;
        let line = json!({
            "endpoint": self.endpoint(), "key": self.access_key(), "region": REGION,
            "service": service, "operation": operation, "arguments": arguments,
        });
        let mut answer = exchange(pipe, &line)?;
        if let Some(ok) = answer.get_mut("ok") {
            return Ok(Ok(ok.take()));
        }
        let text = |key: &str| answer["error"][key].as_str().unwrap_or_default().to_owned();
        Ok(Err(Refused { code: text("code"), message: text("message") }))
    }
}

fn start() -> Result<Mutex<Pipe>, Failure> {
    let mut command = Python::ready(&Built::find()?)?.script("boto3/client.py");
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().map_err(Failure::while_doing("starting boto3"))?;
    match (child.stdin.take(), child.stdout.take()) {
        (Some(input), Some(output)) => Ok(Mutex::new(Pipe { input, output: BufReader::new(output) })),
        _ => Err(Failure::new("boto3 has no pipes")),
    }
}

fn exchange(pipe: &Mutex<Pipe>, line: &Value) -> Result<Value, Failure> {
    let what = "asking boto3";
    // A test that failed in here has been reported; the lines of the others are whole all the same.
    let mut pipe = pipe.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    writeln!(pipe.input, "{line}").and_then(|()| pipe.input.flush()).map_err(Failure::while_doing(what))?;
    let mut answer = String::new();
    pipe.output.read_line(&mut answer).map_err(Failure::while_doing(what))?;
    serde_json::from_str(&answer).map_err(Failure::while_doing(format!("{what}: the answer {answer:?}")))
}
