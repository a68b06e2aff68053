//! The `kapacitor` block of a cluster as a bash script.

use std::fmt::{self, Write as _};

use kaphost_spec::{Cluster, Kapacitor, Storage};

use crate::config::{after_hostname, data_folder};
use crate::quote::{shell, toml};

/// Seconds that a boot waits for a volume. EC2 attaches the volumes of a launch template before it starts the instance; minutes pass only when
/// something is wrong.
const DEVICE_TIMEOUT_S: u32 = 300;

/// Ports below need a capability.
const FIRST_UNPRIVILEGED_PORT: u16 = 1024;

/// The user of the package's service.
const PACKAGE_USER: &str = "kapacitor";

const BEGIN: &str = include_str!("script/begin.sh");
const STORAGE: &str = include_str!("script/storage.sh");
const TLS: &str = include_str!("script/tls.sh");
const SERVICE: &str = include_str!("script/service.sh");
const END: &str = include_str!("script/end.sh");

/// A boot script. `Debug` shows its size alone: `extra-config` may hold secrets.
#[derive(Clone, PartialEq, Eq)]
pub struct Script(String);

impl Script {
    /// The script itself. Call this only to send it to EC2 or to run it.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Script {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Script({} bytes)", self.0.len())
    }
}

/// The script that sets Kapacitor up. `None` when the cluster has no `kapacitor` block.
#[must_use]
pub fn script(cluster: &Cluster) -> Option<Script> {
    let kapacitor = cluster.kapacitor.as_ref()?;
    let mut text = values(cluster, kapacitor);
    let (storage, tls) = (kapacitor.storage.is_some(), kapacitor.tls.is_some());
    let parts = [(true, BEGIN), (storage, STORAGE), (tls, TLS), (true, SERVICE)];
    text.extend(parts.iter().filter(|(used, _)| *used).map(|(_, part)| slim(part)));
    text.push_str("\nmain() {\n    trap 'failed \"$?\" \"$LINENO\" \"$BASH_COMMAND\"' ERR\n");
    let steps = [(true, "begin"), (storage, "mount_storage"), (tls, "give_tls_files"), (true, "write_config"), (true, "start_service")];
    for (_, step) in steps.iter().filter(|(used, _)| *used) {
        let _ = writeln!(text, "    {step}");
    }
    text.push_str(&slim(END));
    Some(Script(text))
}

/// Without comments, and with a tab for four spaces: EC2's 16 KiB are the user's, who can read the comments here.
fn slim(part: &str) -> String {
    let mut text = String::with_capacity(part.len());
    for line in part.lines() {
        let code = line.trim_start_matches(' ');
        if !code.starts_with('#') {
            text.extend(std::iter::repeat_n('\t', (line.len() - code.len()) / 4));
            text.extend([code, "\n"]);
        }
    }
    text
}

/// The head of the script: every value of the cluster, once.
fn values(cluster: &Cluster, kapacitor: &Kapacitor) -> String {
    let mut text = format!(
        "#!/bin/bash\n# Sets Kapacitor up, from the `kapacitor` block of the cluster {}. Runs as root at first boot; running it again is safe.\n\
         # shellcheck disable=SC2016\nset -Eeuo pipefail\n\n",
        cluster.name
    );
    let mut set = |name: &str, value: &str| {
        let _ = writeln!(text, "{name}={}", shell(value));
    };
    let yes = |yes: bool| if yes { "yes" } else { "no" };
    set("cluster", cluster.name.as_str());
    set("owner", &kapacitor.owner);
    set("http_port", &cluster.http.port.to_string());
    set("data_folder", data_folder(kapacitor));
    if let Some(Storage { device, mount_point }) = &kapacitor.storage {
        set("device", device.as_str());
        set("mount_point", mount_point);
        set("device_timeout_s", &DEVICE_TIMEOUT_S.to_string());
        set("only_volume", yes(cluster.volumes.len() == 1));
        set("from_snapshot", yes(cluster.volumes.get(device).is_some_and(|volume| volume.snapshot.is_some())));
    }
    if let Some(tls) = &kapacitor.tls {
        set("tls_certificate", &tls.certificate);
        set("tls_key", &tls.key);
    }
    set("metadata", yes(cluster.metadata.enabled));
    set("unit", &unit(cluster, kapacitor));
    set("hostname_line", &kapacitor.hostname.as_ref().map(|name| format!("hostname = {}", toml(name))).unwrap_or_default());
    set("config", after_hostname(cluster, kapacitor).trim_end());
    text
}

/// What the package's systemd unit lacks.
fn unit(cluster: &Cluster, kapacitor: &Kapacitor) -> String {
    let mut lines = vec!["# Written by kaphost at boot: what is changed here is lost.".to_owned()];
    if let Some(storage) = &kapacitor.storage {
        // On a later boot it never starts without its volume, and never writes below the mount point.
        lines.extend(["[Unit]".to_owned(), format!("RequiresMountsFor={}", storage.mount_point)]);
    }
    lines.push("[Service]".to_owned());
    if kapacitor.owner != PACKAGE_USER {
        // No group means the user's own.
        lines.extend([format!("User={}", kapacitor.owner), "Group=".to_owned()]);
    }
    if cluster.http.port < FIRST_UNPRIVILEGED_PORT {
        lines.push("AmbientCapabilities=CAP_NET_BIND_SERVICE".to_owned());
    }
    lines.join("\n")
}
