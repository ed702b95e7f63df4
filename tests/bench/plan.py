#!/usr/bin/env python3
"""Measures `todo-deploy ec2|ecs plan` against the tests' imitation of AWS, and the size of the binary.

    cargo build --release -p todo-deploy
    cargo test -p e2e --test e2e aws::     # once: makes target/aws-emulator/venv
    python3 tests/bench/plan.py [--rounds 5] [--binary PATH]

For each target: `plan` where nothing exists, and where `up` has built everything. Wall time, CPU of todo-deploy alone,
and the calls that it made; medians. Loopback only: a real region is some 10 to 100 ms further away, once for each round
of calls that go out together.
"""

import argparse
import http.server
import json
import os
import statistics
import subprocess
import sys
import threading
import time
import urllib.request
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PYTHON = ROOT / "target/aws-emulator/venv/bin/python"
DNS = "taskoverflow-1.us-east-1.elb.amazonaws.com"


class Front(http.server.BaseHTTPRequestHandler):
    """Stands for the load balancer that `up` asks at its end."""

    def do_GET(self):
        self.send_response(200)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


def control(address, method, path, body=None):
    data = None if body is None else json.dumps(body).encode()
    with urllib.request.urlopen(urllib.request.Request(address + path, method=method, data=data)) as answer:
        return json.load(answer)


def run(binary, address, command, expected):
    """Wall and CPU seconds, and calls."""
    control(address, "DELETE", "/_calls")
    environment = {"PATH": os.environ["PATH"], "HOME": "/nonexistent", "AWS_ENDPOINT_URL": address,
                   "AWS_ACCESS_KEY_ID": "AKIAEXAMPLE", "AWS_SECRET_ACCESS_KEY": "x", "AWS_EC2_METADATA_DISABLED": "true"}
    begin = time.monotonic()
    child = subprocess.Popen([binary, *command], env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    text = child.stdout.read()
    _, status, usage = os.wait4(child.pid, 0)
    took = time.monotonic() - begin
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode not in expected:
        sys.exit(f"{' '.join(command)} ended with {child.returncode}:\n{text.decode()[-2000:]}")
    return took, usage.ru_utime + usage.ru_stime, len(control(address, "GET", "/_calls"))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--binary", default=ROOT / "target/release/todo-deploy", type=Path)
    parser.add_argument("--rounds", type=int, default=5)
    args = parser.parse_args()
    for needed in (args.binary, PYTHON):
        if not needed.exists():
            sys.exit(f"{needed} is missing; see --help")
    print(f"{args.binary.name}: {args.binary.stat().st_size / 1e6:.1f} MB")
    front = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Front)
    threading.Thread(target=front.serve_forever, daemon=True).start()
    emulator = subprocess.Popen([PYTHON, "-B", "-m", "emulator"], cwd=ROOT / "tests/aws", stdin=subprocess.PIPE,
                                stdout=subprocess.PIPE, text=True)
    try:
        original = "http://" + emulator.stdout.readline().strip()
        image = ["--image", "todo:1", "--registry-mirror", "none"]
        resolve = f"{DNS}:80:127.0.0.1:{front.server_address[1]}"
        for target in ("ec2", "ecs"):
            address = "http://" + control(original, "POST", "/_fork", {})["address"]
            rows = {"nothing there": [run(args.binary, address, [target, "plan", *image], (0, 2)) for _ in range(args.rounds)]}
            run(args.binary, address, [target, "up", "--yes", *image, "--resolve", resolve, "--poll", "10ms", "--timeout", "120s"], (0,))
            rows["all there"] = [run(args.binary, address, [target, "plan", *image], (0,)) for _ in range(args.rounds)]
            for name, runs in rows.items():
                wall, cpu, calls = (statistics.median(run[i] for run in runs) for i in range(3))
                print(f"{target} plan, {name + ':':15} {wall:.2f} s, CPU {cpu:.2f} s, {calls:.0f} calls", flush=True)
            control(address, "POST", "/_quit", {})
    finally:
        emulator.stdin.close()
        emulator.wait(10)
        front.shutdown()


if __name__ == "__main__":
    main()
