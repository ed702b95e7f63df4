#!/usr/bin/env python3
"""Compares `todo-deploy balance` with HAProxy and nginx: CPU per request, latency, memory, and what fails when a target dies.

    cargo build --release -p todo-deploy --no-default-features
    python3 tests/bench/balancer.py [--rounds 5] [--seconds 5] [--threads 1] [--only speed,idle,kill,rolling]

TODO_DEPLOY names another binary. Needs haproxy, nginx and wrk (Debian: haproxy nginx-light wrk). It starts everything on free ports in a temporary
directory and stops what it started.

Two nginx targets serve one static answer. All three balancers write an access log, add forwarded headers, check the
targets and keep connections to them. Rounds are interleaved (a, b, c, a, b, c, …), so that a machine that slows down
slows all; figures are medians, ratios are of the medians. CPU is user + system time of all of a balancer's processes,
per request that wrk counted.
"""

import argparse
import contextlib
import http.client
import json
import os
import re
import resource
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BINARY = os.environ.get("TODO_DEPLOY", os.path.join(ROOT, "target/release/todo-deploy"))
TICK = os.sysconf("SC_CLK_TCK")
BODY = json.dumps([{"id": n, "title": "Write the report", "description": "as agreed on Monday"} for n in range(26)])


def program(name):
    found = shutil.which(name) or shutil.which(name, path="/usr/sbin:/sbin")
    if not found:
        sys.exit(f"{name} is missing; on Debian: apt-get install haproxy nginx-light wrk")
    return found


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def family(pid):
    """The process and its children."""
    pids = [pid]
    for other in filter(str.isdigit, os.listdir("/proc")):
        with contextlib.suppress(OSError, IndexError):
            with open(f"/proc/{other}/stat") as f:
                if int(f.read().rsplit(")", 1)[1].split()[1]) == pid:
                    pids.append(int(other))
    return pids


def cpu_seconds(pid):
    ticks = 0
    for each in family(pid):
        with contextlib.suppress(OSError):
            with open(f"/proc/{each}/stat") as f:
                fields = f.read().rsplit(")", 1)[1].split()
                ticks += int(fields[11]) + int(fields[12])
    return ticks / TICK


def memory_mb(pid):
    total = 0.0
    for each in family(pid):
        with contextlib.suppress(OSError):
            with open(f"/proc/{each}/status") as f:
                total += int(re.search(r"VmRSS:\s+(\d+)", f.read())[1]) / 1024
    return total


def answers(port, path="/"):
    with contextlib.suppress(OSError, http.client.HTTPException):
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=2)
        connection.request("GET", path)
        return connection.getresponse().status
    return None


def wait_for(port, path="/"):
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        if answers(port, path) == 200:
            return
        time.sleep(0.02)
    raise RuntimeError(f"nothing answers 200 on port {port}")


class Process:
    def __init__(self, command, port, **more):
        self.port = port
        self.process = subprocess.Popen(command, stderr=subprocess.DEVNULL, **more)
        self.pid = self.process.pid

    def stop(self, how=signal.SIGTERM):
        """Asks it to end, its master first: one that is killed leaves its workers behind."""
        if self.process.poll() is None:
            self.process.send_signal(how)
        try:
            self.process.wait(5)
        except subprocess.TimeoutExpired:
            for each in reversed(family(self.pid)):
                with contextlib.suppress(OSError):
                    os.kill(each, signal.SIGKILL)
            self.process.wait()


def target(directory, port):
    """One nginx process that serves a static answer."""
    home = os.path.join(directory, f"target{port}")
    os.makedirs(home, exist_ok=True)
    with open(os.path.join(home, "body.json"), "w") as f:
        f.write(BODY)
    config = os.path.join(home, "nginx.conf")
    with open(config, "w") as f:
        f.write(f"""daemon off; master_process off; pid {home}/pid; error_log /dev/null;
events {{ worker_connections 4096; }}
http {{ access_log off; keepalive_requests 100000000; open_file_cache max=10; default_type application/json;
  client_body_temp_path {home}; proxy_temp_path {home}; fastcgi_temp_path {home}; uwsgi_temp_path {home}; scgi_temp_path {home};
  server {{ listen 127.0.0.1:{port} backlog=1024; location / {{ root {home}; try_files /body.json =404; }} }} }}""")
    started = Process([program("nginx"), "-c", config, "-p", home], port)
    wait_for(port)
    return started


def ours(directory, ports, threads):
    port, admin = free_port(), free_port()
    command = [BINARY, "balance", "--listen", f"127.0.0.1:{port}", "--workers", str(threads), "--check-interval", "1s",
               "--check-timeout", "1s", "--grace", "1s", "--access-log", f"{directory}/ours.log", "--admin", f"127.0.0.1:{admin}"]
    for each in ports:
        command += ["--target", f"127.0.0.1:{each}"]
    started = Process(command, port)
    started.admin = admin
    return started


def haproxy(directory, ports, threads):
    port, config = free_port(), f"{directory}/haproxy.cfg"
    servers = "\n".join(f"  server s{p} 127.0.0.1:{p} check inter 1s" for p in ports)
    with open(config, "w") as f:
        f.write(f"""global
  nbthread {threads}
  maxconn 9900
  log stdout format raw local0
defaults
  mode http
  log global
  option httplog
  option forwardfor
  option httpchk GET /
  timeout client 60s
  timeout server 60s
  timeout connect 10s
  timeout http-request 10s
  timeout http-keep-alive 60s
frontend in
  bind 127.0.0.1:{port}
  http-request set-header X-Forwarded-Proto http
  http-request set-header X-Forwarded-Port {port}
  unique-id-format %{{+X}}o\\ %ci:%cp_%fi:%fp_%Ts_%rt:%pid
  unique-id-header X-Amzn-Trace-Id
  default_backend out
backend out
  balance roundrobin
  http-reuse always
{servers}
""")
    log = open(f"{directory}/haproxy.log", "w")
    return Process([program("haproxy"), "-f", config, "-db"], port, stdout=log)


def nginx(directory, ports, threads):
    port, home = free_port(), f"{directory}/nginx"
    os.makedirs(home, exist_ok=True)
    servers = " ".join(f"server 127.0.0.1:{p};" for p in ports)
    with open(f"{home}/nginx.conf", "w") as f:
        f.write(f"""daemon off; worker_processes {threads}; worker_rlimit_nofile 40000; pid {home}/pid; error_log /dev/null; user root;
events {{ worker_connections 20000; }}
http {{ access_log {home}/access.log combined buffer=32k flush=1s; keepalive_requests 100000000; keepalive_timeout 60s;
  client_body_temp_path {home}; proxy_temp_path {home}; fastcgi_temp_path {home}; uwsgi_temp_path {home}; scgi_temp_path {home};
  upstream out {{ {servers} keepalive 256; keepalive_requests 100000000; }}
  server {{ listen 127.0.0.1:{port} backlog=1024;
    location / {{ proxy_pass http://out; proxy_http_version 1.1; proxy_set_header Connection ""; proxy_set_header Host $host;
      proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for; proxy_set_header X-Forwarded-Proto http;
      proxy_set_header X-Forwarded-Port {port}; proxy_set_header X-Amzn-Trace-Id $request_id; }} }} }}""")
    return Process([program("nginx"), "-c", f"{home}/nginx.conf", "-p", home], port)


BALANCERS = {"todo-deploy": ours, "haproxy": haproxy, "nginx": nginx}


def wrk(port, connections, seconds):
    out = subprocess.run([program("wrk"), "--latency", "-t1", f"-c{connections}", f"-d{seconds}s", f"http://127.0.0.1:{port}/"],
                         capture_output=True, text=True, check=True).stdout
    unit = {"us": 1e-3, "ms": 1.0, "s": 1e3}
    latency = {p: float(v) * unit[u] for p, v, u in re.findall(r"\s(50|99)%\s+([\d.]+)(us|ms|s)", out)}
    requests = int(re.search(r"(\d+) requests in", out)[1])
    failed = int(found[1]) if (found := re.search(r"Non-2xx or 3xx responses: (\d+)", out)) else 0
    errors = re.search(r"Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)", out)
    return requests, latency, failed, [int(n) for n in errors.groups()] if errors else [0, 0, 0, 0]


def bench_speed(args, directory, ports):
    seen = {name: [] for name in BALANCERS}
    running = {name: start(directory, ports, args.threads) for name, start in BALANCERS.items()}
    try:
        for each in running.values():
            wait_for(each.port)
            wrk(each.port, 64, 1)
        for _ in range(args.rounds):
            for name, each in running.items():
                before = cpu_seconds(each.pid)
                requests, latency, failed, errors = wrk(each.port, 64, args.seconds)
                cpu = (cpu_seconds(each.pid) - before) / requests * 1e5
                if failed or any(errors):
                    sys.exit(f"{name}: {failed} answers were not 200, socket errors {errors}")
                seen[name].append((requests / args.seconds, latency["50"], latency["99"], cpu, memory_mb(each.pid)))
    finally:
        for each in running.values():
            each.stop()
    print(f"\n2 targets, {len(BODY)} bytes, wrk -t1 -c64 -d{args.seconds}, {args.rounds} rounds, {args.threads} thread(s); medians")
    print(f"{'':12} {'req/s':>8} {'p50 ms':>8} {'p99 ms':>8} {'CPU s/100k':>11} {'RSS MB':>8}   CPU of each round")
    medians = {name: [statistics.median(column) for column in zip(*rows)] for name, rows in seen.items()}
    for name, (rate, p50, p99, cpu, memory) in medians.items():
        rounds = " ".join(f"{row[3]:.2f}" for row in seen[name])
        print(f"{name:12} {rate:8.0f} {p50:8.2f} {p99:8.2f} {cpu:11.3f} {memory:8.1f}   {rounds}")
    mine = medians["todo-deploy"][3]
    print("CPU per request: " + ", ".join(f"{mine / medians[peer][3]:.3f} x {peer}'s" for peer in ("haproxy", "nginx")))


def bench_idle(args, directory, ports):
    print(f"\n{args.idle:,} idle keep-alive connections")
    for name, start in BALANCERS.items():
        each = start(directory, ports, args.threads)
        sockets = []
        try:
            wait_for(each.port)
            wrk(each.port, 16, 1)
            before = memory_mb(each.pid)
            for _ in range(args.idle):
                s = socket.create_connection(("127.0.0.1", each.port))
                s.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
                s.recv(8192)
                sockets.append(s)
            begun = time.monotonic()
            answers(each.port)
            took = (time.monotonic() - begun) * 1e3
            print(f"{name:12} {(memory_mb(each.pid) - before) * 1024 / args.idle:6.2f} kB each, a new one is served in {took:.1f} ms")
        finally:
            for s in sockets:
                s.close()
            each.stop()


def bench_kill(args, directory, _):
    print("\none of two targets stopped for 2 s of 6 s, wrk -c32: failed of all")
    for label, how in (("SIGKILL", signal.SIGKILL), ("SIGTERM", signal.SIGTERM), ("graceful", signal.SIGQUIT)):
        for name, start in BALANCERS.items():
            targets = [target(directory, free_port()) for _ in range(2)]
            each = start(directory, [t.port for t in targets], args.threads)
            try:
                wait_for(each.port)
                time.sleep(1.5)
                load = subprocess.Popen([sys.executable, __file__, "--wrk", str(each.port), "6"], stdout=subprocess.PIPE, text=True)
                time.sleep(2)
                targets[0].stop(how)
                time.sleep(2)
                targets[0] = target(directory, targets[0].port)
                requests, failed, errors = json.loads(load.communicate()[0])
                print(f"{label:9} {name:12} {failed:5} answers not 200, socket errors connect/read/write/timeout {errors}, of {requests:,}")
            finally:
                each.stop()
                for t in targets:
                    t.stop()


def bench_rolling(args, directory, _):
    targets = [target(directory, free_port()) for _ in range(4)]
    each = ours(directory, [t.port for t in targets], args.threads)

    def admin(method, path, body=None):
        connection = http.client.HTTPConnection("127.0.0.1", each.admin, timeout=10)
        connection.request(method, path, body)
        return json.loads(connection.getresponse().read())

    def until(what):
        while not what(admin("GET", "/targets")):
            time.sleep(0.05)

    try:
        wait_for(each.port)
        until(lambda found: all(t["state"] == "healthy" for t in found))
        load = subprocess.Popen([sys.executable, __file__, "--wrk", str(each.port), "12"], stdout=subprocess.PIPE, text=True)
        for n, old in enumerate(targets):
            time.sleep(1)
            admin("DELETE", f"/targets/127.0.0.1:{old.port}")
            until(lambda found: len(found) == 3)
            old.stop(signal.SIGTERM)
            targets[n] = target(directory, old.port)
            admin("POST", "/targets", json.dumps({"address": f"127.0.0.1:{old.port}"}))
            until(lambda found: len(found) == 4 and all(t["state"] == "healthy" for t in found))
        requests, failed, errors = json.loads(load.communicate()[0])
        print(f"\nrolling restart of 4: {failed} answers not 200, socket errors {errors}, of {requests:,}")
    finally:
        each.stop()
        for t in targets:
            t.stop()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=1, help="of each balancer")
    parser.add_argument("--idle", type=int, default=9_500)
    parser.add_argument("--only", default="speed,idle,kill,rolling")
    parser.add_argument("--wrk", nargs=2, type=int, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.wrk:
        requests, _, failed, errors = wrk(args.wrk[0], 32, args.wrk[1])
        return print(json.dumps([requests, failed, errors]))
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    parts = {"speed": bench_speed, "idle": bench_idle, "kill": bench_kill, "rolling": bench_rolling}
    with tempfile.TemporaryDirectory() as directory:
        os.chmod(directory, 0o755)
        targets = [target(directory, free_port()) for _ in range(2)]
        try:
            for name in args.only.split(","):
                parts[name](args, directory, [t.port for t in targets])
        finally:
            for t in targets:
                t.stop()


main()
