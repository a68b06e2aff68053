//! Which modules are converted, and what is known of names: files, variables, locals, functions, providers.

use std::time::{Duration, Instant};

use kaphost_convert::{Code, Conversion, Finding, Outcome, Request, Severity, convert};
use kaphost_spec::ConfigSource;

use crate::support::{converted, read, shown, told};

const NEEDED: &str = r#"
  ami_id        = "ami-0abcd1234abcd1234"
  instance_type = "t3.small"
  vpc_id        = "vpc-0a1b2c3d"
  subnet_ids    = ["subnet-0aaa1111"]
  user_data     = ""
"#;

fn server(label: &str, more: &str) -> String {
    format!(
        "module \"{label}\" {{\n  source = \"./kapacitor-server\"\n  cluster_name = \"{}\"{NEEDED}{more}\n}}\n",
        label.replace('_', "-")
    )
}

const PROVIDER: &str = "provider \"aws\" {\n  region = \"us-east-1\"\n}\n";

fn several(files: &[(&str, &str)]) -> Result<Conversion, Vec<Finding>> {
    convert(Request::new(files.iter().map(|(name, text)| ConfigSource::new(*name, *text)).collect()))
}

#[test]
fn files_are_read_together_and_values_outweigh_defaults() {
    let main = format!("{PROVIDER}{}", server("one", "ssh_port = var.port\nssh_key_name = local.key"));
    let variables = "variable \"port\" {\n  default = 1022\n}\nvariable \"team\" {}\nlocals {\n  key = \"${var.team}-key\"\n}\n";
    let conversion = several(&[("main.tf", &main), ("variables.tf", variables)]).unwrap();
    assert!(conversion.kdl.contains("ssh port=1022"), "{}", conversion.kdl);
    let [finding] = conversion.findings.as_slice() else { panic!("{}", shown(&conversion)) };
    // The chain is told from the argument on, each step with its place.
    insta::assert_snapshot!(finding);

    let values = "port = 2022\nteam = \"ops\"\n";
    let conversion = several(&[("main.tf", &main), ("variables.tf", variables), ("stage.tfvars", values)]).unwrap();
    assert!(conversion.findings.is_empty(), "{}", shown(&conversion));
    assert!(conversion.kdl.contains("ssh port=2022 key=\"ops-key\" // from var.port; from local.key, var.team"), "{}", conversion.kdl);
}

#[test]
fn one_module_is_chosen_by_its_label_or_all_are_converted() {
    let text = format!("{PROVIDER}{}{}", server("one", ""), server("two", ""));
    let both = converted(&text).unwrap();
    assert_eq!(both.clusters, ["one", "two"]);
    assert_eq!(read(&both).specs.len(), 2);
    let request = |label: &str| Request { module: Some(label.to_owned()), ..Request::new(vec![ConfigSource::new("main.tf", &*text)]) };
    let two = convert(request("two")).unwrap();
    assert_eq!((two.clusters.as_slice(), read(&two).specs[0].cluster.name.as_str()), (["two".to_owned()].as_slice(), "two"));
    insta::assert_snapshot!(told(&convert(request("tow")).unwrap_err()));
}

#[test]
fn a_file_without_a_server_says_what_it_holds() {
    insta::assert_snapshot!(told(&converted("").unwrap_err()));
    insta::assert_snapshot!(told(&converted("module \"x\" {\n  source = \"./influxdb-cluster\"\n}\n").unwrap_err()));
    // The name of the folder counts, not what it begins or ends with.
    for (source, is_server) in [
        ("./modules/kapacitor-server", true),
        ("./modules/kapacitor-server/", true),
        ("github.com/gruntwork-io/terraform-aws-influx//modules/kapacitor-server?ref=v0.0.2", true),
        ("kapacitor-server", true),
        ("./modules/my-kapacitor-server", false),
        ("./kapacitor-server/other", false),
        ("./x?ref=kapacitor-server", false),
    ] {
        let text = format!("{PROVIDER}{}", server("one", "").replace("./kapacitor-server", source));
        assert_eq!(converted(&text).is_ok(), is_server, "{source}");
    }
}

#[test]
fn what_is_not_hcl_is_said_with_its_place_in_each_file() {
    let findings = several(&[("a.tf", "module \"x\" {\n  source = \n}\n"), ("b.tf", "{ \"module\": {} }"), ("c.tf", "")]).unwrap_err();
    assert!(findings.iter().all(|finding| finding.code == Code::Syntax && finding.place.is_some()));
    insta::assert_snapshot!(told(&findings));
}

#[test]
fn the_region_is_the_providers() {
    let region = |text: &str| converted(text).map(|conversion| (conversion.is_usable(), conversion.kdl.lines().nth(1).unwrap().to_owned()));
    let with = |provider: &str, more: &str| region(&format!("{provider}{}", server("one", more))).unwrap();
    let two = "provider \"aws\" {\n  region = \"us-east-1\"\n}\nprovider \"aws\" {\n  alias = \"west\"\n  region = var.west\n}\nvariable \"west\" {\n  default = \"us-west-2\"\n}\n";
    assert_eq!(with(two, ""), (true, "cluster \"one\" region=\"us-east-1\" {".to_owned()));
    assert_eq!(with(two, "providers = {\n  aws = aws.west\n}"), (true, "cluster \"one\" region=\"us-west-2\" {".to_owned()));
    assert_eq!(with("", ""), (false, "cluster \"one\" region=\"REPLACE-WITH-region\" {".to_owned()));
    assert_eq!(
        with("provider \"aws\" {\n  region = var.none\n}\n", ""),
        (false, "cluster \"one\" region=\"REPLACE-WITH-region\" {".to_owned())
    );
    let asked = Request { region: Some("eu-west-1".to_owned()), ..Request::new(vec![ConfigSource::new("main.tf", server("one", ""))]) };
    assert!(convert(asked).unwrap().kdl.contains("region=\"eu-west-1\""));
}

#[test]
fn rules_go_to_the_server_whose_group_they_name() {
    let rules = |label: &str, group: &str, port: u16, cidr: &str| {
        format!(
            "module \"{label}\" {{\n  source = \"./kapacitor-security-group-rules\"\n  security_group_id = {group}\n  http_port = {port}\n  http_port_cidr_blocks = [\"{cidr}\"]\n}}\n"
        )
    };
    let text = [
        PROVIDER.to_owned(),
        server("one", ""),
        server("two", ""),
        rules("a", "module.one.security_group_id", 9092, "10.0.0.0/8"),
        rules("b", "module.one.security_group_id", 9092, "172.16.0.0/12"),
        rules("c", "module.one.security_group_id", 9093, "192.168.0.0/16"),
        rules("d", "module.two.security_group_id", 9094, "10.1.0.0/16"),
        rules("e", "\"sg-0123456789abcdef0\"", 9092, "10.2.0.0/16"),
        rules("f", "module.influxdb.security_group_id", 9092, "10.3.0.0/16"),
    ]
    .concat();
    let conversion = converted(&text).unwrap();
    insta::assert_snapshot!(shown(&conversion));
    read(&conversion);
    let of = |module: &'static str| conversion.arguments.iter().filter(move |argument| argument.module == module);
    for module in ["a", "b", "d"] {
        assert!(of(module).all(|argument| argument.outcome != Outcome::Named), "{module}");
    }
    for module in ["c", "e", "f"] {
        let named: Vec<_> = of(module).filter(|argument| argument.name != "source").map(|argument| &argument.outcome).collect();
        assert!(named.len() == 3 && named.iter().all(|outcome| **outcome == Outcome::Named), "{module}: {named:?}");
    }
}

#[test]
fn paths_of_files_start_at_the_config() {
    let path = |expression: &str, folder: &str| {
        let text = format!("{PROVIDER}{}", server("one", "").replace("user_data     = \"\"", &format!("user_data = {expression}")));
        let request = Request { folder: folder.to_owned(), ..Request::new(vec![ConfigSource::new("main.tf", text)]) };
        let kdl = convert(request).unwrap().kdl;
        kdl.lines().find_map(|line| line.trim().strip_prefix("user-data ").map(str::to_owned)).unwrap()
    };
    assert_eq!(path(r#"file("boot.sh")"#, ""), r#"(file)"boot.sh""#);
    assert_eq!(path(r#"file("${path.module}/x/boot.sh")"#, ""), r#"(file)"x/boot.sh""#);
    assert_eq!(path(r#"file("${path.root}/boot.sh")"#, "../tf"), r#"(file)"../tf/boot.sh""#);
    assert_eq!(path(r#"file("/opt/boot.sh")"#, "../tf"), r#"(file)"/opt/boot.sh""#);
    assert_eq!(path(r#"file("../boot.sh")"#, ""), r#"(file)"../boot.sh""#);
}

#[test]
fn a_function_is_worked_out_or_named() {
    let value = |expression: &str| {
        let conversion = converted(&format!("{PROVIDER}{}", server("one", &format!("ssh_key_name = {expression}")))).unwrap();
        let key = conversion.kdl.lines().find_map(|line| line.trim().strip_prefix("ssh key=").map(str::to_owned));
        key.or_else(|| conversion.findings.first().map(|finding| finding.message.clone())).unwrap_or_default()
    };
    for (expression, expected) in [
        (r#"join("-", ["a", 1, true])"#, r#""a-1-true""#),
        (r#"upper(trimspace(" ops "))"#, r#""OPS""#),
        (r#"lower(tostring("OPS"))"#, r#""ops""#),
        (r#"concat(["a"], ["b"])[1]"#, r#""b""#),
        (r#"{ a = { b = "c" } }.a["b"]"#, r#""c""#),
        (r#"tolist(toset(["b", "a", "b"]))[0]"#, r#""a""#),
        (r#"length(["a", "b"]) == 2 && !false ? "two" : "other""#, r#""two""#),
        (r#""${"a"}${1 == 1 ? "b" : "c"}""#, r#""ab""#),
        (r#""a ${~ "b" ~} c""#, r#""abc""#),
        (r#"format("%s", "a")"#, "`ssh_key_name` calls `format`, which is not worked out here"),
        (r#"join("-", "a")"#, "`ssh_key_name` calls `join` with what it does not take"),
        (r#"[for x in ["a"] : x][0]"#, "`ssh_key_name` is a `for` expression, which is not worked out here"),
        (r#""%{ if true }a%{ endif }""#, "`ssh_key_name` has a `%{ … }` directive, which is not worked out here"),
        ("1 + 1", "`ssh_key_name` is `1 + 1`, which is not worked out here"),
        ("module.other.key", "`ssh_key_name` refers to `module.other.key`, which another module gives"),
        ("terraform.workspace", "`ssh_key_name` refers to `terraform.workspace`, which only Terraform knows"),
        ("aws_key_pair.x.key_name", "`ssh_key_name` refers to `aws_key_pair.x.key_name`, a resource that Terraform makes"),
        ("var.none", "`ssh_key_name` refers to `var.none`, which these files do not declare"),
        (r#"["a"][7]"#, "`ssh_key_name` refers to `[\"a\"][7]`, which is not there"),
        (r#"file("key.txt")"#, "`ssh_key_name` wants text, which `file(\"key.txt\")` is not"),
        (r#""x-${["a"]}""#, "`ssh_key_name` puts a list into a text"),
    ] {
        assert_eq!(value(expression), expected, "{expression}");
    }
}

#[test]
fn locals_that_go_in_circles_or_double_themselves_come_to_an_end() {
    let mut doubling = String::from("locals {\n  a0 = \"aaaaaaaaaaaaaaaa\"\n");
    for i in 1..60 {
        doubling += &format!("  a{i} = \"${{local.a{0}}}${{local.a{0}}}\"\n", i - 1);
    }
    doubling += "}\n";
    let circle = "locals {\n  x = local.y\n  y = \"${local.x}\"\n}\n";
    for (locals, name) in [(doubling.as_str(), "local.a59"), (circle, "local.x")] {
        let text = format!("{PROVIDER}{locals}{}", server("one", &format!("ssh_key_name = {name}")));
        let started = Instant::now();
        let conversion = converted(&text).unwrap();
        assert!(started.elapsed() < Duration::from_secs(20), "{:?}", started.elapsed());
        let [finding] = conversion.findings.as_slice() else { panic!("{}", shown(&conversion)) };
        assert_eq!((finding.code, finding.severity), (Code::NotConvertible, Severity::Warning));
        assert!(finding.message.len() < 2000, "{finding}");
    }
}

#[test]
fn uses_of_outputs_elsewhere_are_told_with_what_gives_them_now() {
    let other = "resource \"aws_iam_role_policy\" \"x\" {\n  role = module.one.iam_role_id\n}\noutput \"lc\" {\n  value = \"${module.one.launch_configuration_name}\"\n}\n";
    let conversion = converted(&format!("{PROVIDER}{}{other}", server("one", ""))).unwrap();
    assert!(conversion.is_usable());
    insta::assert_snapshot!(told(&conversion.findings));
}
