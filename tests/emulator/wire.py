"""AWS errors on the wire, in each service's own protocol and words."""

import json
import re
import uuid
from xml.sax.saxutils import escape

# The default namespace of each query service's answers, as its clients expect it.
NAMESPACES = {
    "autoscaling": "http://autoscaling.amazonaws.com/doc/2011-01-01/",
    "iam": "https://iam.amazonaws.com/doc/2010-05-08/",
    "sts": "https://sts.amazonaws.com/doc/2011-06-15/",
}
# EC2 says it with 503; the rest with 400. Source: each service's API reference, "Common errors".
THROTTLES = {"ec2": (503, "RequestLimitExceeded", "Request limit exceeded.")}
FAILURES = {"ec2": (500, "InternalError", "An internal error has occurred"), "iam": (500, "ServiceFailure", "Request processing has failed")}

Answer = tuple[int, list[tuple[str, str]], bytes]


def error(service: str, status: int, code: str, message: str) -> Answer:
    """An error as `service` words it."""
    request_id = str(uuid.uuid4())
    if service == "ec2":
        text = (
            f'<?xml version="1.0" encoding="UTF-8"?>\n<Response><Errors><Error><Code>{escape(code)}</Code>'
            f"<Message>{escape(message)}</Message></Error></Errors><RequestID>{request_id}</RequestID></Response>"
        )
        return status, [("Content-Type", "text/xml;charset=UTF-8")], text.encode()
    if service in NAMESPACES:
        side = "Sender" if status < 500 else "Receiver"
        text = (
            f'<ErrorResponse xmlns="{NAMESPACES[service]}"><Error><Type>{side}</Type><Code>{escape(code)}</Code>'
            f"<Message>{escape(message)}</Message></Error><RequestId>{request_id}</RequestId></ErrorResponse>"
        )
        return status, [("Content-Type", "text/xml")], text.encode()
    text = json.dumps({"__type": code, "message": message})
    return status, [("Content-Type", "application/x-amz-json-1.1"), ("x-amzn-RequestId", request_id)], text.encode()


def throttle(service: str) -> Answer:
    return error(service, *THROTTLES.get(service, (400, "Throttling", "Rate exceeded")))


def server_error(service: str) -> Answer:
    return error(service, *FAILURES.get(service, (500, "InternalFailure", "We encountered an internal error. Please try again.")))


def error_code(status: int, body: bytes) -> str | None:
    """The code of an error answer; None for an answer that is none."""
    if status < 400:
        return None
    if found := re.search(rb"<Code>([^<]+)</Code>", body):
        return found.group(1).decode()
    try:
        kind = json.loads(body).get("__type")
    except (ValueError, AttributeError):
        kind = None
    return kind.rsplit("#", 1)[-1] if isinstance(kind, str) else f"HTTP {status}"
