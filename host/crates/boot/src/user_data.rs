//! The user data of a cluster: its own, the boot script, or both.

use kaphost_spec::{Cluster, Path, UserData};

use crate::multipart::{Part, document, looks_like_mime};
use crate::script;

/// The config's own user data. Scripts run in the order of their names.
const OWN_PART: &str = "10-user-data";
/// After every name that cloud-init gives (`part-001`), and so last: what user data installs and fetches is there when Kapacitor is set up.
const BOOT_PART: &str = "zz-kaphost-boot";

/// User data, boot script included, that EC2 would refuse.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the boot script{} is {bytes} bytes long", if *.combined { " together with `user-data`" } else { "" })]
pub struct UserDataTooLong {
    /// Bytes of the whole.
    pub bytes: usize,
    /// Whether the config has user data of its own.
    pub combined: bool,
    /// The value that is best made shorter.
    pub path: Path,
}

/// What the launch template carries. `None` when the cluster has neither user data of its own nor a `kapacitor` block.
///
/// # Errors
/// When both together are longer than [`UserData::MAX_BYTES`].
pub fn user_data(cluster: &Cluster) -> Result<Option<UserData>, UserDataTooLong> {
    let Some(script) = script(cluster) else { return Ok(cluster.user_data.clone()) };
    let boot = Part { name: BOOT_PART, text: script.text() };
    let text = match &cluster.user_data {
        None if !looks_like_mime(boot.text) => boot.text.to_owned(),
        None => document(&[boot]),
        Some(own) => document(&[Part { name: OWN_PART, text: own.expose() }, boot]),
    };
    let bytes = text.len();
    let combined = cluster.user_data.is_some();
    UserData::new(text).map(Some).map_err(|_| UserDataTooLong { bytes, combined, path: longest(cluster) })
}

/// The longest of what the config puts into it.
fn longest(cluster: &Cluster) -> Path {
    let kapacitor = Path::root().field("kapacitor");
    let Some(block) = &cluster.kapacitor else { return kapacitor };
    let lengths = [
        (block.extra_config.as_ref().map_or(0, String::len), kapacitor.field("extra-config")),
        (block.influxdb.iter().map(String::len).sum(), kapacitor.field("influxdb")),
        (cluster.user_data.as_ref().map_or(0, UserData::size), Path::root().field("user-data")),
    ];
    lengths.into_iter().max_by_key(|(length, _)| *length).map_or(kapacitor, |(_, path)| path)
}
