//! What goes wrong on purpose: faults of the wire and the service, and the slow or scarce AWS of a scenario.

use serde::Serialize;

/// How a call goes wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// AWS refuses with this status, code and message; nothing is done.
    Error {
        /// HTTP status.
        status: u16,
        /// AWS's code, such as `AuthFailure`.
        code: String,
        /// AWS's message.
        message: String,
    },
    /// Refused for its rate, in the service's own words.
    Throttle,
    /// A 500, in the service's own words.
    ServerError,
    /// The connection ends; nothing is done.
    DropBefore,
    /// The work is done, and its answer is lost.
    DropAfter,
    /// So much slower.
    Delay {
        /// Milliseconds.
        ms: u32,
    },
    /// The work is done, its answer is kept back and no later call begins, until `release`.
    Hold,
}

/// Which calls a fault strikes: those that match, from the nth on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Rule {
    fault: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    service: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    action: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    kind: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    contains: Option<String>,
    nth: u32,
    times: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    delay_ms: Option<u32>,
}

impl Rule {
    /// A rule that strikes the very next call, once. Narrow it with the methods below.
    #[must_use]
    pub fn new(fault: Fault) -> Self {
        let mut rule = Self {
            fault: "",
            service: None,
            action: None,
            kind: None,
            contains: None,
            nth: 1,
            times: 1,
            status: None,
            code: None,
            message: None,
            delay_ms: None,
        };
        rule.fault = match fault {
            Fault::Error { status, code, message } => {
                (rule.status, rule.code, rule.message) = (Some(status), Some(code), Some(message));
                "error"
            }
            Fault::Throttle => "throttle",
            Fault::ServerError => "server-error",
            Fault::DropBefore => "drop-before",
            Fault::DropAfter => "drop-after",
            Fault::Delay { ms } => {
                rule.delay_ms = Some(ms);
                "delay"
            }
            Fault::Hold => "hold",
        };
        rule
    }

    /// An error that AWS answers with status 400.
    #[must_use]
    pub fn refuse(code: &str, message: &str) -> Self {
        Self::new(Fault::Error { status: 400, code: code.to_owned(), message: message.to_owned() })
    }

    /// Only calls of this action.
    #[must_use]
    pub fn action(mut self, action: &str) -> Self {
        self.action = Some(action.to_owned());
        self
    }

    /// Only calls of this service, by its signing name.
    #[must_use]
    pub fn service(mut self, service: &str) -> Self {
        self.service = Some(service.to_owned());
        self
    }

    /// Only reads.
    #[must_use]
    pub fn reads(mut self) -> Self {
        self.kind = Some("read");
        self
    }

    /// Only writes.
    #[must_use]
    pub fn writes(mut self) -> Self {
        self.kind = Some("write");
        self
    }

    /// Only calls with this text in one of their parameters.
    #[must_use]
    pub fn containing(mut self, text: &str) -> Self {
        self.contains = Some(text.to_owned());
        self
    }

    /// Not the first call that matches but the nth, counted from 1 and from now.
    #[must_use]
    pub fn nth(mut self, nth: u32) -> Self {
        self.nth = nth;
        self
    }

    /// So many calls from the nth on.
    #[must_use]
    pub fn times(mut self, times: u32) -> Self {
        self.times = times;
        self
    }

    /// Every call from the nth on.
    #[must_use]
    pub fn for_ever(self) -> Self {
        self.times(0)
    }
}

/// What AWS does by itself. Fields that are `None` stay as they are.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Scenario {
    /// So many launches fail; a negative number: all of them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub launch_failures: Option<i32>,
    /// The code they fail with: `InsufficientInstanceCapacity` unless said otherwise.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub launch_failure_code: Option<String>,
    /// The message they fail with.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub launch_failure_message: Option<String>,
    /// A new instance stays `Pending` for so many descriptions of its group.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pending_polls: Option<u32>,
    /// A new instance profile is invisible to so many calls of `CreateAutoScalingGroup`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub profile_lag_calls: Option<u32>,
    /// A group deleted by force is still described, as `Delete in progress`, so many times.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub delete_polls: Option<u32>,
}
