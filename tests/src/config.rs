//! The config of a cluster, part by part, so that a test says only what it is about.

use std::collections::BTreeMap;
use std::fmt;

use crate::Seed;

/// The smallest cluster that there is, for what needs no AWS.
pub const SMALLEST: &str = r#"cluster "kapacitor-stage" region="us-east-1" {
    ami "ami-0abcd1234abcd1234"
    instance-type "t3.small"
    network vpc="vpc-0a1b2c3d" {
        subnets "subnet-0aaa1111"
    }
}
"#;

/// The smallest cluster that lets somebody log in, and that is everybody: `restrict-ssh` refuses it.
pub const OPEN: &str = r#"cluster "kapacitor-stage" region="us-east-1" {
    ami "ami-0abcd1234abcd1234"
    instance-type "t3.small"
    network vpc="vpc-0a1b2c3d" {
        subnets "subnet-0aaa1111"
    }
    ssh {
        allow cidr="0.0.0.0/0" description="everybody"
    }
}
"#;

/// A cluster file in the making. `Display` writes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// The cluster's name.
    pub name: String,
    /// The region.
    pub region: String,
    /// An image id.
    pub ami: String,
    /// For example `t3.small`.
    pub instance_type: String,
    /// The network's id.
    pub vpc: String,
    /// Ids of subnets.
    pub subnets: Vec<String>,
    /// Whether the server gets a public address.
    pub public_ip: bool,
    /// The port of SSH; 22 is left out.
    pub ssh_port: u16,
    /// The key pair.
    pub key: Option<String>,
    /// Who may log in, each as the properties of an `allow` node.
    pub ssh: Vec<String>,
    /// The properties of `root-volume`.
    pub root_volume: String,
    /// The tags.
    pub tags: BTreeMap<String, String>,
    /// Further nodes, each as it stands in the file.
    pub more: Vec<String>,
}

impl Config {
    /// The cluster `kapacitor-stage` in the seeded network: SSH from one office, an unencrypted root volume of 50 GiB, the tags that the policy `org`
    /// insists on. `org` admits it, and makes the tenancy dedicated and the volume encrypted.
    #[must_use]
    pub fn stage(seed: &Seed) -> Self {
        let tags = [("Owner", "metrics@example.com"), ("CostCenter", "4711")];
        Self {
            name: "kapacitor-stage".to_owned(),
            region: seed.region.clone(),
            ami: seed.images.first().map(|image| image.id.clone()).unwrap_or_default(),
            instance_type: "t3.small".to_owned(),
            vpc: seed.vpc.clone(),
            subnets: seed.subnets.iter().take(2).map(|subnet| subnet.id.clone()).collect(),
            public_ip: false,
            ssh_port: 22,
            key: Some(seed.key_pair.clone()),
            ssh: vec![r#"cidr="10.0.0.0/8" description="office""#.to_owned()],
            root_volume: "size=50 encrypted=#false".to_owned(),
            tags: tags.map(|(key, value)| (key.to_owned(), value.to_owned())).into(),
            more: Vec::new(),
        }
    }

    /// Another set of SSH sources.
    #[must_use]
    pub fn with_ssh(mut self, cidrs: &[&str]) -> Self {
        self.ssh = cidrs.iter().map(|cidr| format!("cidr={cidr:?} description=\"office\"")).collect();
        self
    }

    /// One more node.
    #[must_use]
    pub fn with(mut self, node: &str) -> Self {
        self.more.push(node.to_owned());
        self
    }

    /// The name of role and instance profile, which are global.
    #[must_use]
    pub fn global_name(&self) -> String {
        format!("{}-{}", self.name, self.region)
    }
}

impl fmt::Display for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let quoted: Vec<String> = self.subnets.iter().map(|subnet| format!("{subnet:?}")).collect();
        let public_ip = if self.public_ip { " public-ip=#true" } else { "" };
        let port = if self.ssh_port == 22 { String::new() } else { format!(" port={}", self.ssh_port) };
        let key = self.key.as_ref().map(|key| format!(" key={key:?}")).unwrap_or_default();
        writeln!(f, "cluster {:?} region={:?} {{", self.name, self.region)?;
        writeln!(f, "    ami {:?}", self.ami)?;
        writeln!(f, "    instance-type {:?}", self.instance_type)?;
        writeln!(f, "    network vpc={:?}{public_ip} {{", self.vpc)?;
        writeln!(f, "        subnets {}", quoted.join(" "))?;
        writeln!(f, "    }}")?;
        writeln!(f, "    ssh{port}{key} {{")?;
        for allow in &self.ssh {
            writeln!(f, "        allow {allow}")?;
        }
        writeln!(f, "    }}")?;
        writeln!(f, "    root-volume {}", self.root_volume)?;
        // Owner before CostCenter: the order does not matter to kaphost, and reads better.
        for (key, value) in self.tags.iter().rev() {
            writeln!(f, "    tag {key:?} {value:?}")?;
        }
        for node in &self.more {
            writeln!(f, "    {node}")?;
        }
        writeln!(f, "}}")
    }
}
