//! The emulator keeps its promises: it starts, logs, fails on demand, behaves as AWS where moto does not, and stops.

use std::io::{BufRead as _, BufReader};
use std::net::TcpStream;
use std::process::Stdio;
use std::time::{Duration, Instant};

use kaphost_tests::{Built, Emulator, Python, Run};

/// The checks take half a minute; on a machine that builds as well, several times that.
const CHECKS: Duration = Duration::from_secs(480);

/// Calls made with boto3, and every correction of moto with and without it: a check that passes either way fails this test.
#[test]
fn every_check_holds_and_none_is_vacuous() {
    let python = Python::ready(&Built::find().unwrap()).unwrap();
    let run = Run::within(CHECKS, &mut python.script("emulator/checks/run.py")).unwrap();
    println!("{run}");
    assert_eq!(run.code, Some(0), "{run}");
}

#[test]
fn an_account_is_seeded_logged_and_apart_from_others() {
    let emulator = Emulator::shared().unwrap();
    let (one, other) = (emulator.account(), emulator.account());
    assert_ne!(one.id(), other.id());
    let seed = one.seed("us-east-1").unwrap();
    assert_eq!(seed.account, one.id());
    assert!(seed.subnets.len() >= 3, "{seed:?}");
    assert!(seed.images.iter().any(|image| image.id == "ami-0abcd1234"), "{seed:?}");
    assert_ne!(seed.vpc, other.seed("us-east-1").unwrap().vpc);
    assert!(one.calls().unwrap().is_empty(), "the control API is not part of the log");
}

#[test]
fn it_stops_when_it_is_dropped() {
    let emulator = Emulator::start().unwrap();
    let address = emulator.endpoint().strip_prefix("http://").unwrap().to_owned();
    TcpStream::connect(&address).unwrap();
    drop(emulator);
    assert!(TcpStream::connect(&address).is_err(), "something still listens on {address}");
}

/// However the starter ends, SIGKILL included, the kernel closes its end of the pipe: the server has to notice by itself.
#[test]
fn it_stops_when_its_input_ends() {
    let python = Python::ready(&Built::find().unwrap()).unwrap();
    let mut server = python.script("emulator/server.py").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut ready = String::new();
    BufReader::new(server.stdout.take().unwrap()).read_line(&mut ready).unwrap();
    assert!(ready.contains("http://127.0.0.1:"), "{ready:?}");
    assert_eq!(server.try_wait().unwrap(), None);
    drop(server.stdin.take());
    let patience = Instant::now() + Duration::from_secs(10);
    while server.try_wait().unwrap().is_none() {
        assert!(Instant::now() < patience, "the server outlives its starter");
        std::thread::sleep(Duration::from_millis(20));
    }
}
