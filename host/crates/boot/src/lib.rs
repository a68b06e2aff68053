//! What a server runs at its first boot: the `kapacitor` block of a cluster as a bash script, and user data that holds it.
//!
//! Stands beside `desire`: [`Cluster`](kaphost_spec::Cluster) → [`UserData`](kaphost_spec::UserData), the text that the launch template
//! carries. Pure: the same cluster gives the same bytes, so that a plan is empty when nothing changed.
//!
//! The script names every value of the cluster once, quoted, in its head; all that follows is the same for every cluster, but for parts
//! that a cluster has no use for. It may run again at any time. What it deliberately does not do: install anything (the image and
//! `user-data`, which runs first, bring Kapacitor), make certificates, or carry secrets beyond what the config puts into it.
//!
//! ```
//! use kaphost_spec::{ConfigSource, NoLookup, parse};
//!
//! let text = r#"
//!     cluster "kapacitor-stage" region="us-east-1" {
//!         ami "ami-0abcd1234abcd1234"
//!         instance-type "t3.small"
//!         network vpc="vpc-0a1b2c3d" { subnets "subnet-0aaa1111"; }
//!         kapacitor { influxdb "http://influxdb.example.com:8086"; }
//!     }
//! "#;
//! let file = parse(ConfigSource::new("cluster.kdl", text), &NoLookup)?;
//! let script = kaphost_boot::script(&file.specs[0].cluster).expect("the cluster has a `kapacitor` block");
//! assert!(script.text().starts_with("#!/bin/bash\n"));
//! assert!(script.text().contains(r#"urls = ["http://influxdb.example.com:8086"]"#));
//! # Ok::<(), kaphost_spec::Report>(())
//! ```

mod config;
mod multipart;
mod quote;
mod script;
mod user_data;

pub use script::{Script, script};
pub use user_data::{UserDataTooLong, user_data};
