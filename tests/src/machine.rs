//! A machine to boot: a root folder of its own that scripts run in as root, with the real machine's programs, and stubs for those that
//! would touch more than files.

use std::fs::{self, File, Permissions};
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;
use tempfile::TempDir;

use crate::built::workspace;
use crate::{Failure, Kaphost, Run};

/// What `tests/boot/stub.sh` stands in for.
const STUBS: [&str; 17] = [
    "blkid",
    "chgrp",
    "chown",
    "curl",
    "findmnt",
    "hostname",
    "journalctl",
    "kapacitord",
    "logger",
    "lsblk",
    "mkfs.ext4",
    "mount",
    "resize2fs",
    "runuser",
    "sleep",
    "systemctl",
    "xfs_growfs",
];

/// Enough for an ext4 file system; nothing is allocated until it is written.
const DISK_BYTES: u64 = 16 << 20;

/// A root folder. Nothing outside of it can be written from within, and no network is there.
#[derive(Debug)]
pub struct Machine {
    root: TempDir,
}

impl Machine {
    /// As an image has it: Kapacitor installed, with its user and its default configuration, and a root disk.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn new() -> Result<Self, Failure> {
        let root = tempfile::Builder::new().prefix("kaphost-machine-").tempdir().map_err(Failure::while_doing("making a root folder"))?;
        let machine = Self { root };
        for folder in [
            "dev/disk/by-id",
            "etc/alternatives",
            "etc/kapacitor",
            "proc",
            "record",
            "root",
            "run",
            "state",
            "stubs",
            "tmp",
            "usr",
            "var/log",
        ] {
            fs::create_dir_all(machine.path(folder)).map_err(Failure::while_doing(format!("making {folder}")))?;
        }
        for folder in ["bin", "sbin", "lib", "lib32", "lib64"] {
            let real = Path::new("/").join(folder);
            match (fs::read_link(&real), real.is_dir()) {
                (Ok(target), _) => symlink(target, machine.path(folder)).map_err(Failure::while_doing(format!("linking {folder}")))?,
                (Err(_), true) => fs::create_dir(machine.path(folder)).map_err(Failure::while_doing(format!("making {folder}")))?,
                (Err(_), false) => {}
            }
        }
        machine.link("/proc/self/fd", "dev/fd")?;
        for (file, text) in [
            ("dev/null", ""),
            (
                "etc/passwd",
                "root:x:0:0::/root:/bin/bash\nkapacitor:x:990:990::/var/lib/kapacitor:/bin/false\nmetrics:x:991:991::/srv:/bin/false\n",
            ),
            ("etc/group", "root:x:0:\nkapacitor:x:990:\nmonitoring:x:991:\n"),
            ("etc/fstab", "# As the image has it.\nLABEL=cloudimg-rootfs / ext4 discard,errors=remount-ro 0 1\n"),
            ("etc/kapacitor/kapacitor.conf", "# The package's own.\n"),
            ("state/disks", "/dev/nvme0n1 disk -\n/dev/nvme0n1p1 part /\n"),
            ("state/private-name", "ip-10-0-0-7.ec2.internal\n"),
            ("record/calls", ""),
        ] {
            machine.write(file, text)?;
        }
        let stub = fs::read_to_string(scripts().join("stub.sh")).map_err(Failure::while_doing("reading stub.sh"))?;
        machine.write("stubs/.stub", &stub)?;
        fs::set_permissions(machine.path("stubs/.stub"), Permissions::from_mode(0o755)).map_err(Failure::while_doing("making a stub"))?;
        for name in STUBS {
            machine.stub(name)?;
        }
        Ok(machine)
    }

    /// A path within.
    #[must_use]
    pub fn path(&self, inside: &str) -> PathBuf {
        self.root.path().join(inside.trim_start_matches('/'))
    }

    /// Writes a file.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn write(&self, inside: &str, text: &str) -> Result<(), Failure> {
        let path = self.path(inside);
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent).map_err(Failure::while_doing(format!("making {}", parent.display())))?;
        }
        fs::write(&path, text).map_err(Failure::while_doing(format!("writing {}", path.display())))
    }

    /// Reads a file; empty when there is none.
    #[must_use]
    pub fn read(&self, inside: &str) -> String {
        fs::read_to_string(self.path(inside)).unwrap_or_default()
    }

    /// Adds a line to a file.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn add(&self, inside: &str, line: &str) -> Result<(), Failure> {
        self.write(inside, &format!("{}{line}\n", self.read(inside)))
    }

    /// Makes a link.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn link(&self, target: &str, inside: &str) -> Result<(), Failure> {
        symlink(target, self.path(inside)).map_err(Failure::while_doing(format!("linking {inside}")))
    }

    /// One more program that `stub.sh` stands in for.
    ///
    /// # Errors
    /// When it cannot be linked.
    pub fn stub(&self, name: &str) -> Result<(), Failure> {
        self.link(".stub", &format!("stubs/{name}"))
    }

    /// Attaches an empty disk, under the name that the kernel gives it.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn attach(&self, device: &str) -> Result<(), Failure> {
        let file = File::create(self.path(device)).map_err(Failure::while_doing(format!("making {device}")))?;
        file.set_len(DISK_BYTES).map_err(Failure::while_doing(format!("making {device}")))?;
        self.add("state/disks", &format!("{device} disk -"))
    }

    /// The calls of stubbed programs since the last call of this.
    ///
    /// # Errors
    /// When the record cannot be emptied.
    pub fn calls(&self) -> Result<Vec<String>, Failure> {
        let calls = self.read("record/calls").lines().map(str::to_owned).collect();
        self.write("record/calls", "")?;
        Ok(calls)
    }

    /// Runs a script as root of this machine, to its end.
    ///
    /// # Errors
    /// When the kernel does not let this user have a root of their own, or the script does not end within two minutes.
    pub fn run(&self, script: &str) -> Result<Run, Failure> {
        self.write("script", script)?;
        Run::of(self.enter()?.args(["/bin/bash", "/script"]))
    }

    /// A command that enters the machine; its arguments are what runs there.
    ///
    /// # Errors
    /// As `run`.
    fn enter(&self) -> Result<Command, Failure> {
        // Anybody may be root of a user namespace of their own, but where that is shut off; the real root needs none.
        let ways: [&[&str]; 2] =
            [&["--user", "--map-root-user", "--mount", "--net", "--fork", "--kill-child"], &["--mount", "--net", "--fork", "--kill-child"]];
        for way in ways {
            let probe = Command::new("unshare").args(way).arg("true").stdin(Stdio::null()).output();
            if probe.map_err(Failure::while_doing("running unshare (of util-linux)"))?.status.success() {
                let mut command = Command::new("unshare");
                command.args(way).arg("/bin/sh").arg(scripts().join("enter.sh")).arg(self.root.path()).stdin(Stdio::null());
                return Ok(command);
            }
        }
        Err(Failure::new(
            "neither user namespaces (kernel.unprivileged_userns_clone, kernel.apparmor_restrict_unprivileged_userns) nor root are to be had here",
        ))
    }
}

/// The user data that the launch template of a cluster gets from these nodes, beside the least that a cluster needs: its boot script, and what
/// is combined with it. Applied in the lab, where user data can be read.
///
/// # Errors
/// When kaphost refuses.
pub fn user_data(nodes: &str) -> Result<String, Failure> {
    let kaphost = Kaphost::offline()?;
    let least = "ami \"ami-0abcd1234abcd1234\"\ninstance-type \"t3.small\"\nnetwork vpc=\"vpc-0a1b2c3d\" { subnets \"subnet-0aaa1111\"; }";
    kaphost.write("cluster.kdl", &format!("cluster \"kapacitor-stage\" region=\"us-east-1\" {{\n{least}\n{nodes}\n}}"))?;
    let run = kaphost.run(["apply", "cluster.kdl", "--auto-approve", "--cloud", "lab:lab.json"])?;
    let lab = fs::read_to_string(kaphost.folder().join("lab.json")).unwrap_or_default();
    let found = serde_json::from_str(&lab).ok().and_then(|lab| text_at(&lab, "user-data"));
    found.filter(|_| run.code == Some(0)).ok_or_else(|| Failure::new(format!("no user data in the lab: {run}")))
}

/// The first text under this key, wherever it is.
fn text_at(value: &Value, key: &str) -> Option<String> {
    match value {
        Value::Object(map) => {
            map.get(key).and_then(Value::as_str).map(str::to_owned).or_else(|| map.values().find_map(|it| text_at(it, key)))
        }
        Value::Array(list) => list.iter().find_map(|it| text_at(it, key)),
        _ => None,
    }
}

/// The folder of the stubs.
fn scripts() -> PathBuf {
    workspace().join("tests/boot")
}
