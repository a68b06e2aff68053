//! What the boot script fills in. Everything here ends up in a shell script and in configuration files, so nothing strange may pass.

use super::{Parts, Problems};
use crate::names::Invalid;
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
        if clean && let Err(Invalid { problem, help }) = extra_config(text) {
            require(false, at.field("extra-config"), &problem, &help);
        }
    }
    if let Some(storage) = &kapacitor.storage {
        let storage_at = at.field("storage");
        let mount_point = storage_at.field("mount-point");
        require(is_absolute(&storage.mount_point), mount_point.clone(), "is no place to mount a volume", ABSOLUTE);
        let free = !SYSTEM_FOLDERS.contains(&storage.mount_point.as_str());
        require(
            free,
            mount_point,
            "is a folder of the system: a volume on it would hide what is there",
            "mount it below: /var/lib/kapacitor",
        );
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

/// Where a server keeps itself.
const SYSTEM_FOLDERS: [&str; 19] = [
    "/bin", "/boot", "/dev", "/etc", "/home", "/lib", "/lib64", "/opt", "/proc", "/root", "/run", "/sbin", "/srv", "/sys", "/tmp", "/usr",
    "/var", "/var/lib", "/var/log",
];

/// In the one form that names it: no `.`, no `..`, no empty part, so that two names are of two places.
fn is_absolute(path: &str) -> bool {
    path.len() <= MAX_PATH
        && path.strip_prefix('/').is_some_and(|rest| rest.split('/').all(|part| !matches!(part, "" | "." | "..")))
        && path.chars().all(|c| c.is_ascii_alphanumeric() || "/._-".contains(c))
}

/// What the boot script writes itself, and who decides it.
const WRITTEN: [(&str, &str); 7] = [
    ("hostname", "`kapacitor hostname=`"),
    ("data_dir", "`kapacitor { storage … }`"),
    ("http", "`http port=` and `kapacitor { tls … }`; the rest by KAPACITOR_HTTP_… in /etc/default/kapacitor"),
    ("logging", "`kapacitor log-level=`"),
    ("replay", "`kapacitor { storage … }`"),
    ("storage", "`kapacitor { storage … }`"),
    ("task", "`kapacitor { storage … }`"),
];

/// TOML that goes together with what the boot script writes. TOML takes no table twice.
fn extra_config(text: &str) -> Result<(), Invalid> {
    use toml::de::{DeTable, DeValue};
    const APPEND: &str =
        "the one of the `kapacitor` block is the default and is named `default`: add others as `[[influxdb]]` with `default = false`";
    let document = DeTable::parse(text).map_err(|error| {
        let line = error.span().map_or(1, |span| text[..span.start].matches('\n').count() + 1);
        Invalid::new(
            format!("is no TOML: line {line} of it: {}", error.message().replace('\n', ", ")),
            "write TOML 1.0, as in kapacitor.conf",
        )
    })?;
    for (key, value) in document.get_ref() {
        let key = key.get_ref().as_ref();
        if let Some((_, by)) = WRITTEN.iter().find(|(written, _)| *written == key) {
            return Err(Invalid::new(format!("says `{key}`, which the boot script writes"), format!("it is decided by {by}")));
        }
        if key != "influxdb" {
            continue;
        }
        let DeValue::Array(entries) = value.get_ref() else {
            return Err(Invalid::new("says `influxdb` as something other than `[[influxdb]]`", APPEND));
        };
        // `influxdb = […]` cannot be added to; each entry of `[[influxdb]]` begins at its own header.
        let inline = text[..value.span().start].trim_end().ends_with('=');
        let ours = |entry: &DeTable<'_>| {
            entry.get("default").is_some_and(|default| default.get_ref().as_bool() == Some(true))
                || entry.get("name").is_some_and(|name| name.get_ref().as_str() == Some("default"))
        };
        if inline || entries.iter().any(|entry| entry.get_ref().as_table().is_none_or(ours)) {
            return Err(Invalid::new("says `influxdb` in a way that does not go together with the `kapacitor` block's", APPEND));
        }
    }
    Ok(())
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
    fn extra_config_is_toml_beside_the_boot_scripts_own() {
        for text in [
            "",
            "default-retention-policy = \"autogen\"\n[slack]\nenabled = true\n",
            "[[influxdb]]\nname = \"other\"\nurls = [\"http://other:8086\"]\n",
            "[http-post]\n[influxdb-x]\n",
        ] {
            assert_eq!(extra_config(text), Ok(()), "{text}");
        }
        for (text, says) in [
            ("[slack]\nenabled = yes\n", "is no TOML: line 2"),
            ("x = \"\"\"", "is no TOML: line 1"),
            ("hostname = \"x\"", "says `hostname`"),
            ("[http]\nwrite-tracing = true", "says `http`"),
            ("http.write-tracing = true", "says `http`"),
            ("[storage.x]", "says `storage`"),
            ("[influxdb]\nname = \"x\"", "something other than `[[influxdb]]`"),
            ("influxdb = []", "does not go together"),
            ("influxdb = [{ name = \"x\" }]", "does not go together"),
            ("[[influxdb]]\nname = \"default\"", "does not go together"),
            ("[[influxdb]]\nname = \"x\"\ndefault = true", "does not go together"),
        ] {
            let problem = extra_config(text).unwrap_err().problem;
            assert!(problem.contains(says), "{text}: {problem}");
        }
    }

    #[test]
    fn nothing_of_the_shell_passes() {
        for text in ["$(x)", "a b", "a;b", "`x`", "a'b", "a\"b", "a\nb", "-rf"] {
            assert!(!is_user(text) && !is_hostname(text) && !is_absolute(&format!("/{text}$")), "{text}");
        }
        for path in ["/var/../etc", "var", "/", "", "//x", "/x/", "/./x"] {
            assert!(!is_absolute(path), "{path}");
        }
        assert!(is_absolute("/var/lib/kapacitor") && is_absolute("/srv/k-1/.data_x"));
    }
}
