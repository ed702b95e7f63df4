#!/usr/bin/env python3
"""How soon `todo-deploy local` has an instance that serves, and what a long run of it holds in memory and on disk.

    cargo build --release -p todo-deploy --no-default-features && cargo build --release -p todo-api --bin todo-api
    python3 tests/bench/local.py [--only start,memory] [--rounds 20] [--minutes 10]

TODO_DEPLOY and TODO_API name other binaries. It uses free ports and a temporary directory, and stops what it started.

start: the only instance is killed; from then until the load balancer answers 200 again, the end was noticed, a process
was started, a health check has passed and a request was routed to it. Asked every five milliseconds; at speed 1.

memory: at speed 100 everything is measured ten times as often as usual (ten times a second), and alarms, decisions and
instances come and go up to a hundred times as often, under a load that goes up and down. Every minute: resident memory
of todo-deploy, and bytes of the files that grow.
"""

import argparse
import contextlib
import http.client
import json
import os
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BINARY = os.environ.get("TODO_DEPLOY", os.path.join(ROOT, "target/release/todo-deploy"))
SERVICE = os.environ.get("TODO_API", os.path.join(ROOT, "target/release/todo-api"))
# Many, so that files grow fast enough to be seen beginning anew.
METRICS = ["memory", "network-in", "network-out", "requests-per-target", "custom:http_requests_total"]
METRICS += [f"latency-p{percent}" for percent in range(50, 100, 4)]
POLICIES = "\n".join(
    f"""[[scaling.policy]]
kind = "simple"
name = "{sign}-{metric.replace(":", "-")}"
adjustment = {adjustment}
alarm = {{ metric = "{metric}", when = "{when}", period = "60s", evaluation_periods = 1 }}"""
    for metric, sign, adjustment, when in [("cpu", "up", 1, ">= 30"), ("cpu", "down", -1, "<= 20")]
    + [(metric, "never", 1, ">= 1000000000000000") for metric in METRICS]
)


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


@contextlib.contextmanager
def local(*more):
    """`local up`; its process, its run directory and the load balancer's port."""
    with tempfile.TemporaryDirectory() as place:
        run, port = os.path.join(place, "run"), free_port()
        command = [BINARY, "local", "up", "--run-dir", run, "--program", SERVICE, "--port", str(port)]
        with open(os.path.join(place, "log"), "w") as log:
            child = subprocess.Popen([*command, "--dashboard", "off", *more], stderr=log, stdin=subprocess.DEVNULL)
        try:
            serves(port, 60)
            yield child, run, port
        finally:
            child.send_signal(signal.SIGINT)
            try:
                child.wait(30)
            except subprocess.TimeoutExpired:
                child.send_signal(signal.SIGINT)
                child.wait(30)


def answers(port, path="/api/v1/live"):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        answer.read()
        return answer.status == 200
    except OSError:
        return False
    finally:
        connection.close()


def serves(port, patience):
    deadline = time.monotonic() + patience
    while not answers(port):
        if time.monotonic() > deadline:
            sys.exit("the service does not answer")
        time.sleep(0.005)


def status(run):
    said = subprocess.run([BINARY, "local", "status", "--json", "--run-dir", run], capture_output=True, check=True)
    return json.loads(said.stdout)


def start(rounds):
    took = []
    with local("--set", "capacity.max=1") as (_, run, port):
        for _ in range(rounds):
            while (now := status(run))["group"]["healthy"] != 1:
                time.sleep(0.05)
            instance = next(one for one in now["instances"] if one["health"] == "healthy")
            began = time.monotonic()
            os.kill(int(instance["process"].removeprefix("pid ")), signal.SIGKILL)
            while answers(port):
                pass
            serves(port, 60)
            took.append(time.monotonic() - began)
            # An instance that ends soon after its start is started again with a pause; that is not measured here.
            time.sleep(1)
    took.sort()
    print(f"killed until served again, {rounds} times: median {statistics.median(took) * 1e3:.0f} ms, longest {took[-1] * 1e3:.0f} ms")


def memory(minutes):
    file = tempfile.NamedTemporaryFile("w", suffix=".toml")
    with file, described(file) as (child, run, port):
        over = threading.Event()
        loads = [threading.Thread(target=load, args=(port, over)) for _ in range(2)]
        for thread in loads:
            thread.start()
        print("minute  resident MB  timeline KB  before KB  facts KB  before KB  instances so far")
        begun = time.monotonic()
        for minute in range(minutes + 1):
            time.sleep(max(0, begun + 60 * minute - time.monotonic()))
            with open(f"/proc/{child.pid}/status") as f:
                resident = next(int(line.split()[1]) for line in f if line.startswith("VmRSS:")) / 1024
            names = ["timeline.jsonl", "timeline.jsonl.1", "facts.jsonl", "facts.jsonl.1"]
            sizes = [size(os.path.join(run, name)) / 1000 for name in names]
            newest = max(int(one["id"].removeprefix("i-")) for one in status(run)["instances"])
            print(f"{minute:6}  {resident:11.1f}  {sizes[0]:11.0f}  {sizes[1]:9.0f}  {sizes[2]:8.0f}  {sizes[3]:9.0f}  {newest}", flush=True)
        over.set()
        for thread in loads:
            thread.join()


def described(file):
    file.write("capacity = { min = 1, desired = 1, max = 3 }\nhealth_check = { replaces_instances = false }\n" + POLICIES)
    file.flush()
    return local(file.name, "--speed", "100")


def size(path):
    return os.path.getsize(path) if os.path.exists(path) else 0


def load(port, over):
    """Busy for five seconds, idle for five."""
    while not over.is_set():
        if time.monotonic() % 10 < 5:
            answers(port, "/api/v1/todos")
        else:
            time.sleep(0.1)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default="start,memory")
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--minutes", type=int, default=10)
    given = parser.parse_args()
    for binary in [BINARY, SERVICE]:
        if not os.access(binary, os.X_OK):
            sys.exit(f"{binary} is missing; the first lines of this file say how to build it")
    chosen = given.only.split(",")
    if "start" in chosen:
        start(given.rounds)
    if "memory" in chosen:
        memory(given.minutes)


if __name__ == "__main__":
    main()
