//! A small HTTP server on loopback: it answers what the test says, and keeps what it was asked.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

/// Longest wait for a read that should be under way at the same time.
const OVERLAP: Duration = Duration::from_secs(10);

#[derive(Clone, Debug, Default)]
pub(super) struct Request {
    pub(super) parameters: BTreeMap<String, String>,
    pub(super) headers: BTreeMap<String, String>,
}

impl Request {
    pub(super) fn action(&self) -> &str {
        self.get("Action")
    }

    pub(super) fn get(&self, name: &str) -> &str {
        self.parameters.get(name).map_or("", String::as_str)
    }

    /// One parameter a line, without what every request has.
    pub(super) fn shown(&self) -> String {
        let rest = self.parameters.iter().filter(|(key, _)| !["Action", "Version"].contains(&key.as_str()));
        rest.fold(format!("{}\n", self.action()), |text, (key, value)| format!("{text}  {key} = {value}\n"))
    }
}

type Answer = dyn Fn(&Request) -> (u16, String) + Send + Sync;

pub(super) struct Server {
    pub(super) url: String,
    shared: Arc<Shared>,
}

struct Shared {
    answer: Box<Answer>,
    requests: Mutex<Vec<Request>>,
    arrived: Condvar,
    /// No answer before so many requests are there: those of one depth must come side by side.
    together: usize,
    connections: AtomicUsize,
}

impl Server {
    pub(super) fn start(answer: impl Fn(&Request) -> (u16, String) + Send + Sync + 'static) -> Self {
        Self::start_together(0, answer)
    }

    pub(super) fn start_together(together: usize, answer: impl Fn(&Request) -> (u16, String) + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let shared = Arc::new(Shared {
            answer: Box::new(answer),
            requests: Mutex::default(),
            arrived: Condvar::new(),
            together,
            connections: AtomicUsize::new(0),
        });
        let accepting = Arc::clone(&shared);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let shared = Arc::clone(&accepting);
                shared.connections.fetch_add(1, Ordering::SeqCst);
                std::thread::spawn(move || shared.serve(stream));
            }
        });
        Self { url, shared }
    }

    pub(super) fn requests(&self) -> Vec<Request> {
        self.shared.requests.lock().unwrap().clone()
    }

    pub(super) fn actions(&self) -> Vec<String> {
        let mut actions: Vec<String> = self.requests().iter().map(|request| request.action().to_owned()).collect();
        actions.sort();
        actions
    }

    pub(super) fn connections(&self) -> usize {
        self.shared.connections.load(Ordering::SeqCst)
    }
}

impl Shared {
    /// Every request of one connection.
    fn serve(&self, stream: TcpStream) {
        let mut reader = BufReader::new(stream.try_clone().unwrap());
        let mut writer = stream;
        while let Some(request) = read(&mut reader) {
            let enough = self.keep(request.clone());
            let (status, body) = if enough { (self.answer)(&request) } else { (500, "the others did not come".to_owned()) };
            let head = format!(
                "HTTP/1.1 {status} X\r\nContent-Type: text/xml\r\nx-amzn-RequestId: req-2\r\nContent-Length: {}\r\n\r\n",
                body.len()
            );
            if writer.write_all((head + &body).as_bytes()).is_err() {
                return;
            }
        }
    }

    /// Whether all that must be there at once were.
    fn keep(&self, request: Request) -> bool {
        let mut requests = self.requests.lock().unwrap();
        requests.push(request);
        self.arrived.notify_all();
        let until = Instant::now() + OVERLAP;
        while requests.len() < self.together {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return false;
            }
            requests = self.arrived.wait_timeout(requests, left).unwrap().0;
        }
        true
    }
}

fn read(reader: &mut BufReader<TcpStream>) -> Option<Request> {
    let mut line = String::new();
    if reader.read_line(&mut line).ok()? == 0 {
        return None;
    }
    let mut request = Request::default();
    loop {
        line.clear();
        reader.read_line(&mut line).ok()?;
        let Some((name, value)) = line.trim_end().split_once(':') else { break };
        request.headers.insert(name.to_ascii_lowercase(), value.trim().to_owned());
    }
    let length = request.headers.get("content-length").map_or(0, |length| length.parse().unwrap());
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    for pair in String::from_utf8(body).unwrap().split('&').filter(|pair| !pair.is_empty()) {
        let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
        request.parameters.insert(decoded(key), decoded(value));
    }
    Some(request)
}

fn decoded(text: &str) -> String {
    percent_encoding::percent_decode_str(&text.replace('+', " ")).decode_utf8().unwrap().into_owned()
}

/// EC2's envelope.
pub(super) fn ec2(action: &str, inside: &str) -> (u16, String) {
    let namespace = "http://ec2.amazonaws.com/doc/2016-11-15/";
    (200, format!("<{action}Response xmlns=\"{namespace}\">{inside}</{action}Response>"))
}

/// The envelope of IAM and Auto Scaling.
pub(super) fn query(action: &str, inside: &str) -> (u16, String) {
    let result = format!("<{action}Result>{inside}</{action}Result>");
    (200, format!("<{action}Response>{result}</{action}Response>"))
}

/// A refusal of EC2.
pub(super) fn ec2_error(status: u16, code: &str, message: &str) -> (u16, String) {
    let error = format!("<Error><Code>{code}</Code><Message>{message}</Message></Error>");
    (status, format!("<Response><Errors>{error}</Errors><RequestID>in-the-body</RequestID></Response>"))
}

/// A refusal of IAM and Auto Scaling.
pub(super) fn query_error(status: u16, code: &str, message: &str) -> (u16, String) {
    let error = format!("<Error><Type>Sender</Type><Code>{code}</Code><Message>{message}</Message></Error>");
    (status, format!("<ErrorResponse>{error}<RequestId>in-the-body</RequestId></ErrorResponse>"))
}

/// A read of an account in which nothing is.
pub(super) fn nothing(action: &str) -> (u16, String) {
    match action {
        "GetRole" | "GetInstanceProfile" | "ListAttachedRolePolicies" | "ListRolePolicies" => {
            query_error(404, "NoSuchEntity", "cannot be found")
        }
        "DescribeLaunchTemplateVersions" => ec2_error(400, "InvalidLaunchTemplateName.NotFoundException", "not there"),
        "DescribeAutoScalingGroups" => query(action, "<AutoScalingGroups/>"),
        _ => ec2(action, ""),
    }
}
