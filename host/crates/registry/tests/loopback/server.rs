//! A registry on loopback that does what a test says, and what is asked of it.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use kaphost_registry::{Artifact, Limits, Options, Reference, Registries};

pub(crate) const MODULE: &[u8] = b"\0asm: a module, for all that anybody here knows";

/// One request: its first line without the version, `Authorization`, and what came with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Asked {
    pub(crate) line: String,
    pub(crate) authorization: Option<String>,
    pub(crate) body: Vec<u8>,
}

/// A server of one function: what it writes is what is sent.
#[derive(Clone)]
pub(crate) struct Server {
    pub(crate) host: String,
    asked: Arc<Mutex<Vec<Asked>>>,
}

impl Server {
    pub(crate) fn start(answer: impl Fn(&Server, &Asked, &mut TcpStream) + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let server = Self { host: listener.local_addr().unwrap().to_string(), asked: Arc::default() };
        let (this, answer) = (server.clone(), Arc::new(answer));
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let (this, answer, mut stream) = (this.clone(), Arc::clone(&answer), stream.unwrap());
                std::thread::spawn(move || {
                    let Some(asked) = request(&stream) else { return };
                    this.asked.lock().unwrap().push(asked.clone());
                    answer(&this, &asked, &mut stream);
                });
            }
        });
        server
    }

    pub(crate) fn reference(&self) -> Reference {
        format!("oci://{}/org:1", self.host).parse().unwrap()
    }

    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().clone()
    }
}

fn request(stream: &TcpStream) -> Option<Asked> {
    let mut lines = BufReader::new(stream);
    let mut line = String::new();
    lines.read_line(&mut line).ok().filter(|count| *count > 0)?;
    let (mut authorization, mut length) = (None, 0);
    loop {
        let mut header = String::new();
        lines.read_line(&mut header).ok()?;
        let Some((name, value)) = header.trim_end().split_once(": ") else { break };
        match name.to_ascii_lowercase().as_str() {
            "authorization" => authorization = Some(value.to_owned()),
            "content-length" => length = value.parse().ok()?,
            _ => {}
        }
    }
    let mut body = Vec::new();
    lines.take(length).read_to_end(&mut body).ok()?;
    Some(Asked { line: line.trim_end().trim_end_matches(" HTTP/1.1").to_owned(), authorization, body })
}

pub(crate) fn reply(stream: &mut TcpStream, status: &str, headers: &[(&str, &str)], body: &[u8]) {
    let mut head = format!("HTTP/1.1 {status}\r\nConnection: close\r\n");
    for (name, value) in headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    if !headers.iter().any(|(name, _)| *name == "Content-Length") {
        head.push_str(&format!("Content-Length: {}\r\n", body.len()));
    }
    let _ = stream.write_all(&[head.as_bytes(), b"\r\n", body].concat());
}

pub(crate) fn registries(docker_config: Option<&Path>) -> Registries {
    let limits = Limits {
        connect: Duration::from_millis(500),
        pause: Duration::from_millis(500),
        whole: Duration::from_secs(3),
        module_bytes: 1000,
    };
    Registries::new(Options { docker_config: docker_config.map(Path::to_owned), limits })
}

/// What a policy is in a registry, but for being one.
pub(crate) fn artifact() -> Artifact {
    Artifact {
        module: MODULE.to_vec(),
        title: "org".into(),
        version: "1.0.0".into(),
        summary: "S.".into(),
        exports: vec![],
        imports: vec![],
    }
}

pub(crate) fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
}
