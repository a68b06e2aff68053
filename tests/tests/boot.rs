//! The boot script, run: as root of a machine of its own (`Machine`), with the script that kaphost gives to the launch template.

#![expect(clippy::unwrap_used, reason = "tests may fail loudly, outside of test functions too")]

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::process::Command;

use kaphost_tests::{Machine, Run};

/// A server with a volume of its own.
const STORAGE: &str = r#"volume "/dev/xvdh" size=300
    kapacitor {
        influxdb "http://influxdb.example.com:8086"
        storage device="/dev/xvdh" mount-point="/var/lib/kapacitor"
    }"#;

fn user_data(nodes: &str) -> String {
    kaphost_tests::user_data(nodes).unwrap()
}

fn succeeds(machine: &Machine, script: &str) -> Run {
    let run = machine.run(script).unwrap();
    assert_eq!(run.code, Some(0), "{run}");
    assert!(run.stderr.contains("Kapacitor runs on port"), "{run}");
    run
}

/// Runs it, and holds it to a loud end that says this, with Kapacitor neither configured nor started.
fn fails(machine: &Machine, script: &str, says: &str) -> Run {
    let run = machine.run(script).unwrap();
    assert!(run.code.is_some_and(|code| code != 0), "{run}");
    for log in [&run.stderr, &machine.read("var/log/kaphost-boot.log"), &machine.read("record/syslog")] {
        assert!(log.lines().any(|line| line.contains("FAILED") && line.contains(says)), "{says:?} is not in {log}\n{run}");
    }
    run
}

/// Nothing was made, mounted or started.
fn untouched(machine: &Machine) {
    let calls = machine.calls().unwrap();
    let started = |call: &String| {
        ["mkfs", "mount ", "systemctl start", "systemctl restart", "systemctl enable"].iter().any(|it| call.starts_with(it))
    };
    assert!(!calls.iter().any(started), "{calls:#?}");
    assert_eq!(machine.read("etc/kapacitor/kapacitor.conf"), "# The package's own.\n");
}

/// Makes a file system as an earlier life of the volume would have left it.
fn format(machine: &Machine, device: &str) {
    let run = Run::of(Command::new("/usr/sbin/mkfs.ext4").arg("-q").arg(machine.path(device)).stdin(std::process::Stdio::null())).unwrap();
    assert_eq!(run.code, Some(0), "{run}");
}

#[test]
fn from_an_empty_volume_to_a_running_server_and_again() {
    let script = user_data(STORAGE);
    let machine = Machine::new().unwrap();
    machine.attach("/dev/xvdh").unwrap();
    let run = succeeds(&machine, &script);

    let calls = machine.calls().unwrap();
    let changing: Vec<&str> = calls
        .iter()
        .map(String::as_str)
        .filter(|call| ["mkfs", "mount", "systemctl", "chown"].iter().any(|it| call.starts_with(it)))
        .collect();
    let (temporary, changing): (Vec<&str>, Vec<&str>) =
        changing.into_iter().partition(|call| call.starts_with("chown ") && call.contains('.'));
    assert_eq!(temporary.len(), 3, "fstab, the configuration and the unit get their owners before they are in place: {temporary:?}");
    let checks = ["systemctl show kapacitor.service --property=NRestarts", "systemctl is-active --quiet kapacitor.service"].repeat(10);
    let expected = [
        "mkfs.ext4 -q /dev/xvdh",
        "systemctl stop kapacitor.service",
        "systemctl daemon-reload",
        "mount /var/lib/kapacitor",
        "chown --recursive kapacitor:kapacitor /var/lib/kapacitor",
        "chown --recursive kapacitor:kapacitor /var/log/kapacitor",
        "systemctl daemon-reload",
        "systemctl enable kapacitor.service",
        "systemctl restart kapacitor.service",
    ];
    assert_eq!(changing, [&expected[..], &checks[..1], &checks].concat(), "{run}");

    let fstab = machine.read("etc/fstab");
    let lines: Vec<&str> = fstab.lines().collect();
    assert_eq!(lines[..2], ["# As the image has it.", "LABEL=cloudimg-rootfs / ext4 discard,errors=remount-ro 0 1"]);
    let (uuid, rest) = lines[2].split_once(' ').unwrap();
    assert!(uuid.starts_with("UUID=") && uuid.len() == 41, "{fstab}");
    assert_eq!((rest, lines.len()), ("/var/lib/kapacitor ext4 defaults,nofail,x-systemd.device-timeout=300 0 2", 3));
    assert_eq!(machine.read("state/mounts"), "/dev/xvdh /var/lib/kapacitor\n");

    let conf: toml::Table = parsed(&machine);
    assert_eq!(conf["hostname"].as_str(), Some("ip-10-0-0-7.ec2.internal"), "the private DNS name");
    assert_eq!(conf["data_dir"].as_str(), Some("/var/lib/kapacitor"));
    assert_eq!(conf["http"]["bind-address"].as_str(), Some(":9092"));
    assert_eq!(conf["influxdb"][0]["urls"][0].as_str(), Some("http://influxdb.example.com:8086"));
    assert_eq!(machine.read("record/trial.conf"), machine.read("etc/kapacitor/kapacitor.conf"), "Kapacitor was asked about this text");
    assert_eq!(mode(&machine, "etc/kapacitor/kapacitor.conf"), 0o640);
    assert_eq!(mode(&machine, "etc/fstab"), 0o644);
    let unit = machine.read("etc/systemd/system/kapacitor.service.d/kaphost.conf");
    assert!(unit.contains("[Unit]\nRequiresMountsFor=/var/lib/kapacitor\n") && !unit.contains("User="), "{unit}");

    // What is printed goes to cloud-init and so to the console; a file and syslog hold the same.
    let log = machine.read("var/log/kaphost-boot.log");
    assert_eq!((machine.read("record/syslog"), run.stderr), (log.clone(), log));

    // Again, as after `cloud-init clean` or by hand: nothing is made or changed, and the server is not interrupted.
    let before = everything(&machine);
    let again = succeeds(&machine, &script);
    assert!(!again.stderr.contains("writing"), "{again}");
    let calls = machine.calls().unwrap();
    let idle = ["mkfs", "mount ", "systemctl stop", "systemctl restart"];
    assert!(!calls.iter().any(|call| idle.iter().any(|it| call.starts_with(it))), "{calls:#?}");
    assert!(calls.iter().any(|call| call == "systemctl start kapacitor.service"), "{calls:#?}");
    assert_eq!(everything(&machine), before);
}

fn parsed(machine: &Machine) -> toml::Table {
    machine.read("etc/kapacitor/kapacitor.conf").parse().unwrap()
}

fn mode(machine: &Machine, inside: &str) -> u32 {
    fs::metadata(machine.path(inside)).unwrap().permissions().mode() & 0o7777
}

/// What the script leaves behind, its log aside.
fn everything(machine: &Machine) -> Vec<(String, String)> {
    let mut files = vec![("state/mounts".to_owned(), machine.read("state/mounts"))];
    let mut folders = vec!["etc".to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(machine.path(&folder)).unwrap() {
            let name = format!("{folder}/{}", entry.unwrap().file_name().into_string().unwrap());
            if machine.path(&name).is_dir() { folders.push(name) } else { files.push((name.clone(), machine.read(&name))) }
        }
    }
    files.sort();
    files
}

/// Every way in which a volume shows itself; the disk that was found is the one that is mounted.
#[test]
fn the_volume_is_found_by_any_name() {
    let script = user_data(STORAGE);
    let found = |prepare: &dyn Fn(&Machine), disk: &str| {
        let machine = Machine::new().unwrap();
        prepare(&machine);
        let run = succeeds(&machine, &script);
        assert_eq!(machine.read("state/mounts"), format!("{disk} /var/lib/kapacitor\n"), "{run}");
        let again = succeeds(&machine, &script);
        assert!(again.stderr.contains(&format!("the volume /dev/xvdh is {disk}")), "{again}");
    };
    let two_nvme = |machine: &Machine| {
        machine.attach("/dev/nvme1n1").unwrap();
        machine.attach("/dev/nvme2n1").unwrap();
    };
    let names = |machine: &Machine, tool: &str| {
        machine.stub(tool).unwrap();
        for line in ["/dev/nvme0n1 /dev/sda1", "/dev/nvme1n1 sdi", "/dev/nvme2n1 sdh"] {
            machine.add("state/names", line).unwrap();
        }
    };

    // Xen's own name, also for a volume that was attached as /dev/sdh.
    found(&|machine| machine.attach("/dev/sdh").unwrap(), "/dev/sdh");
    // The link that Amazon's images make.
    found(
        &|machine| {
            two_nvme(machine);
            machine.link("nvme2n1", "dev/xvdh").unwrap();
        },
        "/dev/nvme2n1",
    );
    // The tool of Amazon's images.
    found(
        &|machine| {
            two_nvme(machine);
            names(machine, "ebsnvme-id");
        },
        "/dev/nvme2n1",
    );
    // nvme-cli, as on Ubuntu: it gives the controller's bytes.
    found(
        &|machine| {
            two_nvme(machine);
            names(machine, "nvme");
        },
        "/dev/nvme2n1",
    );
    // No tool at all: the one EBS disk that nobody uses. The instance store is no EBS disk.
    found(
        &|machine| {
            two_nvme(machine);
            machine.link("../../nvme0n1", "dev/disk/by-id/nvme-Amazon_Elastic_Block_Store_vol0aaa").unwrap();
            machine.link("../../nvme0n1p1", "dev/disk/by-id/nvme-Amazon_Elastic_Block_Store_vol0aaa-part1").unwrap();
            machine.link("../../nvme1n1", "dev/disk/by-id/nvme-Amazon_EC2_NVMe_Instance_Storage_AWS1").unwrap();
            machine.link("../../nvme2n1", "dev/disk/by-id/nvme-Amazon_Elastic_Block_Store_vol0bbb").unwrap();
            machine.link("../../nvme2n1", "dev/disk/by-id/nvme-Amazon_Elastic_Block_Store_vol0bbb_1").unwrap();
        },
        "/dev/nvme2n1",
    );
}

#[test]
fn a_late_volume_is_waited_for() {
    let machine = Machine::new().unwrap();
    machine.write("state/sleep-3", "truncate --size=16M /dev/xvdh; echo '/dev/xvdh disk -' >>/state/disks\n").unwrap();
    let run = succeeds(&machine, &user_data(STORAGE));
    assert!(run.stderr.contains("waiting for the volume /dev/xvdh"), "{run}");
    assert_eq!(machine.read("state/mounts"), "/dev/xvdh /var/lib/kapacitor\n");
}

#[test]
fn a_volume_that_never_comes_is_a_loud_failure() {
    let script = user_data(STORAGE);
    let machine = Machine::new().unwrap();
    let run = fails(&machine, &script, "no disk was attached as /dev/xvdh within 300 s");
    assert!(run.stderr.contains("the disks here are: /dev/nvme0n1 disk"), "{run}");
    let waited: u32 = machine.read("record/calls").lines().filter_map(|call| call.strip_prefix("sleep ")?.parse::<u32>().ok()).sum();
    assert_eq!(waited, 300);
    untouched(&machine);

    // Two that it could be, and nothing that tells: no guess.
    let machine = Machine::new().unwrap();
    for (disk, id) in [("nvme1n1", "vol0aaa"), ("nvme2n1", "vol0bbb")] {
        machine.attach(&format!("/dev/{disk}")).unwrap();
        machine.link(&format!("../../{disk}"), &format!("dev/disk/by-id/nvme-Amazon_Elastic_Block_Store_{id}")).unwrap();
    }
    fails(&machine, &script, "no disk was attached");
    untouched(&machine);
}

#[test]
fn what_is_on_a_volume_stays() {
    let script = user_data(STORAGE);
    // A file system is mounted as it is.
    let machine = Machine::new().unwrap();
    machine.attach("/dev/xvdh").unwrap();
    format(&machine, "/dev/xvdh");
    let before = fs::read(machine.path("/dev/xvdh")).unwrap();
    succeeds(&machine, &script);
    assert!(fs::read(machine.path("/dev/xvdh")).unwrap() == before);
    assert!(!machine.calls().unwrap().iter().any(|call| call.starts_with("mkfs")));

    // A partition table is not a file system, and not nothing.
    let machine = Machine::new().unwrap();
    machine.attach("/dev/xvdh").unwrap();
    let mut disk = fs::read(machine.path("/dev/xvdh")).unwrap();
    disk[446..462].copy_from_slice(&[0, 0, 2, 0, 0x83, 0, 0x20, 0, 0, 8, 0, 0, 0, 0x40, 0, 0]);
    disk[510..512].copy_from_slice(&[0x55, 0xaa]);
    fs::write(machine.path("/dev/xvdh"), &disk).unwrap();
    fails(&machine, &script, "holds something that is no file system");
    untouched(&machine);
    assert!(fs::read(machine.path("/dev/xvdh")).unwrap() == disk);

    // A disk that cannot be read is not an empty one.
    let machine = Machine::new().unwrap();
    machine.add("state/disks", "/dev/xvdh disk -").unwrap();
    fails(&machine, &script, "head --bytes=1M");
    untouched(&machine);
}

#[test]
fn a_volume_from_a_snapshot_is_never_formatted_and_fills_its_disk() {
    let script = user_data(&STORAGE.replace("size=300", "size=300 snapshot=\"snap-0123456789abcdef0\""));
    let machine = Machine::new().unwrap();
    machine.attach("/dev/xvdh").unwrap();
    fails(&machine, &script, "was made from a snapshot and holds no file system");
    untouched(&machine);
    format(&machine, "/dev/xvdh");
    succeeds(&machine, &script);
    assert!(machine.calls().unwrap().contains(&"resize2fs /dev/xvdh".to_owned()));
}

#[test]
fn another_volume_in_its_place_is_refused() {
    let machine = Machine::new().unwrap();
    machine.attach("/dev/xvdh").unwrap();
    machine.write("state/mounts", "/dev/nvme5n1 /var/lib/kapacitor\n").unwrap();
    fails(&machine, &user_data(STORAGE), "/dev/nvme5n1 is mounted on /var/lib/kapacitor in place of /dev/xvdh");
}

#[test]
fn everything_that_a_block_takes() {
    let script = user_data(
        r#"http port=443
    metadata enabled=#false
    kapacitor {
        hostname "kapacitor.example.com"
        influxdb "https://one.example.com:8086" "https://two.example.com:8086"
        owner "metrics"
        log-level "error"
        tls certificate="/etc/kapacitor/tls.crt" key="/etc/kapacitor/tls.key"
        extra-config "skip-config-overrides = true\n[slack]\nchannel = \"it's $(touch /broken) `touch /broken` \\\"\"\n'' = '''\n'; touch /broken; '''\n"
    }"#,
    );
    let machine = Machine::new().unwrap();
    fails(&machine, &script, "/etc/kapacitor/tls.crt is missing or empty");
    untouched(&machine);
    machine.write("etc/kapacitor/tls.crt", "certificate\n").unwrap();
    machine.write("etc/kapacitor/tls.key", "key\n").unwrap();
    succeeds(&machine, &script);

    let calls = machine.calls().unwrap();
    for call in [
        "chgrp monitoring /etc/kapacitor/tls.key",
        "runuser --user metrics -- test -r /etc/kapacitor/tls.key",
        "chown --recursive metrics:monitoring /var/lib/kapacitor",
    ] {
        assert!(calls.iter().any(|it| it == call), "{call}: {calls:#?}");
    }
    assert!(!calls.iter().any(|call| call.starts_with("curl") || call.starts_with("mkfs")), "{calls:#?}");
    assert_eq!(mode(&machine, "etc/kapacitor/tls.key"), 0o640);
    let unit = machine.read("etc/systemd/system/kapacitor.service.d/kaphost.conf");
    assert!(
        unit.contains("[Service]\nUser=metrics\nGroup=\nAmbientCapabilities=CAP_NET_BIND_SERVICE\n") && !unit.contains("[Unit]"),
        "{unit}"
    );

    let conf = parsed(&machine);
    assert_eq!(conf["hostname"].as_str(), Some("kapacitor.example.com"));
    assert_eq!(conf["skip-config-overrides"].as_bool(), Some(true), "a key of the root stays one");
    assert_eq!(conf["slack"]["channel"].as_str(), Some("it's $(touch /broken) `touch /broken` \""));
    assert_eq!(conf["slack"][""].as_str(), Some("'; touch /broken; "));
    assert!(!machine.path("broken").exists());
    assert_eq!(conf["http"]["https-private-key"].as_str(), Some("/etc/kapacitor/tls.key"));
    assert_eq!(conf["influxdb"][0]["subscription-protocol"].as_str(), Some("https"));
    assert_eq!(conf["logging"]["level"].as_str(), Some("ERROR"));
}

#[test]
fn without_metadata_the_instance_is_asked_for_its_name() {
    let nodes = "metadata enabled=#false\n    kapacitor { influxdb \"http://influxdb:8086\"; }";
    let machine = Machine::new().unwrap();
    succeeds(&machine, &user_data(nodes));
    assert_eq!(parsed(&machine)["hostname"].as_str(), Some("ip-10-0-0-9.ec2.internal"));
}

#[test]
fn what_goes_wrong_on_the_way_is_said() {
    let script = user_data(STORAGE);
    let machine = || {
        let machine = Machine::new().unwrap();
        machine.attach("/dev/xvdh").unwrap();
        machine
    };

    // A program that fails: which, with what, and the line of the script that called it.
    let it = machine();
    it.add("state/fails", "mount").unwrap();
    let run = fails(&it, &script, "with status 32: mount \"$mount_point\"");
    assert_eq!(run.code, Some(32), "{run}");
    let said = run.stderr.split("FAILED in line ").nth(1).and_then(|rest| rest.split(' ').next()).unwrap();
    assert_eq!(script.lines().nth(said.parse::<usize>().unwrap() - 1).map(str::trim), Some("mount \"$mount_point\""), "{run}");

    // An image without Kapacitor, or without the user.
    let it = machine();
    fs::remove_file(it.path("stubs/kapacitord")).unwrap();
    fails(&it, &script, "Kapacitor is not on this image");
    untouched(&it);
    let it = machine();
    it.write("etc/passwd", "root:x:0:0::/root:/bin/bash\n").unwrap();
    fails(&it, &script, "this image has no user kapacitor");
    untouched(&it);

    // A configuration that Kapacitor refuses does not replace the one that is there.
    let it = machine();
    it.write("state/reject", "").unwrap();
    let run = fails(&it, &script, "Kapacitor does not take the configuration");
    assert!(run.stderr.contains("toml: line 3: no"), "{run}");
    assert_eq!(it.read("etc/kapacitor/kapacitor.conf"), "# The package's own.\n");
    let left: Vec<_> = fs::read_dir(it.path("etc/kapacitor")).unwrap().collect();
    assert_eq!(left.len(), 1, "{left:?}");

    // A server that does not stay up, at once or after systemd has tried again.
    for (file, text) in [("state/service", "failed"), ("state/restarting", "")] {
        let it = machine();
        it.write(file, text).unwrap();
        fails(&it, &script, "Kapacitor does not stay up");
        assert!(it.calls().unwrap().iter().any(|call| call.starts_with("journalctl --unit kapacitor.service")));
    }

    // That it had to be started again some time ago is no failure of today.
    let it = machine();
    it.write("state/restarts", "2").unwrap();
    succeeds(&it, &script);

    // Metadata that answers with something else.
    let it = machine();
    it.write("state/private-name", "<html>captive</html>").unwrap();
    fails(&it, &script, "is no host name");
}

/// Without syslog the rest still runs, and says so to cloud-init.
#[test]
fn a_broken_syslog_is_no_reason_to_stop() {
    let machine = Machine::new().unwrap();
    machine.add("state/fails", "logger").unwrap();
    succeeds(&machine, &user_data("kapacitor { influxdb \"http://influxdb:8086\"; }"));
}
