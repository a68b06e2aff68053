//! Facts: one read for each kind that is asked for, side by side, and what becomes of the answers.

use std::collections::BTreeSet;

use kaphost_apply::{Cloud as _, CloudError, ErrorKind};
use kaphost_spec::Ami;
use kaphost_spec::facts::{AmiFacts, Facts, FactsQuery, SubnetFacts, VpcFacts};

use super::aws;
use super::server::{Request, Server, ec2, ec2_error, query, query_error};

fn all() -> FactsQuery {
    FactsQuery {
        account: true,
        ami: Some(Ami::Id("ami-0abc".parse().unwrap())),
        subnets: BTreeSet::from(["subnet-0bbb".parse().unwrap(), "subnet-0aaa".parse().unwrap()]),
        vpc: Some("vpc-0a1b".parse().unwrap()),
    }
}

fn image(id: &str, created: &str) -> String {
    format!(
        "<item><imageId>{id}</imageId><imageState>available</imageState><imageOwnerId>099720109477</imageOwnerId><name>ubuntu</name>\
         <creationDate>{created}</creationDate><architecture>arm64</architecture><rootDeviceName>/dev/sda1</rootDeviceName></item>"
    )
}

fn images(items: &str) -> (u16, String) {
    ec2("DescribeImages", &format!("<imagesSet>{items}</imagesSet>"))
}

fn subnet(id: &str, public: bool) -> String {
    format!(
        "<item><subnetId>{id}</subnetId><availabilityZone>us-east-1b</availabilityZone><cidrBlock>10.0.1.0/24</cidrBlock>\
         <mapPublicIpOnLaunch>{public}</mapPublicIpOnLaunch></item>"
    )
}

fn answer(request: &Request) -> (u16, String) {
    let network = |cidr: &str, state: &str| {
        format!("<item><cidrBlock>{cidr}</cidrBlock><cidrBlockState><state>{state}</state></cidrBlockState></item>")
    };
    match request.action() {
        "GetCallerIdentity" => query("GetCallerIdentity", "<Account>123456789012</Account>"),
        "DescribeImages" => images(&image("ami-0abc", "2026-08-01T00:00:00.000Z")),
        "DescribeSubnets" => {
            let items = subnet("subnet-0bbb", true) + &subnet("subnet-0aaa", false);
            ec2("DescribeSubnets", &format!("<subnetSet>{items}</subnetSet>"))
        }
        "DescribeVpcs" => {
            let networks = network("10.1.0.0/16", "associated") + &network("10.0.0.0/16", "associated") + &network("10.2.0.0/16", "failed");
            let vpc = format!(
                "<vpcId>vpc-0a1b</vpcId><cidrBlock>10.0.0.0/16</cidrBlock><cidrBlockAssociationSet>{networks}</cidrBlockAssociationSet>\
                 <isDefault>true</isDefault>"
            );
            ec2("DescribeVpcs", &format!("<vpcSet><item>{vpc}</item></vpcSet>"))
        }
        other => panic!("{other} is not asked for"),
    }
}

#[tokio::test]
async fn every_kind_is_one_read_and_all_are_made_at_once() {
    let server = Server::start_together(4, answer);
    let facts = aws(&server.url).await.facts(&all()).await.unwrap();
    assert_eq!(server.actions(), ["DescribeImages", "DescribeSubnets", "DescribeVpcs", "GetCallerIdentity"]);
    let told =
        |id: &str, auto_public_ip| SubnetFacts { id: id.into(), zone: "us-east-1b".into(), cidr: "10.0.1.0/24".into(), auto_public_ip };
    let expected = Facts {
        account: Some("123456789012".into()),
        ami: Some(AmiFacts {
            id: "ami-0abc".into(),
            owner: "099720109477".into(),
            name: "ubuntu".into(),
            created: "2026-08-01T00:00:00.000Z".into(),
            architecture: "arm64".into(),
            root_device: "/dev/sda1".into(),
        }),
        subnets: vec![told("subnet-0aaa", false), told("subnet-0bbb", true)],
        vpc: Some(VpcFacts { id: "vpc-0a1b".into(), cidrs: vec!["10.0.0.0/16".into(), "10.1.0.0/16".into()], is_default: true }),
    };
    assert_eq!(facts, expected);
    assert_eq!(facts.mistakes(), Vec::<String>::new());
}

#[tokio::test]
async fn what_is_not_asked_for_is_not_read() {
    let server = Server::start(answer);
    let aws = aws(&server.url).await;
    assert_eq!(aws.facts(&FactsQuery::default()).await.unwrap(), Facts::default());
    assert_eq!(server.actions(), Vec::<String>::new());
    let facts = aws.facts(&FactsQuery { account: true, ..FactsQuery::default() }).await.unwrap();
    assert_eq!(facts, Facts { account: Some("123456789012".into()), ..Facts::default() });
    assert_eq!(server.actions(), ["GetCallerIdentity"]);
}

#[tokio::test]
async fn requests_name_what_is_asked_for() {
    let server = Server::start(answer);
    let aws = aws(&server.url).await;
    aws.facts(&all()).await.unwrap();
    let lookup = Ami::Lookup { owner: "self".into(), name: "kapacitor-*".into() };
    aws.facts(&FactsQuery { ami: Some(lookup), ..FactsQuery::default() }).await.unwrap();
    let mut requests: Vec<String> = server.requests().iter().map(Request::shown).collect();
    requests.sort();
    insta::assert_snapshot!(requests.concat());
}

#[tokio::test]
async fn what_is_not_there_is_absent() {
    let nothing = |request: &Request| match request.action() {
        "DescribeImages" => ec2_error(400, "InvalidAMIID.NotFound", "no"),
        "GetCallerIdentity" => answer(request),
        action => ec2(action, ""),
    };
    let server = Server::start(nothing);
    let facts = aws(&server.url).await.facts(&all()).await.unwrap();
    assert_eq!(facts, Facts { account: Some("123456789012".into()), ..Facts::default() });
    assert_eq!(all().missing(&facts).len(), 4);
}

async fn ami(ami: Ami, items: String) -> Result<Option<AmiFacts>, CloudError> {
    let server = Server::start(move |_| images(&items));
    aws(&server.url).await.facts(&FactsQuery { ami: Some(ami), ..FactsQuery::default() }).await.map(|facts| facts.ami)
}

#[tokio::test]
async fn of_several_images_the_newest_is_told_of() {
    let lookup = || Ami::Lookup { owner: "self".into(), name: "kapacitor-*".into() };
    let [old, new] = ["2026-08-01T00:00:00.000Z", "2026-10-01T00:00:00.000Z"];
    let id = |found: Option<AmiFacts>| found.map(|image| image.id);
    let items = image("ami-3", old) + &image("ami-1", new) + &image("ami-2", old);
    assert_eq!(id(ami(lookup(), items).await.unwrap()).as_deref(), Some("ami-1"));
    // Made in the same instant: always the same one, in whatever order EC2 gives them.
    for items in [image("ami-2", new) + &image("ami-1", new), image("ami-1", new) + &image("ami-2", new)] {
        assert_eq!(id(ami(lookup(), items).await.unwrap()).as_deref(), Some("ami-2"));
    }
    assert_eq!(ami(lookup(), String::new()).await, Ok(None));
    let gone = image("ami-1", new).replace("available", "deregistered");
    assert_eq!(ami(Ami::Id("ami-1".parse().unwrap()), gone).await, Ok(None));
}

#[tokio::test]
async fn an_image_of_which_aws_says_too_little_is_an_error() {
    let silent = image("ami-1", "2026-08-01T00:00:00.000Z").replace("<rootDeviceName>/dev/sda1</rootDeviceName>", "");
    let error = ami(Ami::Id("ami-1".parse().unwrap()), silent).await.unwrap_err();
    assert_eq!(error.to_string(), "DescribeImages: AWS does not say the root device of the image ami-1");
}

#[tokio::test]
async fn a_refused_read_is_an_error() {
    for action in ["DescribeImages", "DescribeSubnets", "DescribeVpcs", "GetCallerIdentity"] {
        let server = Server::start(move |request| match request.action() {
            same if same != action => answer(request),
            "GetCallerIdentity" => query_error(403, "AccessDenied", "not authorized"),
            _ => ec2_error(403, "UnauthorizedOperation", "not authorized"),
        });
        let error = aws(&server.url).await.facts(&all()).await.unwrap_err();
        assert_eq!((error.kind, error.operation.as_str()), (ErrorKind::AccessDenied, action));
    }
}
