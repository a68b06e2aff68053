//! No text breaks out of its quotes: what a shell makes of the script's head is what the config said.

#![expect(clippy::unwrap_used, reason = "tests may fail loudly, outside of test functions too")]

mod support;

use std::process::Command;

use kaphost_spec::{Cluster, Kapacitor, Storage, Tls};
use proptest::prelude::*;
use support::{EVERYTHING, cluster};

/// What shells and TOML read something into, and any other text. No U+0000: no config holds it, and no shell.
fn hostile() -> impl Strategy<Value = String> {
    let pieces = prop_oneof![
        Just("'".to_owned()),
        Just("\"".to_owned()),
        Just("'; exit 9; '".to_owned()),
        Just("'\\''".to_owned()),
        Just("$(exit 9)`exit 9`${x}".to_owned()),
        Just("\n".to_owned()),
        Just("\\".to_owned()),
        Just("\"\"\"\n[http]\n'''".to_owned()),
        Just("\nEOF\n#".to_owned()),
        any::<String>().prop_map(|text| text.replace('\0', "")),
    ];
    proptest::collection::vec(pieces, 0..6).prop_map(|pieces| pieces.concat())
}

/// The values of a script as bash has them: its head is run, and nothing of what follows.
fn in_bash(script: &str, names: &[&str]) -> Vec<String> {
    let end = script.rfind("\nexport TZ=").unwrap();
    let printed: String = names.iter().map(|name| format!("printf '%s\\0' \"${name}\"\n")).collect();
    let output = Command::new("bash").args(["-c", &format!("{}\n{printed}", &script[..end])]).output().unwrap();
    assert!(output.status.success() && output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();
    let values: Vec<String> = text.split_terminator('\0').map(str::to_owned).collect();
    assert_eq!(values.len(), names.len(), "{text:?}");
    values
}

proptest! {
    #[test]
    fn every_text_comes_through_shell_and_toml(
        [hostname, url, owner, mount_point, certificate, key] in [hostile(), hostile(), hostile(), hostile(), hostile(), hostile()],
        urls in proptest::collection::vec(hostile(), 0..3),
    ) {
        let it = cluster(EVERYTHING);
        let block = it.kapacitor.clone().unwrap();
        let device = block.storage.clone().unwrap().device;
        let influxdb: Vec<String> = std::iter::once(url).chain(urls).collect();
        let kapacitor = Kapacitor {
            hostname: Some(hostname.clone()),
            influxdb: influxdb.clone(),
            storage: Some(Storage { device, mount_point: mount_point.clone() }),
            owner: owner.clone(),
            tls: Some(Tls { certificate: certificate.clone(), key: key.clone() }),
            extra_config: None,
            ..block
        };
        let it = Cluster { kapacitor: Some(kapacitor), ..it };
        let script = kaphost_boot::script(&it).unwrap();
        let values = in_bash(script.text(), &["owner", "mount_point", "tls_certificate", "tls_key", "hostname_line", "config"]);
        prop_assert_eq!(&values[..4], &[owner, mount_point.clone(), certificate.clone(), key.clone()]);

        let conf = format!("{}\n{}\n", values[4], values[5]);
        let conf = toml::de::DeTable::parse(&conf).unwrap().into_inner();
        let text = |table: &str, key: &str| conf[table].get_ref().as_table().unwrap()[key].get_ref().as_str().unwrap().to_owned();
        prop_assert_eq!(conf["hostname"].get_ref().as_str(), Some(hostname.as_str()));
        prop_assert_eq!(conf["data_dir"].get_ref().as_str(), Some(mount_point.as_str()));
        prop_assert_eq!(text("http", "https-certificate"), certificate);
        prop_assert_eq!(text("http", "https-private-key"), key);
        let entries = conf["influxdb"].get_ref().as_array().unwrap();
        prop_assert_eq!(entries.len(), 1);
        let urls = entries[0].get_ref().as_table().unwrap()["urls"].get_ref().as_array().unwrap();
        let urls: Vec<&str> = urls.iter().map(|url| url.get_ref().as_str().unwrap()).collect();
        prop_assert_eq!(urls, influxdb);
    }

    /// TOML that is added stands there word for word, whatever a shell would make of it.
    #[test]
    fn extra_config_is_no_ones_but_tomls(extra_config in hostile()) {
        let it = cluster(EVERYTHING);
        let kapacitor = Kapacitor { extra_config: Some(extra_config.clone()), ..it.kapacitor.clone().unwrap() };
        let script = kaphost_boot::script(&Cluster { kapacitor: Some(kapacitor), ..it }).unwrap();
        let config = in_bash(script.text(), &["config"]).remove(0);
        let text = extra_config.trim_end();
        prop_assert!(config.contains(text) || toml::de::DeTable::parse(&extra_config).is_ok_and(|it| !it.get_ref().is_empty()), "{:?} is not in {:?}", text, config);
    }
}
