"""What answers a call: moto, with hooks around single operations.

A hook is a function of the call and of what comes after it; it may refuse, change what moto answers, or answer itself:

    @around("ecs", "CreateCluster")
    def create_cluster(call, proceed):
        ...
        return proceed()
"""

import functools
import os
import threading

os.environ.setdefault("MOTO_ALLOW_NONEXISTENT_REGION", "false")

from moto.backends import get_backend
from moto.core.responses import ActionAuthenticatorMixin
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from werkzeug.test import create_environ, run_wsgi_app

from . import wire

ACCOUNT = "123456789012"
REGION = "us-east-1"

# One call at a time: moto is not made for more, and runs can be compared.
LOCK = threading.RLock()

_hooks = {}
_moto = DomainDispatcherApplication(create_backend_app)
# Moto lists its own directories for each request.
_moto.get_backend_for_host = functools.cache(_moto.get_backend_for_host)
_own = threading.local()
_tokens = {}


def around(service, *operations):
    """Puts a function around operations; the one named last is the outermost."""

    def register(hook):
        for operation in operations:
            _hooks.setdefault((service, operation), []).append(hook)
        return hook

    return register


def backend(service, region=REGION):
    """Moto's own objects."""
    return get_backend(service)[ACCOUNT]["aws" if service == "iam" else region]


def execute(call):
    """The answer to a call. The caller holds LOCK."""
    token = _token(call)
    if token and token in _tokens:
        return _tokens[token]
    hooks = _hooks.get((call.service, call.operation), [])
    try:
        if not hooks and call.protocol != wire.CBOR:
            reply = moto(call)
        else:
            reply = wire.answer(call, _through(hooks, call))
    except wire.Refused as refused:
        reply = wire.error(call, refused)
    if token and reply.status < 300:
        _tokens[token] = reply
    return reply


def _through(hooks, call):
    if hooks:
        *inner, hook = hooks
        return hook(call, lambda: _through(inner, call))
    plain = wire.as_json(call) if call.protocol == wire.CBOR else call
    return wire.result(plain, moto(plain))


def _token(call):
    """A repeated request with the same token is answered as the first was, as AWS does."""
    shape = call.model.input_shape
    for name, member in (shape.members if shape else {}).items():
        is_token = member.metadata.get("idempotencyToken") or name in (
            "ClientToken",
            "clientToken",
            "ClientRequestToken",
        )
        if is_token and call.params.get(name):
            return call.service, call.operation, call.params[name]
    return None


def moto(call):
    """Moto's own answer."""
    headers = {name: value for name, value in call.headers.items() if name != "content-length"}
    headers.setdefault("host", "127.0.0.1")
    environ = create_environ(path=call.path, method=call.method, headers=headers, data=call.body)
    body, status, answered = run_wsgi_app(_moto, environ, buffered=True)
    answered = {name.lower(): value for name, value in answered.items()}
    return wire.Reply(int(status.split()[0]), answered, b"".join(body))


def ask(service, operation, params=None):
    """A call of our own, hooks included: neither logged nor checked for permissions."""
    call = wire.request(service, operation, params or {})
    was, _own.asks = getattr(_own, "asks", False), True
    try:
        return _through(_hooks.get((service, operation), []), call)
    finally:
        _own.asks = was


def is_own():
    """Whether the call that is being answered is one of our own."""
    return getattr(_own, "asks", False)


def _unless_own(check):
    def checked(self, *arguments, **names):
        return None if is_own() else check(self, *arguments, **names)

    return checked


for _name in ("_authenticate_and_authorize_normal_action",):
    setattr(ActionAuthenticatorMixin, _name, _unless_own(getattr(ActionAuthenticatorMixin, _name)))
