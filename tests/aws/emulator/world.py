"""What moto does not keep: settings of the emulator, attributes that moto forgets, and things on their way.

Nothing here knows a clock: time passes with every look, so that a run is the same each time.
"""

from dataclasses import dataclass


@dataclass
class Settings:
    """How slow and how unlucky this AWS is; changed by POST /_settings."""

    # Looks (describes) until: a balancer is active, a target healthy, a task running, an instance refresh done, a
    # database available or gone, a deleted service or group gone.
    balancer_after: int = 1
    healthy_after: int = 1
    tasks_after: int = 1
    refresh_after: int = 2
    database_after: int = 2
    gone_after: int = 1
    # Looks for which the network interfaces of a deleted balancer, task or database stay.
    interfaces_linger: int = 0
    # {"reason": "Target.ResponseCodeMismatch", "description": "…"}: no target becomes healthy.
    unhealthy: dict | None = None
    # Words with which tasks of a new deployment stop: the circuit breaker sees it fail.
    tasks_stop: str = ""
    # Words with which a service says that it cannot place a task: none comes.
    tasks_wait: str = ""
    # HOST:PORT of the registry that is this account's ECR.
    registry: str = ""
    # Seconds by which groups and services are older than they are.
    age: int = 0
    # Words with which a group cannot launch an instance.
    launches_fail: str = ""
    # Words with which an instance refresh fails.
    refresh_fails: str = ""
    # Looks at a service for which it is still seen as it was before its last update.
    service_stale: int = 0
    # Refusals to delete a group that has just been emptied: its instances take that long to leave.
    instances_linger: int = 0
    # What certificates of ACM are.
    certificate: str = "ISSUED"
    # Quotas that differ from AWS's usual ones: {"application-load-balancers": 0}.
    quotas: dict | None = None


SETTINGS = Settings()

# Attributes that moto forgets: {(kind, id): {name: value}}.
_kept = {}
# Looks at things: {(kind, id): count}.
_looks = {}


def keep(kind, identity, params, *names):
    """Remembers these attributes of a request, where they are in it."""
    mine = _kept.setdefault((kind, identity), {})
    mine.update({name: params[name] for name in names if params.get(name) is not None})


def kept(kind, identity):
    return _kept.get((kind, identity), {})


def forget(kind, identity):
    _kept.pop((kind, identity), None)
    _looks.pop((kind, identity), None)


def look(kind, identity):
    """Counts one look, and says which it is (1 is the first)."""
    _looks[kind, identity] = _looks.get((kind, identity), 0) + 1
    return _looks[kind, identity]
