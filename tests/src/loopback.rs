//! HTTP to the control API: one request, one connection, JSON both ways, and only ever to this machine.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::Failure;

/// Longer than the longest wait that the control API is asked for.
const TIMEOUT: Duration = Duration::from_secs(120);

/// An `http://` address on this machine. Any other endpoint cannot be made into one, so no test can call a real AWS.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Endpoint {
    url: String,
    address: SocketAddr,
}

impl Endpoint {
    /// Reads `http://127.0.0.1:PORT` or `http://[::1]:PORT`.
    ///
    /// # Errors
    /// When it is anything else: a name, another machine, `https`.
    pub(crate) fn parse(url: &str) -> Result<Self, Failure> {
        let address = url.strip_prefix("http://").map(|rest| rest.trim_end_matches('/')).and_then(|rest| rest.parse::<SocketAddr>().ok());
        match address {
            Some(address) if address.ip().is_loopback() => Ok(Self { url: url.trim_end_matches('/').to_owned(), address }),
            _ => Err(Failure::new(format!("refused to use the endpoint {url:?}: tests call only this machine, as http://127.0.0.1:PORT"))),
        }
    }

    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    pub(crate) fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, Failure> {
        self.request("GET", path, None)
    }

    pub(crate) fn delete(&self, path: &str) -> Result<(), Failure> {
        self.request::<Value>("DELETE", path, None).map(drop)
    }

    pub(crate) fn post(&self, path: &str, body: &Value) -> Result<(), Failure> {
        self.request::<Value>("POST", path, Some(body)).map(drop)
    }

    fn request<T: DeserializeOwned>(&self, method: &str, path: &str, body: Option<&Value>) -> Result<T, Failure> {
        let what = format!("{method} {}{path}", self.url);
        let answer = self.exchange(method, path, body).map_err(Failure::while_doing(&what))?;
        let text = String::from_utf8_lossy(&answer);
        let (head, content) = text.split_once("\r\n\r\n").ok_or_else(|| Failure::new(format!("{what}: no HTTP answer: {text:?}")))?;
        if head.split(' ').nth(1) != Some("200") {
            return Err(Failure::new(format!("{what}: {content}")));
        }
        serde_json::from_str(content).map_err(Failure::while_doing(format!("{what}: the answer {content:?}")))
    }

    fn exchange(&self, method: &str, path: &str, body: Option<&Value>) -> std::io::Result<Vec<u8>> {
        let mut stream = TcpStream::connect_timeout(&self.address, Duration::from_secs(5))?;
        stream.set_read_timeout(Some(TIMEOUT))?;
        stream.set_write_timeout(Some(TIMEOUT))?;
        let body = body.map_or_else(String::new, Value::to_string);
        // HTTP/1.0: the end of the connection is the end of the answer.
        let head = format!(
            "{method} {path} HTTP/1.0\r\nHost: {}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n",
            self.address,
            body.len()
        );
        stream.write_all((head + &body).as_bytes())?;
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer)?;
        Ok(answer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_this_machine_is_an_endpoint() {
        assert_eq!(Endpoint::parse("http://127.0.0.1:4566/").unwrap().url(), "http://127.0.0.1:4566");
        assert!(Endpoint::parse("http://[::1]:80").is_ok());
        for other in [
            "https://ec2.us-east-1.amazonaws.com",
            "http://10.0.0.1:80",
            "http://localhost:80",
            "https://127.0.0.1:443",
            "http://127.0.0.1",
            "http://127.0.0.1:80@10.0.0.1:80",
            "",
        ] {
            let refusal = Endpoint::parse(other).unwrap_err().to_string();
            assert!(refusal.contains("tests call only this machine"), "{other}: {refusal}");
        }
    }
}
