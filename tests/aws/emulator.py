"""moto as the tests need it: every call logged, faults on request, and AWS's own refusals where moto has none.

    emulator.py            serves on a free port of 127.0.0.1, prints it, ends when standard input ends

Control, all JSON, beside the AWS API:
    GET    /_calls         calls so far: [{n, service, operation, mutating, status, body}]
    DELETE /_calls         forgets them
    POST   /_faults        adds {service, operation, code, message, status, times, skip, mode, seconds}; mode is one of
                           before (an error instead of the call), after (the call is made, its answer lost: an error),
                           reset (the socket is shut), delay, hang
    DELETE /_faults        forgets them
    POST   /_crash         {at, mode}: holds the at-th mutating call and all later ones, before or after it is made
    GET    /_crash         {reached}
    DELETE /_crash         lets the held ones go unanswered
    POST   /_world         {service_status, unhealthy, ...}: how the deployed service behaves
    GET    /_state         what is there, without ids and times, to compare two worlds
    POST   /_reset         an empty account
"""

import json
import sys
import threading
import time

from werkzeug.serving import make_server

import gaps
import refusals
import state
import wire
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, MotoRequestHandler, create_backend_app

HELD_SECONDS_MAX = 60


class Emulator:
    def __init__(self):
        self.moto = DomainDispatcherApplication(create_backend_app)
        self.lock = threading.RLock()
        self.changed = threading.Condition(self.lock)
        self.calls, self.faults, self.crash, self.mutations = [], [], None, 0
        self.world = gaps.World()
        self.port = None

    def __call__(self, environ, respond):
        path = environ.get("PATH_INFO", "/")
        if path.startswith("/_"):
            return self.control(environ, respond)
        if "HTTP_AUTHORIZATION" not in environ:
            status = self.world.settings.get("service_status", 200)
            respond(f"{status} -", [("Content-Type", "text/plain")])
            return [b"{}"]
        call = wire.Call(environ)
        if "emulator-self" in environ.get("HTTP_USER_AGENT", ""):
            return self.answer(call, respond, self.perform(call))
        return self.aws(call, environ, respond)

    def aws(self, call, environ, respond):
        with self.lock:
            record = {"n": len(self.calls), "service": call.service, "operation": call.operation,
                      "mutating": call.mutating, "status": None, "body": call.shown()}
            self.calls.append(record)
            if call.mutating:
                self.mutations += 1
            fault = self.fault(call)
            crash = self.crash
            held = crash is not None and call.mutating and self.mutations >= crash["at"]
            first = held and self.mutations == crash["at"]
        if held and not (first and crash["mode"] == "after"):
            self.hold(crash)
            return self.cut(environ)
        if fault:
            mode = fault.get("mode", "before")
            if mode == "reset":
                return self.cut(environ)
            if mode in ("delay", "hang"):
                time.sleep(fault.get("seconds", 1 if mode == "delay" else HELD_SECONDS_MAX))
                if mode == "hang":
                    return self.cut(environ)
            else:
                if mode == "after":
                    self.perform(call)
                answer = wire.error(call, fault.get("code", "InternalFailure"), fault.get("message", "injected"),
                                    fault.get("status", 400))
                record["status"] = answer[0]
                return self.answer(call, respond, answer)
        answer = self.perform(call)
        record["status"] = answer[0]
        if held:
            self.hold(crash)
            return self.cut(environ)
        return self.answer(call, respond, answer)

    def perform(self, call):
        """One call at a time: moto's backends are not made for threads."""
        with self.lock:
            refusal = refusals.refuse(call)
            if refusal:
                return wire.error(call, *refusal)
            answer = self.world.answer(call)
            if answer is None:
                answer = wire.forward(self.moto, call)
                answer = self.world.mend(call, answer)
            return answer

    def fault(self, call):
        for fault in self.faults:
            if fault.get("service", call.service) != call.service:
                continue
            if fault.get("operation", call.operation) != call.operation:
                continue
            if fault.get("mutating", call.mutating) != call.mutating:
                continue
            if fault.get("skip", 0) > 0:
                fault["skip"] -= 1
                continue
            if fault.get("times", 1) > 0:
                fault["times"] = fault.get("times", 1) - 1
                return fault
        return None

    def hold(self, crash):
        with self.changed:
            crash["reached"] = True
            self.changed.wait_for(lambda: self.crash is not crash, timeout=HELD_SECONDS_MAX)

    @staticmethod
    def cut(environ):
        socket = environ.get("werkzeug.socket")
        if socket is not None:
            socket.close()
        raise ConnectionError("cut on request")

    @staticmethod
    def answer(call, respond, answer):
        status, headers, body = answer
        headers = [(name, value) for name, value in headers if name.lower() not in ("content-length", "connection")]
        respond(f"{status} -", headers + [("Content-Length", str(len(body)))])
        return [body]

    def control(self, environ, respond):
        method, path = environ["REQUEST_METHOD"], environ["PATH_INFO"]
        length = int(environ.get("CONTENT_LENGTH") or 0)
        given = json.loads(environ["wsgi.input"].read(length) or b"{}") if length else {}
        result = {}
        if (method, path) == ("GET", "/_state"):
            result = state.state(self.port)
        elif (method, path) == ("POST", "/_reset"):
            self.reset()
        else:
            with self.changed:
                if (method, path) == ("GET", "/_calls"):
                    result = self.calls
                elif (method, path) == ("DELETE", "/_calls"):
                    self.calls, self.mutations = [], 0
                elif (method, path) == ("POST", "/_faults"):
                    self.faults.append(given)
                elif (method, path) == ("DELETE", "/_faults"):
                    self.faults = []
                elif (method, path) == ("POST", "/_crash"):
                    self.crash, self.mutations = {"at": 1, "mode": "before", "reached": False} | given, 0
                elif (method, path) == ("GET", "/_crash"):
                    result = {"reached": bool(self.crash and self.crash["reached"])}
                elif (method, path) == ("DELETE", "/_crash"):
                    self.crash = None
                    self.changed.notify_all()
                elif (method, path) == ("POST", "/_world"):
                    self.world.settings |= given
        body = json.dumps(result, default=str).encode()
        respond("200 OK", [("Content-Type", "application/json"), ("Content-Length", str(len(body)))])
        return [body]

    def reset(self):
        with self.lock:
            gaps.reset()
            self.world = gaps.World()
            self.calls, self.faults, self.crash, self.mutations = [], [], None, 0
        state.prepare(self.port)


class Handler(MotoRequestHandler):
    protocol_version = "HTTP/1.1"

    def log(self, *_):
        pass


def main():
    gaps.patch()
    emulator = Emulator()
    server = make_server("127.0.0.1", 0, emulator, threaded=True, request_handler=Handler)
    emulator.port = server.server_port
    threading.Thread(target=server.serve_forever, daemon=True).start()
    state.prepare(emulator.port)
    print(emulator.port, flush=True)
    sys.stdin.read()


if __name__ == "__main__":
    main()
