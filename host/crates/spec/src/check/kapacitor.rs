//! What the boot script fills in. Everything here ends up in a shell script and in configuration files, so nothing strange may pass.

use super::{Parts, Problems};
use crate::{Code, Path};

/// Longest path that the boot script is given.
const MAX_PATH: usize = 255;

pub(super) fn check(parts: &Parts<'_>, problems: &mut Problems) {
    let Some(kapacitor) = parts.kapacitor else { return };
    let at = Path::root().field("kapacitor");
    let mut require = |good: bool, path: Path, problem: &str, help: &str| {
        if !good {
            problems.add(Code::InvalidValue, &path, problem, help);
        }
    };
    if let Some(name) = &kapacitor.hostname {
        require(is_hostname(name), at.field("hostname"), "is no host name", "a host name looks like `kapacitor.example.com`");
    }
    for url in &kapacitor.influxdb {
        require(is_url(url), at.field("influxdb"), "is no URL", "a URL looks like `https://influxdb.example.com:8086`");
    }
    require(is_user(&kapacitor.owner), at.field("owner"), "is no user name", "a user's name is 1 to 32 of a-z, 0-9, _ and -");
    if let Some(tls) = &kapacitor.tls {
        let tls_at = at.field("tls");
        for (field, path) in [("certificate", &tls.certificate), ("key", &tls.key)] {
            require(is_absolute(path), tls_at.field(field), "is no absolute path", ABSOLUTE);
        }
    }
    if let Some(text) = &kapacitor.extra_config {
        let clean = !text.chars().any(|c| c.is_control() && !matches!(c, '\n' | '\r' | '\t'));
        require(clean, at.field("extra-config"), "holds control characters", "write plain TOML");
    }
    if let Some(storage) = &kapacitor.storage {
        let storage_at = at.field("storage");
        let good = is_absolute(&storage.mount_point) && storage.mount_point != "/";
        require(good, storage_at.field("mount-point"), "is no place to mount a volume", ABSOLUTE);
        if !parts.volumes.contains_key(&storage.device) {
            let devices: Vec<_> = parts.volumes.keys().map(|device| format!("{device}")).collect();
            let help = match devices.as_slice() {
                [] => format!("add `volume \"{}\" size=…`", storage.device),
                _ => format!("the volumes are {}", devices.join(", ")),
            };
            problems.add(Code::UnknownDevice, &storage_at.field("device"), "is none of the cluster's volumes", help);
        }
    }
    if kapacitor.influxdb.is_empty() {
        problems.add(Code::MissingValue, &at.field("influxdb"), "is empty", "name at least one: `influxdb \"http://…:8086\"`");
    }
}

const ABSOLUTE: &str = "write an absolute path of a-z, A-Z, 0-9, / . _ - and no `..`: /var/lib/kapacitor";

fn is_absolute(path: &str) -> bool {
    path.starts_with('/')
        && path.len() <= MAX_PATH
        && path.chars().all(|c| c.is_ascii_alphanumeric() || "/._-".contains(c))
        && !path.split('/').any(|part| part == "..")
}

fn is_hostname(name: &str) -> bool {
    name.len() <= 253
        && name.split('.').all(|label| {
            (1..=63).contains(&label.len())
                && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
                && !label.starts_with('-')
                && !label.ends_with('-')
        })
}

fn is_user(name: &str) -> bool {
    (1..=32).contains(&name.len())
        && name.starts_with(|c: char| c.is_ascii_lowercase() || c == '_')
        && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_' || b == b'-')
}

/// `http` or `https`, a host, perhaps a port, perhaps a path. No user and password: they would end up on disk in the clear.
fn is_url(url: &str) -> bool {
    let Some(rest) = url.strip_prefix("http://").or_else(|| url.strip_prefix("https://")) else { return false };
    let (authority, path) = rest.find('/').map_or((rest, ""), |slash| rest.split_at(slash));
    let (host, port) = match authority.strip_prefix('[').and_then(|inner| inner.split_once(']')) {
        Some((v6, port)) if v6.parse::<std::net::Ipv6Addr>().is_ok() => ("v6", port),
        Some(_) => return false,
        None => authority.find(':').map_or((authority, ""), |colon| authority.split_at(colon)),
    };
    let port_good = port.is_empty() || port.strip_prefix(':').is_some_and(|port| port.parse::<u16>().is_ok_and(|port| port > 0));
    let path_good = path.chars().all(|c| c.is_ascii_alphanumeric() || "/._-~%".contains(c));
    is_hostname(host) && port_good && path_good && url.len() <= 512
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls() {
        for url in ["http://influxdb:8086", "https://influx.example.com", "http://10.0.0.5:8086/db", "http://[2001:db8::1]:8086"] {
            assert!(is_url(url), "{url}");
        }
        for url in [
            "influxdb:8086",
            "http://",
            "http://u:p@host",
            "http://host:0",
            "http://host:99999",
            "http://h/$(rm)",
            "http://[::1",
            "ftp://h",
        ] {
            assert!(!is_url(url), "{url}");
        }
    }

    #[test]
    fn nothing_of_the_shell_passes() {
        for text in ["$(x)", "a b", "a;b", "`x`", "a'b", "a\"b", "a\nb", "-rf"] {
            assert!(!is_user(text) && !is_hostname(text) && !is_absolute(&format!("/{text}$")), "{text}");
        }
        assert!(!is_absolute("/var/../etc") && !is_absolute("var") && is_absolute("/var/lib/kapacitor"));
    }
}
