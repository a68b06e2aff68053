//! Every way in which a call fails, up to the error that people read.

use aws_credential_types::provider::error::CredentialsError;
use aws_credential_types::provider::{ProvideCredentials, future};
use aws_sdk_ec2::config::retry::RetryConfig;
use kaphost_apply::{Cloud as _, CloudError, ErrorKind};
use kaphost_plan::{Action, Call};

use super::server::{Server, ec2_error, query_error};
use super::{REGION, aws, query};
use crate::{Aws, ConnectOptions, connect};

fn delete_group() -> Call {
    Action::DeleteSecurityGroup { id: "sg-1".into() }
}

async fn refused(answer: (u16, String), call: &Call) -> CloudError {
    let server = Server::start(move |_| answer.clone());
    aws(&server.url).await.act(call).await.unwrap_err()
}

#[tokio::test]
async fn a_refusal_of_ec2() {
    let error = refused(ec2_error(400, "DependencyViolation", "resource sg-1 has a dependent object"), &delete_group()).await;
    let expected = CloudError {
        kind: ErrorKind::InUse,
        operation: "DeleteSecurityGroup".into(),
        code: Some("DependencyViolation".into()),
        message: "resource sg-1 has a dependent object".into(),
        request_id: Some("req-2".into()),
    };
    assert_eq!(error, expected);
}

#[tokio::test]
async fn a_refusal_of_iam_and_of_auto_scaling() {
    let error = refused(query_error(409, "DeleteConflict", "must detach"), &Action::DeleteRole { name: "r".into() }).await;
    assert_eq!((error.kind, error.request_id.as_deref()), (ErrorKind::InUse, Some("req-2")));
    let error = refused(query_error(500, "ResourceContention", "busy"), &Action::DeleteAutoScalingGroup { name: "g".into() }).await;
    assert_eq!((error.kind, error.code.as_deref()), (ErrorKind::Busy, Some("ResourceContention")));
    let not_yet = query_error(400, "ValidationError", "Invalid IAM Instance Profile name");
    let error = refused(not_yet, &Action::DeleteAutoScalingGroup { name: "g".into() }).await;
    assert_eq!(error.kind, ErrorKind::NotVisibleYet);
}

#[tokio::test]
async fn credentials_that_are_refused_say_what_to_do() {
    let error =
        refused(ec2_error(401, "AuthFailure", "AWS was not able to validate the provided access credentials"), &delete_group()).await;
    assert_eq!(error.kind, ErrorKind::Credentials);
    assert!(error.message.starts_with("AWS was not able to validate"), "{error}");
    assert!(error.message.contains("AWS_PROFILE"), "{error}");
}

#[tokio::test]
async fn an_answer_that_is_no_answer() {
    let error = refused((500, "<html>Internal Server Error</html>".into()), &delete_group()).await;
    assert_eq!(error.kind, ErrorKind::Service, "{error}");
    let create = Action::CreateSecurityGroup { name: "g".into(), description: "d".into(), vpc: "vpc-1".into(), tags: [].into() };
    for body in ["not xml", "<CreateSecurityGroupResponse/>"] {
        let error = refused((200, body.into()), &create).await;
        assert_eq!(error.kind, ErrorKind::Other, "{body}: {error:?}");
        assert!(error.message.contains("the answer of http://127.0.0.1:"), "{error}");
    }
}

#[tokio::test]
async fn nobody_listens() {
    // A port that was free a moment ago.
    let url = {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        format!("http://{}", listener.local_addr().unwrap())
    };
    let error = aws(&url).await.observe(&query()).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Unreachable, "{error:?}");
    assert!(error.message.contains(&url), "{error}");
    assert!(error.message.to_lowercase().contains("refused"), "{error}");
}

#[derive(Debug)]
struct Nobody;

impl ProvideCredentials for Nobody {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        future::ProvideCredentials::ready(Err(CredentialsError::not_loaded(
            "no credentials found in chain. Attempted:\n  Environment: not set",
        )))
    }
}

#[tokio::test]
async fn no_credentials_say_what_to_do_and_call_nobody() {
    let server = Server::start(|_| (200, String::new()));
    let options = ConnectOptions { region: REGION.into(), profile: None, endpoint_url: Some(server.url.clone()) };
    let loader = connect::loader(&options).unwrap().credentials_provider(Nobody).retry_config(RetryConfig::disabled());
    let aws = Aws::from_config(&loader.load().await, REGION).unwrap();
    let error = aws.observe(&query()).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Credentials, "{error:?}");
    assert!(error.message.contains("AWS_PROFILE") && error.message.starts_with("no credentials"), "{error}");
    assert!(error.message.ends_with("Attempted: Environment: not set)"), "{error}");
    assert!(server.requests().is_empty());
}

#[tokio::test]
async fn user_data_never_reaches_an_error() {
    let call = super::requests::create_template();
    let Action::CreateLaunchTemplate { content, .. } = &call else { panic!("not a template") };
    let data = content.user_data.clone().unwrap();
    let encoded = crate::ec2::launch_template::written(content).user_data.unwrap();
    let parts = ["echo hunter2", data.expose(), &encoded[..20], &encoded];
    for part in parts {
        let error = refused(ec2_error(400, "InvalidUserData.Malformed", &format!("Invalid user data: {part}")), &call).await;
        assert!(error.message.starts_with("Invalid user data: (user data)"), "{error}");
        assert!(!error.message.contains("hunter2") && !error.message.contains(&encoded[..20]), "{error}");
    }
}
