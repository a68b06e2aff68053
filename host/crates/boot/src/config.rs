//! `kapacitor.conf`, as Kapacitor 1.8 reads it. What is not said here has Kapacitor's own default.

use std::fmt::Write as _;

use kaphost_spec::{Cluster, Kapacitor, LogLevel};

use crate::quote::{toml, toml_array};

/// Where the package keeps data. The user of the package's service owns it.
const PACKAGE_DATA: &str = "/var/lib/kapacitor";

/// Where data is: on the volume where there is one.
pub(crate) fn data_folder(kapacitor: &Kapacitor) -> &str {
    kapacitor.storage.as_ref().map_or(PACKAGE_DATA, |storage| &storage.mount_point)
}

/// The whole file but for its `hostname`, which comes first and may be known at boot only.
pub(crate) fn after_hostname(cluster: &Cluster, kapacitor: &Kapacitor) -> String {
    let data = data_folder(kapacitor);
    let (root_keys, tables) = split(kapacitor.extra_config.as_deref().unwrap_or_default());
    let mut text = format!("data_dir = {}\n{}\n", toml(data), on_lines(root_keys));
    // The first `[[influxdb]]` of the file, so that KAPACITOR_INFLUXDB_0_… means it.
    let _ = write!(
        text,
        "[[influxdb]]\n  enabled = true\n  default = true\n  name = \"default\"\n  urls = {}\n",
        toml_array(&kapacitor.influxdb)
    );
    if kapacitor.tls.is_some() {
        text.push_str("  # InfluxDB sends what Kapacitor subscribed to, and Kapacitor listens for HTTPS alone.\n  subscription-protocol = \"https\"\n");
    }
    let _ = write!(text, "\n[http]\n  bind-address = \":{}\"\n", cluster.http.port);
    if let Some(tls) = &kapacitor.tls {
        let (certificate, key) = (toml(&tls.certificate), toml(&tls.key));
        let _ = write!(text, "  https-enabled = true\n  https-certificate = {certificate}\n  https-private-key = {key}\n");
    }
    // The file that the package rotates.
    let _ = write!(text, "\n[logging]\n  file = \"/var/log/kapacitor/kapacitor.log\"\n  level = \"{}\"\n", level(kapacitor.log_level));
    let [database, replay, task] = ["kapacitor.db", "replay", "tasks"].map(|name| toml(&format!("{data}/{name}")));
    let _ = write!(text, "\n[storage]\n  boltdb = {database}\n\n[replay]\n  dir = {replay}\n\n[task]\n  dir = {task}\n");
    if !tables.is_empty() {
        let _ = write!(text, "\n{}", on_lines(tables));
    }
    text
}

/// As Kapacitor knows them. It has no warnings, and takes `WARN` for a level that it does not know, which shows everything
/// (`services/diagnostic` of 1.8): what is at least a warning are its errors.
const fn level(level: LogLevel) -> &'static str {
    match level {
        LogLevel::Debug => "DEBUG",
        LogLevel::Info => "INFO",
        LogLevel::Warn | LogLevel::Error => "ERROR",
    }
}

/// Keys of the root, which have to stand above every table, and the rest from the first table's line on. Text that is no TOML is all rest.
fn split(extra: &str) -> (&str, &str) {
    let Ok(document) = toml::de::DeTable::parse(extra) else { return ("", extra) };
    let line = |at: usize| extra[..at].rfind('\n').map_or(0, |end| end + 1);
    let starts = document.get_ref().keys().map(|key| line(key.span().start));
    let first_table = starts.filter(|start| extra[*start..].trim_start().starts_with('[')).min();
    extra.split_at(first_table.unwrap_or(extra.len()))
}

/// Ends its last line.
fn on_lines(text: &str) -> String {
    if text.is_empty() || text.ends_with('\n') { text.to_owned() } else { format!("{text}\n") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_of_the_root_stay_above_every_table() {
        for (extra, root_keys) in [
            ("", ""),
            ("a = 1", "a = 1"),
            ("a = 1\n[slack]\nb = 2\n", "a = 1\n"),
            ("[slack]\nb = 2\n", ""),
            ("\n  [[kafka]]\n id = \"x\"\n", "\n"),
            ("a = [\n[1],\n]\nb.c = \"\"\"\n[no]\n\"\"\"\n[d.e]\n[d]\n", "a = [\n[1],\n]\nb.c = \"\"\"\n[no]\n\"\"\"\n"),
            ("this is no TOML\n[x]\n", ""),
        ] {
            let (above, below) = split(extra);
            assert_eq!(format!("{above}{below}"), extra);
            assert!(
                above.starts_with(root_keys) && !above.lines().any(|line| line.starts_with("[s") || line.starts_with("[[")),
                "{above:?}"
            );
            if !extra.contains("[d]") {
                assert_eq!(above, root_keys, "{extra:?}");
            }
        }
    }
}
