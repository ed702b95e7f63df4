"""What goes wrong on demand, and the log of every call.

A rule names calls by pattern (`ec2:Delete*`) and says what becomes of them:
`before`: an error instead of the call; `after`: the call is executed and an error answered; `reset`, `reset-after`: the
connection breaks instead of, or after, the call; `hang`: no answer; `delay`: an answer after `seconds`.
A halt freezes everything at the k-th mutating call, before or after it is executed, so that the client can be killed.
"""

import threading
from dataclasses import asdict, dataclass
from fnmatch import fnmatchcase

from .wire import Refused

# Codes and statuses by protocol: what a service that speaks it says when it is asked too often, or forbids.
WORDS = {
    "throttle": {
        "ec2": ("RequestLimitExceeded", 503),
        "query": ("Throttling", 400),
        "json": ("ThrottlingException", 400),
        "cbor": ("Throttling", 400),
    },
    "denied": {
        "ec2": ("UnauthorizedOperation", 403),
        "query": ("AccessDenied", 403),
        "json": ("AccessDeniedException", 400),
        "cbor": ("AccessDenied", 403),
    },
}


@dataclass
class Rule:
    call: str = "*"
    code: str = "InternalFailure"
    message: str = "injected"
    status: int = 0
    mode: str = "before"
    # How often; 0 is always. `each` counts per operation.
    times: int = 1
    each: bool = False
    # So many matching calls pass first.
    skip: int = 0
    # None, or only calls that change something (true) or do not (false).
    mutating: bool | None = None
    # Sleeps until a call of this name has succeeded.
    since: str = ""
    seconds: float = 0.0


class Faults:
    """The rules, and how often each has struck."""

    def __init__(self):
        self.rules, self.struck, self.passed, self.seen = [], {}, {}, set()

    def add(self, rules):
        self.rules.extend(Rule(**rule) for rule in rules)

    def clear(self):
        self.__init__()

    def strike(self, call):
        """The rule that strikes this call, if any does."""
        for number, rule in enumerate(self.rules):
            if not fnmatchcase(call.name, rule.call) or (rule.since and rule.since not in self.seen):
                continue
            if rule.mutating is not None and rule.mutating != call.is_mutating:
                continue
            key = (number, call.name if rule.each else "")
            if self.passed.get(key, 0) < rule.skip:
                self.passed[key] = self.passed.get(key, 0) + 1
                continue
            if rule.times and self.struck.get(key, 0) >= rule.times:
                continue
            self.struck[key] = self.struck.get(key, 0) + 1
            return rule
        return None


def refusal(rule, call):
    """The error that a rule means for this call."""
    code, status = WORDS.get(rule.code, {}).get(call.protocol, (rule.code, 400))
    return Refused(code, rule.message, rule.status or status)


class Log:
    """Every call in order."""

    def __init__(self):
        self.entries, self.mutating = [], 0

    def clear(self):
        self.__init__()

    def begin(self, call, problems):
        self.mutating += call.is_mutating
        entry = {
            "call": call.name,
            "mutating": call.is_mutating,
            "params": call.params,
            "protocol": call.protocol,
            "problems": problems,
            "fault": None,
            "status": None,
            "code": None,
        }
        self.entries.append(entry)
        return entry


class Halt:
    """Freezes all at the k-th mutating call (1 is the first)."""

    def __init__(self):
        self.at, self.when, self.waiting = 0, "before", False
        self.generation = 0
        self.reached, self.thawed = threading.Event(), threading.Event()
        self.thawed.set()

    def arm(self, at, when):
        self.at, self.when, self.waiting = at, when, True
        self.reached.clear()

    def thaw(self):
        """Goes on; whoever waited is cut off."""
        self.waiting = False
        self.generation += 1
        self.reached.clear()
        self.thawed.set()

    def is_due(self, call, log, when):
        return self.waiting and call.is_mutating and log.mutating == self.at and self.when == when

    def freeze(self):
        self.waiting = False
        self.thawed.clear()
        self.reached.set()


def described(rule):
    return asdict(rule)
