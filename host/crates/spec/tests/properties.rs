//! What holds for every config, right or wrong.

#![expect(clippy::unwrap_used, reason = "a test may fail loudly")]

use std::time::{Duration, Instant};

use kaphost_spec::{Cluster, ConfigSource, File, Leaves, Lookup, Origin, Path, Pattern, Report, parse, validate};
use proptest::prelude::*;

/// Finds something for every name.
struct Echo;

impl Lookup for Echo {
    fn env(&self, name: &str) -> Result<String, String> {
        Ok(name.to_owned())
    }

    fn file(&self, path: &str) -> Result<String, String> {
        Ok(path.to_owned())
    }
}

fn read(text: &str) -> Result<File, Report> {
    parse(ConfigSource::new("test.kdl", text), &Echo)
}

const EVERYTHING: &str = include_str!("../../../../configs/everything.kdl");

/// Each row is a node and other ways to say it. One is taken from each row; the first of most leaves the node out.
const ROWS: &[&[&str]] = &[
    &["ami \"ami-0abcd1234\"", "ami owner=\"self\" name=\"k-*\"", "ami (ssm)\"/k\"", "ami { name \"k-*\"; owner \"self\"; }"],
    &["instance-type \"t3.small\"", "instance-type \"m7i.large\""],
    &[
        "network vpc=\"vpc-1\" { subnets \"subnet-1\" \"subnet-2\"; }",
        "network { public-ip #true; vpc \"vpc-1\"; subnets \"subnet-2\" \"subnet-1\"; }",
    ],
    &["", "tenancy \"dedicated\""],
    &["", "ebs-optimized #true", "ebs-optimized #false"],
    &["", "spot", "spot max-price=\"0.05\""],
    &["", "ssh key=\"ops\" { allow cidr=\"10.0.0.0/8\"; allow security-group=\"sg-1\" description=\"x\"; }", "ssh port=23 { key \"\"; }"],
    &[
        "",
        "http { allow cidr=\"::/0\"; }",
        "http security-group=\"sg-2\" { port 80; }",
        // Sorted otherwise as networks than as texts.
        "http { allow cidr=\"9.0.0.0/8\"; allow cidr=\"10.0.0.0/8\" description=\"b\"; allow cidr=\"::/0\"; allow security-group=\"sg-1\"; }",
    ],
    &["", "egress", "egress { allow cidr=\"0.0.0.0/0\" ports=\"443\"; }", "egress { allow cidr=\"0.0.0.0/0\"; }"],
    &["", "metadata tokens=\"optional\" hop-limit=2", "metadata enabled=#false"],
    &["", "root-volume size=60", "root-volume type=\"io2\" iops=1000 encrypted=#false", "root-volume kms-key=\"alias/k\" throughput=200"],
    &["", "volume \"/dev/xvdh\" size=10", "volume \"/dev/xvdh\" size=10 snapshot=\"snap-1\" delete-on-termination=#false"],
    &["", "volume \"/dev/xvdi\" { size 20; }"],
    &["", "user-data \"echo\"", "user-data (file)\"script\""],
    &["", "scaling deletion-protection=#true { termination-policies \"Default\" \"OldestInstance\"; }", "scaling health-check=\"elb\""],
    &[
        "",
        "scaling wait-for-capacity-timeout=0",
        "rollout warmup=\"5m\"",
        "rollout strategy=\"launch-first\" auto-rollback=#false timeout=60",
    ],
    &[
        "",
        "iam boundary=\"arn:aws:iam::123456789012:policy/b\"",
        "iam profile-path=\"/m/\" { inline-policy \"p\" \"{}\"; inline-policy \"q\" \"{\\\"a\\\":[1]}\"; }",
    ],
    &["", "tag \"A\" \"1\"", "tag \"A\" \"2\"", "tag \"A\" \"1\" propagate=#false"],
    &["", "tag \"B\" (env)\"b\""],
    &[
        "",
        "kapacitor { influxdb \"http://i:8086\"; }",
        "kapacitor { influxdb \"http://i:8086\" \"http://j\"; log-level \"debug\"; hostname \"k\"; }",
    ],
];

/// Which way of each row, and in which order.
fn configs() -> impl Strategy<Value = (Vec<usize>, Vec<usize>)> {
    let choice: Vec<_> = ROWS.iter().map(|row| 0..row.len()).collect();
    (choice, Just((0..ROWS.len()).collect::<Vec<_>>()).prop_shuffle())
}

fn text(choice: &[usize], order: &[usize]) -> String {
    let mut nodes = String::new();
    for row in order {
        nodes.push_str(ROWS[*row][choice[*row]]);
        nodes.push('\n');
    }
    format!("cluster \"test-1\" region=\"us-east-1\" {{\n{nodes}}}\n")
}

/// `None` when the choice says one node twice.
fn cluster(choice: &[usize], order: &[usize]) -> Option<Cluster> {
    read(&text(choice, order)).ok().map(|file| Cluster::clone(&file.specs[0].cluster))
}

fn sound(text: &str) -> Result<(), TestCaseError> {
    match read(text) {
        Ok(file) => {
            prop_assert!(!file.specs.is_empty());
            for spec in &file.specs {
                prop_assert_eq!(validate(&spec.cluster), vec![]);
                prop_assert_eq!(spec.cluster.leaves_json(), serde_json::to_string(&spec.cluster.leaves()).unwrap());
                for (path, _) in spec.cluster.leaves() {
                    let span = spec.origins.nearest(&path);
                    let there = text.get(span.clone());
                    prop_assert!(there.is_some_and(|there| !there.is_empty()), "{path} at {span:?}");
                    // Every value may be granted by its own name.
                    prop_assert!(path.to_string().parse::<Pattern>().is_ok_and(|pattern| pattern.covers(&path)), "{path}");
                    prop_assert_eq!(path.to_string().parse::<Path>().unwrap(), path);
                }
            }
        }
        Err(report) => {
            prop_assert!(!report.diagnostics().is_empty());
            for diagnostic in report.diagnostics() {
                prop_assert!(text.get(diagnostic.span().clone()).is_some(), "{diagnostic:?}");
                prop_assert!(diagnostic.related().iter().all(|related| text.get(related.span.clone()).is_some()), "{diagnostic:?}");
                prop_assert!(diagnostic.help().is_some_and(|help| !help.is_empty()), "{diagnostic:?}");
            }
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, ..ProptestConfig::default() })]

    #[test]
    fn any_text_is_read_or_refused(text in any::<String>()) {
        sound(&text)?;
    }

    #[test]
    fn a_config_with_a_piece_cut_out_is_read_or_refused(from in 0..EVERYTHING.len(), len in 0..80_usize) {
        let from = EVERYTHING.floor_char_boundary(from);
        let to = EVERYTHING.floor_char_boundary((from + len).min(EVERYTHING.len()));
        sound(&format!("{}{}", &EVERYTHING[..from], &EVERYTHING[to.max(from)..]))?;
    }

    #[test]
    fn a_config_with_a_piece_put_in_is_read_or_refused(
        at in 0..EVERYTHING.len(),
        piece in prop::sample::select(vec!["{", "}", "\"", "/-", "/*", "#null", " x=1 ", "\n", "(env)", "=", "\u{feff}", "-1", "ü", "\"\"\"", "cluster "]),
    ) {
        let at = EVERYTHING.floor_char_boundary(at);
        sound(&format!("{}{piece}{}", &EVERYTHING[..at], &EVERYTHING[at..]))?;
    }

    #[test]
    fn a_config_with_two_pieces_swapped_is_read_or_refused(mut at in prop::array::uniform4(0..EVERYTHING.len())) {
        at.sort_unstable();
        let [a, b, c, d] = at.map(|at| EVERYTHING.floor_char_boundary(at));
        let text = [&EVERYTHING[..a], &EVERYTHING[c..d], &EVERYTHING[b..c], &EVERYTHING[a..b], &EVERYTHING[d..]].concat();
        sound(&text)?;
    }

    #[test]
    fn order_means_nothing((choice, order) in configs(), other in Just((0..ROWS.len()).collect::<Vec<_>>()).prop_shuffle()) {
        let one = cluster(&choice, &order);
        prop_assert_eq!(&one, &cluster(&choice, &other));
        if let Some(cluster) = one {
            prop_assert_eq!(validate(&cluster), vec![]);
        }
        sound(&text(&choice, &order))?;
    }

    #[test]
    fn clusters_are_equal_if_and_only_if_their_leaves_are((mut choice, order) in configs(), row in 0..ROWS.len(), way in 0..4_usize) {
        let before = cluster(&choice, &order);
        choice[row] = way % ROWS[row].len();
        let after = cluster(&choice, &order);
        if let (Some(before), Some(after)) = (before, after) {
            prop_assert_eq!(before == after, before.leaves() == after.leaves());
            // What is left out of the leaves apart is the same in both.
            let (old, new) = before.leaves_apart(&after);
            let rest = |cluster: &Cluster, apart: &Leaves| -> Leaves { cluster.leaves().into_iter().filter(|(path, _)| !apart.contains_key(path)).collect() };
            prop_assert_eq!(rest(&before, &old), rest(&after, &new));
            prop_assert_eq!(before == after, old == new);
        }
    }
}

#[test]
fn every_way_to_say_a_node_parses() {
    let order: Vec<_> = (0..ROWS.len()).collect();
    for (row, ways) in ROWS.iter().enumerate() {
        for (way, said) in ways.iter().enumerate() {
            let mut choice = vec![0; ROWS.len()];
            choice[row] = way;
            let report = read(&text(&choice, &order)).err();
            assert!(report.is_none(), "{said}: {:?}", report.map(Report::into_diagnostics));
        }
    }
}

#[test]
fn every_leaf_of_the_whole_language_points_at_what_says_it() {
    let file = read(EVERYTHING).unwrap();
    let spec = &file.specs[0];
    let mut said = 0;
    for (path, leaf) in spec.cluster.leaves() {
        if let Origin::Config(span) | Origin::Defaults(span) = spec.origins.of(&path) {
            let there = &EVERYTHING[span.clone()];
            said += 1;
            // What stands there is the value itself, or the node that is present.
            let value = match &leaf {
                kaphost_spec::Leaf::Text(text) => text.trim_start_matches("ssm:").to_owned(),
                kaphost_spec::Leaf::Texts(texts) => texts[0].clone(),
                kaphost_spec::Leaf::Int(_) | kaphost_spec::Leaf::Bool(_) | kaphost_spec::Leaf::Present => String::new(),
            };
            let same = there.contains(&value)
                || path.to_string().starts_with("user-data")
                || there.starts_with("#\"")
                || there.starts_with("\"\"\"");
            assert!(same || there.contains(|c: char| c.is_ascii_digit()), "{path} = {leaf} points at {there}");
        }
        assert_ne!(spec.origins.nearest(&path), 0..0, "{path}");
    }
    assert!(said > 60, "{said}");
}

/// Texts whose parts repeat until they are as large as a config may be. Each must be dealt with in time that grows with its length,
/// on the stack of a test's thread.
#[test]
fn hostile_texts_end_in_time() {
    const BYTES: usize = 32 * 1024;
    let fill = |piece: &str| piece.repeat(BYTES / piece.len());
    let inside = |piece: &str| format!("cluster \"c-1\" region=\"us-east-1\" {{\n{}\n}}\n", fill(piece));
    let mut texts: Vec<String> = [
        "}", "a)\n", "{", "a {", "a {\n", "/-", "/- a {", "a /-{", "/-a {}\n", "\"", "\"\"\"\n", "#", "#\"", "a \"", "(", "a=", "\\", "/*",
        "/*/", "a;", ";", "é", "a /-b ", "\u{feff}", "1 ",
    ]
    .map(fill)
    .into();
    texts.extend(
        ["tag \"A\" \"1\"\n", "nonsense\n", "ssh\n", "volume \"/dev/xvdh\" size=1\n", "zzz=1;", "/-tag {}\n", "tenancy \"x\"\n"]
            .map(inside),
    );
    texts.push(format!("/* {} */\n{}", fill("* / "), EVERYTHING));
    texts.push(format!("cluster \"c-1\" {} {{}}", fill("x=1 ")));
    texts.push(format!("cluster \"c-1\" {{ network {{ subnets {}; }}; }}", fill("\"subnet-1\" ")));
    texts.push(format!(
        "cluster \"c-1\" {{ network {{ subnets {}; }}; }}",
        (0..8000).map(|i| format!("\"subnet-{i:x}\" ")).collect::<String>()
    ));
    texts.push(format!(
        "cluster \"c-1\" {{ ssh {{ {} }}; }}",
        (0..4000).map(|i| format!("allow cidr=\"10.{}.{}.0/24\";", i / 256, i % 256)).collect::<String>()
    ));
    for text in texts {
        let start = Instant::now();
        let result = read(&text);
        let took = start.elapsed();
        let head: String = text.chars().take(40).collect();
        assert!(took < Duration::from_secs(20), "{head}: {took:?}");
        if let Err(report) = result {
            assert!(report.diagnostics().len() <= 501, "{head}: {}", report.diagnostics().len());
        }
    }
}
