"""One AWS account of the emulator: its log, its faults, its scenario. Tests that use accounts of their own can share a server."""

import re
import threading
from dataclasses import asdict, dataclass, field

from calls import CallLog
from faults import Faults

DEFAULT_ACCOUNT = "123456789012"
# An access key `AKIAKAPH` + account id signs for that account. Any other key signs for the default one.
ACCESS_KEY = re.compile(r"Credential=AKIAKAPH(\d{12})/")
SCOPE = re.compile(r"Credential=[^/]+/\d{8}/([^/]+)/([^/]+)/aws4_request")


@dataclass
class Scenario:
    """What AWS does that is nobody's error: capacity that is not there, things that take a while to be seen."""

    # The next launches fail with this code and message; a negative count means for ever.
    launch_failures: int = 0
    launch_failure_code: str = "InsufficientInstanceCapacity"
    launch_failure_message: str = (
        "We currently do not have sufficient capacity in the Availability Zone you requested. "
        "Our system will be working on provisioning additional capacity."
    )
    # A new instance stays Pending for so many descriptions of its group.
    pending_polls: int = 0
    # A new instance profile is invisible to so many CreateAutoScalingGroup calls.
    profile_lag_calls: int = 0
    # A group deleted by force stays "Delete in progress" for so many descriptions.
    delete_polls: int = 0

    def set(self, data: dict) -> None:
        for key, value in data.items():
            if key not in self.__dataclass_fields__:
                raise ValueError(f"a scenario has no field {key}: it has {', '.join(self.__dataclass_fields__)}")
            if type(value) is not type(getattr(self, key)):
                raise ValueError(f"{key} is {value!r}: it takes the type of {getattr(self, key)!r}")
        for key, value in data.items():
            setattr(self, key, value)

    def as_dict(self) -> dict:
        return asdict(self)


@dataclass
class Account:
    id: str
    log: CallLog = field(default_factory=CallLog)
    faults: Faults = field(default_factory=Faults)
    scenario: Scenario = field(default_factory=Scenario)
    # What the corrections remember beside moto's own state, by correction and key. Gone with a reset.
    memory: dict = field(default_factory=dict)
    # Held for as long as it takes to give a call its place.
    order: threading.Lock = field(default_factory=threading.Lock)
    # Regions whose seed is in place.
    seeds: dict[str, dict] = field(default_factory=dict)


class Accounts:
    """All accounts, made when first asked for."""

    def __init__(self) -> None:
        self._accounts: dict[str, Account] = {}
        self._lock = threading.Lock()

    def get(self, account_id: str) -> Account:
        if not re.fullmatch(r"\d{12}", account_id):
            raise ValueError(f"{account_id!r} is no account id: it is 12 digits")
        with self._lock:
            return self._accounts.setdefault(account_id, Account(account_id))

    def forget(self, account_id: str) -> None:
        with self._lock:
            self._accounts.pop(account_id, None)


ACCOUNTS = Accounts()


def of_request(environ: dict) -> tuple[str, str, str]:
    """Account, region and service that a request is signed for."""
    authorization = environ.get("HTTP_AUTHORIZATION", "")
    key, scope = ACCESS_KEY.search(authorization), SCOPE.search(authorization)
    account = key.group(1) if key else DEFAULT_ACCOUNT
    return (account, scope.group(1), scope.group(2)) if scope else (account, "us-east-1", "unsigned")
