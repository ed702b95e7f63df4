"""The socket side: HTTP on 127.0.0.1, the control endpoints of the tests, and broken connections on demand.

| endpoint | |
|---|---|
| GET, DELETE /_calls | the log of calls; empties it |
| POST, DELETE /_faults | adds rules (a list); removes all |
| POST /_settings | how slow and unlucky this AWS is: see `world.Settings` |
| GET /_state | all that exists, canonical: two runs can be compared |
| POST /_halt {"at": k, "when": "before" or "after"} | freezes at the k-th mutating call from the log's beginning |
| GET /_halted?seconds=n | waits until it is frozen: {"halted": true or false} |
| POST /_thaw | goes on; whoever was frozen is cut off |
| POST /_fork | a second emulator with the same contents: {"address": "127.0.0.1:PORT"} |
| POST /_ask {"service", "operation", "params"} | a call of the test's own, not logged |
| POST /_policy [documents] | from now on only what these IAM policies allow |
| POST /_may {"service", "operation", "params"} | whether they allow this call, which is not made: {"may": true or false} |
| POST /_quit | ends this emulator |
"""

import json
import os
import signal
import socket
import struct
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

from . import check, cloud, faults, permissions, state, wire, world


# What answers who is not AWS.
STRANGE = b"<!doctype html><head><title>404</title></head><h1>Not Found</h1><p>Nothing is here.</p>"


class Cut(Exception):
    """The connection is to break without an answer."""


class Emulator:
    """What one address serves."""

    def __init__(self):
        self.faults, self.log, self.halt = faults.Faults(), faults.Log(), faults.Halt()

    def call(self, call):
        generation = self.halt.generation
        self._wait(generation)
        with cloud.LOCK:
            if not self.halt.thawed.is_set():
                frozen = True
            else:
                frozen, reply = False, self._execute(call)
        if frozen:
            return self.call(call)
        if reply is None:
            self._wait(generation)
            raise Cut
        return reply

    def _wait(self, generation):
        self.halt.thawed.wait()
        if self.halt.generation != generation:
            raise Cut

    def _execute(self, call):
        """The reply; None when the call is frozen."""
        entry = self.log.begin(call, check.problems(call))
        if self.halt.is_due(call, self.log, "before"):
            entry["fault"] = "halt-before"
            self.halt.freeze()
            return None
        rule = self.faults.strike(call)
        entry["fault"] = rule and rule.mode
        if rule and rule.mode in ("before", "reset", "hang"):
            reply = wire.error(call, faults.refusal(rule, call))
        elif rule and rule.mode == "strange":
            reply = wire.Reply(404, {"content-type": "text/html"}, STRANGE)
        elif denied := permissions.denied(call):
            reply = wire.error(call, denied)
        else:
            reply = cloud.execute(call)
            if reply.status < 300:
                self.faults.seen.add(call.name)
            if rule and rule.mode in ("after", "reset-after"):
                reply = wire.error(call, faults.refusal(rule, call))
        entry["status"] = reply.status
        entry["code"] = None if rule and rule.mode == "strange" else _code(call, reply)
        if self.halt.is_due(call, self.log, "after"):
            entry["fault"] = "halt-after"
            self.halt.freeze()
            return None
        if rule and rule.mode.startswith("reset"):
            raise Cut
        if rule and rule.mode in ("hang", "delay"):
            reply.headers["x-wait"] = str(rule.seconds or (3600 if rule.mode == "hang" else 0))
        return reply


def _code(call, reply):
    if reply.status < 300:
        return None
    plain = wire.as_json(call) if call.protocol == wire.CBOR else call
    if call.protocol == wire.CBOR:
        return reply.headers.get("x-amzn-query-error", "").partition(";")[0]
    try:
        wire.result(plain, reply)
    except wire.Refused as refused:
        return refused.code
    return None


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, listener):
        super().__init__(listener.getsockname(), Handler, bind_and_activate=False)
        self.socket.close()
        self.socket = listener
        self.emulator = Emulator()

    def handle_error(self, request, client_address):
        if not isinstance(sys.exc_info()[1], (ConnectionError, Cut, TimeoutError)):
            super().handle_error(request, client_address)


def listen():
    listener = socket.create_server(("127.0.0.1", 0), backlog=128)
    return listener, "127.0.0.1:{}".format(listener.getsockname()[1])


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1
    disable_nagle_algorithm = True

    def log_message(self, *_):
        pass

    def _serve(self):
        body = self.rfile.read(int(self.headers.get("content-length") or 0))
        url = urlsplit(self.path)
        headers = {name.lower(): value for name, value in self.headers.items()}
        try:
            call = wire.parse(self.command, url.path, headers, body)
            reply = self.server.emulator.call(call) if call else self._control(url, body)
        except Cut:
            self._reset()
            return
        except Exception as broken:  # A slip of ours must be seen in the test, not as a lost connection.
            import traceback

            traceback.print_exc()
            reply = wire.Reply(500, {"content-type": "text/plain"}, repr(broken).encode())
        if wait := reply.headers.pop("x-wait", None):
            time.sleep(float(wait))
        self.send_response(reply.status)
        for name, value in reply.headers.items():
            if name not in ("content-length", "connection", "date", "server", "status"):
                self.send_header(name, value)
        self.send_header("content-length", str(len(reply.body)))
        self.end_headers()
        self.wfile.write(reply.body)
        self.wfile.flush()

    do_GET = do_POST = do_DELETE = do_PUT = _serve

    def _reset(self):
        """A reset, not an orderly end."""
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close_connection = True
        self.wfile = open(os.devnull, "wb")  # Nothing more is written to the socket.
        self.connection.close()

    def _control(self, url, body):
        given = json.loads(body) if body else None
        answer = getattr(self, f"_{self.command.lower()}_{url.path.strip('/_')}", None)
        if answer is None:
            return _json({"error": f"no {self.command} {url.path} here"}, 404)
        return _json(answer(given, parse_qs(url.query)))

    def _get_calls(self, _given, _query):
        return self.server.emulator.log.entries

    def _delete_calls(self, _given, _query):
        self.server.emulator.log.clear()

    def _post_faults(self, given, _query):
        self.server.emulator.faults.add(given)

    def _delete_faults(self, _given, _query):
        self.server.emulator.faults.clear()

    def _post_settings(self, given, _query):
        for name, value in given.items():
            if not hasattr(world.SETTINGS, name):
                raise KeyError(name)
            setattr(world.SETTINGS, name, value)

    def _get_state(self, _given, _query):
        with cloud.LOCK:
            return state.settled()

    def _post_ask(self, given, _query):
        with cloud.LOCK:
            return cloud.ask(given["service"], given["operation"], given.get("params"))

    def _post_policy(self, given, _query):
        permissions.allow_only(given)

    def _post_may(self, given, _query):
        call = wire.request(given["service"], given["operation"], given.get("params") or {})
        with cloud.LOCK:
            return {"may": permissions.denied(call) is None}

    def _post_halt(self, given, _query):
        self.server.emulator.halt.arm(given["at"], given["when"])

    def _get_halted(self, _given, query):
        seconds = float(query.get("seconds", ["30"])[0])
        return {"halted": self.server.emulator.halt.reached.wait(seconds)}

    def _post_thaw(self, _given, _query):
        self.server.emulator.halt.thaw()

    def _post_fork(self, _given, _query):
        with cloud.LOCK:
            listener, address = listen()
            if os.fork() == 0:
                self.server.socket.close()
                serve(listener)
            listener.close()
        return {"address": address}

    def _post_quit(self, _given, _query):
        threading.Timer(0.05, os._exit, [0]).start()


def _json(value, status=200):
    text = json.dumps(value, default=_plain, sort_keys=True)
    return wire.Reply(status, {"content-type": "application/json"}, text.encode())


def _plain(value):
    return value.decode(errors="replace") if isinstance(value, bytes) else str(value)


def serve(listener):
    """Until the end: /_quit, or the end of whoever holds our standard input."""
    # Of a fork, only the thread that forked is left, which holds the lock.
    cloud.LOCK = threading.RLock()
    signal_children()
    threading.Thread(target=_until_abandoned, daemon=True).start()
    try:
        Server(listener).serve_forever(poll_interval=3600)
    finally:
        os._exit(0)


def signal_children():
    """Nobody waits for forks."""
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGCHLD, signal.SIG_IGN)


def _until_abandoned():
    while os.read(0, 4096):
        pass
    os._exit(0)
