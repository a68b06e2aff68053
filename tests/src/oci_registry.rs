//! A registry of OCI's on loopback: Debian's `docker-registry`, with its storage in a folder of its own, and a name and password where they are wanted.

use std::fs::{self, File};
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::runner::end;
use crate::{Failure, debian};

/// Longer than it takes on any machine.
const LONGEST_START: Duration = Duration::from_secs(30);
/// What is sent as `Authorization`: `me:secret`.
const BASIC: &str = "Basic bWU6c2VjcmV0";
/// The same, as `htpasswd -B` writes it.
const HTPASSWD: &str = "me:$2b$05$abcdefghijklmnopqrstuuOQiyCxlgf/oeuTqixKmWdcYUh4Hjl0a\n";

/// Such a registry. It ends when it is dropped.
#[derive(Debug)]
pub struct OciRegistry {
    child: Child,
    folder: TempDir,
    address: SocketAddr,
}

impl OciRegistry {
    /// Starts one that lets in only `me`, whose password is `secret`.
    ///
    /// # Errors
    /// When it is not there and cannot be installed, or does not start.
    pub fn start() -> Result<Self, Failure> {
        let program = debian::program(&["docker-registry"], "docker-registry")?;
        let folder = tempfile::Builder::new().prefix("kaphost-registry-").tempdir().map_err(Failure::while_doing("making a folder"))?;
        let path = |name: &str| folder.path().join(name);
        let write = |name: &str, text: &str| fs::write(path(name), text).map_err(Failure::while_doing(format!("writing {name}")));
        write("htpasswd", HTPASSWD)?;
        let config = format!(
            "version: 0.1\nlog: {{level: info, formatter: text}}\nstorage: {{filesystem: {{rootdirectory: {:?}}}}}\n\
             http: {{addr: '127.0.0.1:0', secret: tests}}\nauth: {{htpasswd: {{realm: tests, path: {:?}}}}}\n",
            path("data"),
            path("htpasswd")
        );
        write("config.yml", &config)?;
        let log = File::create(path("log")).map_err(Failure::while_doing("making a log"))?;
        let mut child = Command::new(program)
            .arg("serve")
            .arg(path("config.yml"))
            .env_clear()
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .map_err(Failure::while_doing("starting docker-registry"))?;
        match address(&path("log"), &mut child) {
            Ok(address) => Ok(Self { child, folder, address }),
            Err(failure) => {
                end(&mut child);
                Err(failure)
            }
        }
    }

    /// Host and port: what stands behind `oci://`.
    #[must_use]
    pub fn host(&self) -> String {
        self.address.to_string()
    }

    /// Docker's configuration with the credentials of this registry.
    #[must_use]
    pub fn docker_config(&self) -> String {
        format!("{{\"auths\":{{\"{}\":{{\"auth\":\"bWU6c2VjcmV0\"}}}}}}", self.address)
    }

    /// What it answers to a request for this path: its head and body. Asked without anything of kaphost's.
    ///
    /// # Errors
    /// When it does not answer.
    pub fn get(&self, path: &str, accept: &str) -> Result<(String, Vec<u8>), Failure> {
        let what = format!("GET {path}");
        let mut stream = TcpStream::connect(self.address).map_err(Failure::while_doing(&what))?;
        write!(stream, "GET {path} HTTP/1.0\r\nHost: {}\r\nAuthorization: {BASIC}\r\nAccept: {accept}\r\n\r\n", self.address)
            .map_err(Failure::while_doing(&what))?;
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).map_err(Failure::while_doing(&what))?;
        let head = answer.windows(4).position(|part| part == b"\r\n\r\n").ok_or_else(|| Failure::new(format!("{what}: no HTTP answer")))?;
        let body = answer.split_off(head + 4);
        Ok((String::from_utf8_lossy(&answer).into_owned(), body))
    }

    /// The file in which it keeps a blob: for tests that change what it holds.
    #[must_use]
    pub fn blob(&self, sha256: &str) -> PathBuf {
        let start: String = sha256.chars().take(2).collect();
        self.folder.path().join("data/docker/registry/v2/blobs/sha256").join(start).join(sha256).join("data")
    }

    /// Ends it: from then on nobody is there.
    pub fn stop(mut self) {
        end(&mut self.child);
    }
}

impl Drop for OciRegistry {
    fn drop(&mut self) {
        end(&mut self.child);
    }
}

/// Where it listens, which it says once it does.
fn address(log: &Path, child: &mut Child) -> Result<SocketAddr, Failure> {
    let started = Instant::now();
    loop {
        let said = fs::read_to_string(log).unwrap_or_default();
        let found = said.split("listening on ").nth(1).and_then(|rest| rest.split('"').next()).and_then(|address| address.parse().ok());
        if let Some(address) = found {
            return Ok(address);
        }
        let ended = child.try_wait().map_err(Failure::while_doing("waiting for docker-registry"))?.is_some();
        if ended || started.elapsed() > LONGEST_START {
            return Err(Failure::new(format!("docker-registry does not listen: {said}")));
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}
