//! The policy of the guests' README and its test, word for word: rustdoc compiles the one and leaves out the other.

use kaphost_guest::{Cluster, Description, Facts, Policy, Rule, Settings, Severity, Validate, Violation, path};

struct NoPublicIp;

impl Policy for NoPublicIp {
    fn describe() -> Description {
        Description::new("no-public-ip", env!("CARGO_PKG_VERSION"), "Servers have no public address.").rule(Rule::new(
            "no-public-ip",
            Severity::High,
            "The server has no public address.",
        ))
    }
}

impl Validate for NoPublicIp {
    fn validate(cluster: &Cluster, _: &Facts, _: &Settings) -> Vec<Violation> {
        let violation = Violation::new("no-public-ip", path::PUBLIC_IP, "the server has a public address");
        if cluster.network.public_ip { vec![violation.help("write `public-ip=#false`")] } else { vec![] }
    }
}

kaphost_guest::export_policy!(NoPublicIp: validator);

#[test]
fn a_public_address_is_refused() {
    let mut cluster = kaphost_guest::testing::cluster();
    cluster.network.public_ip = true;
    assert_eq!(kaphost_guest::testing::validate::<NoPublicIp>(&cluster, &Settings::new()).len(), 1);
}
