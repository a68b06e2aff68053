"""Faults by rule: which calls go wrong, and how.

A rule counts the calls it matches and strikes from the `nth` on, `times` times (0: for ever). How it strikes (`fault`):
`error` answers with an AWS error and does no work; `throttle` and `server-error` are errors in the service's own words;
`drop-before` ends the connection and does no work; `drop-after` does the work and then loses the answer; `delay` makes the
call slower; `hold` does the work, keeps its answer back and lets no later call begin, until released.
"""

import threading
import time
from dataclasses import dataclass, field

from calls import Request

KINDS = ("error", "throttle", "server-error", "drop-before", "drop-after", "delay", "hold")
MAX_HOLD_S = 300  # a test that forgot to release must not hang its machine


class BadRule(ValueError):
    """A rule that cannot be understood; the text says which part and what would be right."""


@dataclass
class Rule:
    fault: str
    service: str | None = None
    action: str | None = None
    kind: str | None = None
    contains: str | None = None
    nth: int = 1
    times: int = 1
    status: int = 400
    code: str = "InternalFailure"
    message: str = "injected by a fault rule"
    delay_ms: int = 0
    seen: int = 0
    struck: int = 0

    @classmethod
    def parse(cls, data: dict) -> "Rule":
        known = set(cls.__dataclass_fields__) - {"seen", "struck"}
        if unknown := sorted(set(data) - known):
            raise BadRule(f"a rule has no field {', '.join(unknown)}: it has {', '.join(sorted(known))}")
        if data.get("fault") not in KINDS:
            raise BadRule(f"`fault` is {data.get('fault')!r}: it is one of {', '.join(KINDS)}")
        if data.get("kind") not in (None, "read", "write", "poll"):
            raise BadRule(f"`kind` is {data['kind']!r}: it is read, write or poll")
        rule = cls(**data)
        if rule.nth < 1 or rule.times < 0 or rule.delay_ms < 0:
            raise BadRule("`nth` counts from 1; `times` and `delay_ms` are not negative")
        return rule

    def strikes(self, request: Request, kind: str) -> bool:
        """Counts a call, and says whether this is one to strike."""
        if self.service not in (None, request.service) or self.action not in (None, request.action) or self.kind not in (None, kind):
            return False
        if self.contains is not None and not any(self.contains in value for value in request.parameters.values()):
            return False
        self.seen += 1
        if self.seen < self.nth or (self.times and self.struck >= self.times):
            return False
        self.struck += 1
        return True


@dataclass
class Gate:
    """The hold: after one call's work nobody gets an answer or begins, until the gate opens again.

    Calls that arrived before the held one finish. So what has been done when `wait_until_held` returns is exactly the
    work of the calls up to the held one.
    """

    _condition: threading.Condition = field(default_factory=threading.Condition)
    _holding_after: int | None = None
    _discard: bool = False
    _unfinished: set[int] = field(default_factory=set)
    _worked: bool = False
    _generation: int = 0

    def enter(self, sequence: int, hold: bool) -> bool:
        """Registers a call, in the order of arrival. False: it may not begin yet, and has to `wait`."""
        with self._condition:
            if self._holding_after is not None:
                return False
            if hold:
                self._holding_after, self._worked = sequence, False
            self._unfinished.add(sequence)
            return True

    def wait(self) -> bool:
        """Waits for the gate to open. False: the call must not be done at all."""
        with self._condition:
            return self._wait() if self._holding_after is not None else not self._discard

    def worked(self, sequence: int) -> bool:
        """Says that a call's work is done, and waits when its answer is held. False: it gets no answer."""
        with self._condition:
            self._unfinished.discard(sequence)
            held = self._holding_after == sequence
            if held:
                self._worked = True
            self._condition.notify_all()
            return self._wait() if held else True

    def _wait(self) -> bool:
        generation = self._generation
        self._condition.wait_for(lambda: self._generation != generation, MAX_HOLD_S)
        return not self._discard

    def wait_until_held(self, timeout_s: float) -> int | None:
        """The sequence number of the held call, once its work and that of all before it is done."""
        with self._condition:
            settled = self._condition.wait_for(
                lambda: self._holding_after is not None and self._worked and not self._unfinished, timeout_s
            )
            return self._holding_after if settled else None

    def release(self, discard: bool) -> None:
        """Opens the gate. With `discard`, waiting calls are dropped unanswered and undone: their client was killed."""
        with self._condition:
            self._holding_after, self._discard = None, discard
            self._generation += 1
            self._condition.notify_all()


@dataclass
class Faults:
    """The rules and the latency of one account."""

    latency_ms: int = 0
    # Whether the latency begins anew with each call that arrives, for all that wait.
    in_rounds: bool = False
    rules: list[Rule] = field(default_factory=list)
    gate: Gate = field(default_factory=Gate)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    # When the last call arrived, and the last one of a round that goes on.
    _arrived_s: float = 0.0
    _going_s: float = 0.0

    def arrive(self) -> float:
        """A call is there. Says when that is, for `pause`."""
        with self._lock:
            self._arrived_s = time.monotonic()
            return self._arrived_s

    def strike(self, request: Request, kind: str) -> Rule | None:
        """The first rule that strikes this call. Every rule counts it, struck or not."""
        with self._lock:
            struck = [rule for rule in self.rules if rule.strikes(request, kind)]
            return struck[0] if struck else None

    def pause(self, delay_ms: int, arrived_s: float) -> None:
        """What a call takes before its work. In rounds, until for so long no other call has arrived."""
        time.sleep((self.latency_ms + delay_ms) / 1000)
        while self.in_rounds and (left := self._left_s(arrived_s)) > 0:
            time.sleep(left)

    def _left_s(self, arrived_s: float) -> float:
        """How long a call still waits. Where one of a round goes on, all of it do, also one that wakes late and finds the next round begun."""
        with self._lock:
            left = self._arrived_s + self.latency_ms / 1000 - time.monotonic()
            if left <= 0:
                self._going_s = self._arrived_s
            return left if arrived_s > self._going_s else 0

    def add(self, rule: Rule) -> None:
        with self._lock:
            self.rules.append(rule)

    def clear(self) -> None:
        with self._lock:
            self.rules, self.latency_ms, self.in_rounds = [], 0, False
        self.gate.release(discard=True)
