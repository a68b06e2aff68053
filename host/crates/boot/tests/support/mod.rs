//! Clusters for tests, from KDL.

#![expect(clippy::panic, reason = "tests may fail loudly")]

use std::sync::Arc;

use kaphost_spec::{Cluster, ConfigSource, NoLookup, parse};

/// A cluster with these nodes beside the least that one needs.
pub(crate) fn cluster(nodes: &str) -> Cluster {
    let text = format!(
        r#"cluster "kapacitor-stage" region="us-east-1" {{
            ami "ami-0abcd1234abcd1234"
            instance-type "t3.small"
            network vpc="vpc-0a1b2c3d4e5f60718" {{ subnets "subnet-0aaa1111bbb22222c"; }}
            {nodes}
        }}"#
    );
    match parse(ConfigSource::new("cluster.kdl", text), &NoLookup) {
        Ok(mut file) => Arc::unwrap_or_clone(file.specs.remove(0).cluster),
        Err(report) => panic!("{report:?}"),
    }
}

/// Every value that a `kapacitor` block takes, and what else decides the script.
pub(crate) const EVERYTHING: &str = r##"
    http port=443
    metadata enabled=#false
    volume "/dev/xvdh" size=300
    volume "/dev/xvdi" size=100 snapshot="snap-0123456789abcdef0"
    kapacitor {
        hostname "kapacitor.example.com"
        influxdb "https://influxdb-1.example.com:8086" "https://influxdb-2.example.com:8086"
        storage device="/dev/xvdi" mount-point="/srv/kapacitor"
        owner "metrics"
        log-level "warn"
        tls certificate="/etc/kapacitor/tls.crt" key="/etc/kapacitor/tls.key"
        extra-config """
            default-retention-policy = "autogen"

            [slack]
              enabled = true
              channel = "#it's"

            [[influxdb]]
              name = "archive"
              urls = ["http://archive.example.com:8086"]
            """
    }"##;
