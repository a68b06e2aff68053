"""The call log: what was asked of AWS, in which order, and what could have been asked side by side."""

import hashlib
import threading
import time
from dataclasses import asdict, dataclass, field
from urllib.parse import parse_qsl, unquote

# Asked again and again while something settles; they say how long AWS took, not how the client works.
ALWAYS_POLLS = {"DescribeScalingActivities", "DescribeInstanceRefreshes"}
# Reads before the group was written to, polls after it.
POLLS_AFTER_GROUP_WRITE = {"DescribeAutoScalingGroups", "DescribeAutoScalingInstances", "DescribeInstances", "DescribeInstanceStatus"}
READ_PREFIXES = ("Describe", "Get", "List", "Head", "Simulate", "BatchGet")
# Values that may hold secrets or are long; kept as a digest and a size, which is enough to compare two calls.
DIGESTED = ("UserData", "PolicyDocument", "AssumeRolePolicyDocument")
MAX_VALUE_CHARS = 300


@dataclass(frozen=True)
class Request:
    """One AWS request as the wire shows it, before any work."""

    service: str
    region: str
    action: str
    account: str
    parameters: dict[str, str]
    version: str = ""

    @property
    def is_read(self) -> bool:
        return self.action.startswith(READ_PREFIXES)


@dataclass
class Call:
    """One call. Times are seconds on this process's monotonic clock, from arrival to the answer's leaving."""

    sequence: int
    service: str
    region: str
    action: str
    kind: str
    parameters: dict[str, str]
    started_s: float
    ended_s: float | None = None
    status: int | None = None
    error_code: str | None = None
    fault: str | None = None


def parse(environ: dict, body: bytes, account: str, service: str, region: str) -> Request:
    """Names the action of a request in any of AWS's protocols: query (EC2, IAM, Auto Scaling, STS), JSON, REST."""
    target = environ.get("HTTP_X_AMZ_TARGET", "")
    if target:
        text = body.decode("utf-8", "replace")
        return Request(service, region, target.rsplit(".", 1)[-1], account, {"body": summarise("body", text)})
    pairs = dict(parse_qsl(environ.get("QUERY_STRING", ""), keep_blank_values=True))
    if environ.get("CONTENT_TYPE", "").startswith("application/x-www-form-urlencoded"):
        pairs |= dict(parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True))
    action = pairs.pop("Action", "") or f"{environ.get('REQUEST_METHOD', 'GET').title()} {environ.get('PATH_INFO', '/')}"
    version = pairs.pop("Version", "")
    return Request(service, region, action, account, {key: summarise(key, value) for key, value in pairs.items()}, version)


def summarise(key: str, value: str) -> str:
    if key.rsplit(".", 1)[-1] in DIGESTED:
        return f"sha256:{hashlib.sha256(unquote(value).encode()).hexdigest()[:16]} ({len(value)} characters)"
    return value if len(value) <= MAX_VALUE_CHARS else value[:MAX_VALUE_CHARS] + "…"


@dataclass
class CallLog:
    """The calls of one account since the log was last cleared. Safe to use from many threads."""

    calls: list[Call] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _sequence: int = 0
    _group_written: bool = False

    def begin(self, request: Request) -> Call:
        with self._lock:
            self._sequence += 1
            call = Call(
                sequence=self._sequence,
                service=request.service,
                region=request.region,
                action=request.action,
                kind=self._kind(request),
                parameters=request.parameters,
                started_s=time.monotonic(),
            )
            self.calls.append(call)
            if call.kind == "write" and request.service == "autoscaling":
                self._group_written = True
            return call

    def _kind(self, request: Request) -> str:
        if request.action in ALWAYS_POLLS:
            return "poll"
        if request.action in POLLS_AFTER_GROUP_WRITE and self._group_written:
            return "poll"
        return "read" if request.is_read else "write"

    def end(self, call: Call, status: int | None, error_code: str | None) -> None:
        with self._lock:
            call.ended_s, call.status, call.error_code = time.monotonic(), status, error_code

    def clear(self) -> None:
        """Forgets the calls; numbers start again at 1, and group reads count as reads until the next group write."""
        with self._lock:
            self.calls, self._sequence, self._group_written = [], 0, False

    def snapshot(self) -> list[dict]:
        with self._lock:
            return [asdict(call) for call in self.calls]
