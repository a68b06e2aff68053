//! A program that runs: signals reach it, and its end can be waited for.

use std::io::Read;
use std::process::{Child, Command, Stdio};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use crate::runner::{LONGEST_RUN, end};
use crate::{Failure, Run};

/// A run that has begun. Killed when it is dropped before its end.
#[derive(Debug)]
pub struct Running {
    what: String,
    child: Child,
    started: Instant,
    streams: Option<(JoinHandle<String>, JoinHandle<String>)>,
}

impl Running {
    /// Starts a command; both streams are read as they come.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn start(command: &mut Command) -> Result<Self, Failure> {
        let started = Instant::now();
        let what = format!("running {}", command.get_program().to_string_lossy());
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().map_err(Failure::while_doing(&what))?;
        let streams = Some((reader(child.stdout.take()), reader(child.stderr.take())));
        Ok(Self { what, child, started, streams })
    }

    /// Sends it SIGINT, as Ctrl-C does.
    ///
    /// # Errors
    /// When there is no `kill`, or the program has ended.
    pub fn interrupt(&self) -> Result<(), Failure> {
        let pid = self.child.id().to_string();
        let sent = Command::new("kill").args(["-INT", &pid]).status().map_err(Failure::while_doing("sending SIGINT"))?;
        if sent.success() { Ok(()) } else { Err(Failure::new(format!("{}: it had ended before SIGINT was sent", self.what))) }
    }

    /// Waits for its end.
    ///
    /// # Errors
    /// When it does not end within two minutes; with what it had said by then.
    pub fn end(self) -> Result<Run, Failure> {
        self.end_within(LONGEST_RUN)
    }

    /// The same with a limit of one's own, counted from the start.
    ///
    /// # Errors
    /// As `end`.
    pub fn end_within(mut self, limit: Duration) -> Result<Run, Failure> {
        let mut peak_memory_bytes = None;
        let status = loop {
            peak_memory_bytes = peak_memory_of(self.child.id()).or(peak_memory_bytes);
            if let Some(status) = self.child.try_wait().map_err(Failure::while_doing(&self.what))? {
                break Some(status);
            }
            if self.started.elapsed() > limit {
                end(&mut self.child);
                break None;
            }
            thread::sleep(Duration::from_millis(2));
        };
        let took = self.started.elapsed();
        let said = |stream: JoinHandle<String>| stream.join().unwrap_or_default();
        let (stdout, stderr) = self.streams.take().map(|(out, err)| (said(out), said(err))).unwrap_or_default();
        match status {
            Some(status) => Ok(Run { code: status.code(), stdout, stderr, took, peak_memory_bytes }),
            None => Err(Failure::new(format!("{}: not done after {limit:?}\n{stdout}\n{stderr}", self.what))),
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        end(&mut self.child);
    }
}

/// The high-water mark that Linux keeps for a process. None elsewhere, and once it has ended.
fn peak_memory_of(pid: u32) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kibibytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kibibytes * 1024)
}

fn reader(stream: Option<impl Read + Send + 'static>) -> JoinHandle<String> {
    thread::spawn(move || {
        let mut bytes = Vec::new();
        if let Some(mut stream) = stream {
            // What was read before an error is still worth showing.
            let _ = stream.read_to_end(&mut bytes);
        }
        String::from_utf8_lossy(&bytes).into_owned()
    })
}
