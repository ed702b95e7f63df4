#!/usr/bin/env python3
"""Benchmarks todo-api against what the machine can do, as ratios within one run.

    cargo build --release -p todo-api --example bare --bin todo-api
    python3 tests/bench/service.py [--rounds 5] [--seconds 5] [--only list,insert,get,sqlite,memory]

Needs wrk, and PostgreSQL's server programs with pgbench (Debian: wrk postgresql postgresql-contrib). It starts a
PostgreSQL of its own in a temporary directory and stops everything that it started.

The peers: pgbench alone with the same statement for lists and inserts, a bare axum handler that answers the same
bytes for one todo. Rounds are interleaved (peer, ours, peer, ours, …), so that a machine that slows down slows both;
the figures are medians. CPU is user + system time of the whole process (of all of PostgreSQL's processes), per
request.
"""

import argparse
import contextlib
import glob
import http.client
import json
import os
import re
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
TICK = os.sysconf("SC_CLK_TCK")
CONNECTIONS = 64
TODOS = 100

LIST = ("SELECT id, title, description, completed, deadline_at, created_at, updated_at FROM todos "
        "WHERE id > 0 ORDER BY id LIMIT 501;")
INSERT = ("INSERT INTO todos (title, description, completed, deadline_at, created_at, updated_at) "
          "VALUES ('Write the report', 'as agreed on Monday', false, '2023-03-31 14:00:00', now(), now()) RETURNING id;")
POST = json.dumps({"title": "Write the report", "description": "as agreed on Monday",
                   "deadline_at": "2023-03-31T14:00:00"})


def program(name):
    found = shutil.which(name) or next(iter(sorted(glob.glob(f"/usr/lib/postgresql/*/bin/{name}"), reverse=True)), None)
    if not found:
        sys.exit(f"{name} is missing; on Debian: apt-get install wrk postgresql postgresql-contrib")
    return found


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def stat(pid):
    with open(f"/proc/{pid}/stat") as f:
        return f.read().rsplit(")", 1)[1].split()


def cpu_seconds(pid, family=False):
    """CPU time of a process; with `family` also of its children, dead or alive."""
    fields = stat(pid)
    total = int(fields[11]) + int(fields[12])
    if family:
        total += int(fields[13]) + int(fields[14])
        for other in filter(str.isdigit, os.listdir("/proc")):
            with contextlib.suppress(OSError):
                fields = stat(other)
                if int(fields[1]) == pid:
                    total += int(fields[11]) + int(fields[12])
    return total / TICK


def memory_mb(pid, key="VmRSS"):
    with open(f"/proc/{pid}/status") as f:
        return int(re.search(key + r":\s+(\d+)", f.read())[1]) / 1024


def request(port, method, path, body=None):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    connection.request(method, path, body, {"Content-Type": "application/json"} if body else {})
    response = connection.getresponse()
    return response.status, response.read()


def wait_for(port, path="/api/v1/health"):
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        with contextlib.suppress(OSError):
            if request(port, "GET", path)[0] == 200:
                return
        time.sleep(0.002)
    sys.exit("the service did not come up")


class Postgres:
    def __init__(self, directory):
        self.port = free_port()
        self.as_user = ["setpriv", "--reuid", "postgres", "--regid", "postgres", "--clear-groups"] if os.getuid() == 0 else []
        data = os.path.join(directory, "data")
        if self.as_user:
            shutil.chown(directory, "postgres", "postgres")
        subprocess.run([*self.as_user, program("initdb"), "-D", data, "-U", "postgres", "-A", "trust"],
                       check=True, stdout=subprocess.DEVNULL)
        self.process = subprocess.Popen(
            [*self.as_user, program("postgres"), "-D", data, "-p", str(self.port), "-k", directory,
             "-c", "listen_addresses=127.0.0.1"], stderr=subprocess.DEVNULL)
        deadline = time.monotonic() + 30
        while subprocess.run([program("pg_isready"), "-q", "-h", "127.0.0.1", "-p", str(self.port)]).returncode:
            if time.monotonic() > deadline:
                sys.exit("PostgreSQL did not come up")
            time.sleep(0.05)
        self.sql("CREATE DATABASE todo", "postgres")
        self.url = f"postgresql://postgres@127.0.0.1:{self.port}/todo"

    def sql(self, statement, database="todo"):
        subprocess.run([program("psql"), "-q", "-h", "127.0.0.1", "-p", str(self.port), "-U", "postgres", "-c", statement,
                        database], check=True)

    def pgbench(self, statement, seconds):
        """Transactions per second and PostgreSQL's CPU in µs for each."""
        with tempfile.NamedTemporaryFile("w", suffix=".sql") as script:
            script.write(statement)
            script.flush()
            before = cpu_seconds(self.process.pid, family=True)
            out = subprocess.run(
                [program("pgbench"), "-n", "-M", "prepared", "-c", str(CONNECTIONS), "-j", "2", "-T", str(seconds),
                 "-f", script.name, "-h", "127.0.0.1", "-p", str(self.port), "-U", "postgres", "todo"],
                check=True, capture_output=True, text=True).stdout
            used = cpu_seconds(self.process.pid, family=True) - before
        done = int(re.search(r"transactions actually processed: (\d+)", out)[1])
        return float(re.search(r"tps = ([\d.]+)", out)[1]), used / done * 1e6

    def stop(self):
        self.process.send_signal(signal.SIGINT)
        self.process.wait()


class Server:
    def __init__(self, *command, port, health="/api/v1/health"):
        self.port = port
        self.process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
        wait_for(port, health)

    @property
    def pid(self):
        return self.process.pid

    def wrk(self, path, seconds, postgres=None, post=False):
        """Requests per second, the service's CPU and PostgreSQL's, in µs per request."""
        command = [program("wrk"), "-t1", f"-c{CONNECTIONS}", f"-d{seconds}s", f"http://127.0.0.1:{self.port}{path}"]
        with tempfile.NamedTemporaryFile("w", suffix=".lua") as script:
            if post:
                script.write(f"wrk.method='POST'\nwrk.body='{POST}'\nwrk.headers['Content-Type']='application/json'\n")
                script.flush()
                command[1:1] = ["-s", script.name]
            ours = cpu_seconds(self.pid)
            theirs = cpu_seconds(postgres.process.pid, family=True) if postgres else 0
            out = subprocess.run(command, check=True, capture_output=True, text=True).stdout
            ours = cpu_seconds(self.pid) - ours
            theirs = cpu_seconds(postgres.process.pid, family=True) - theirs if postgres else 0
        if "Non-2xx" in out or "Socket errors" in out:
            sys.exit(f"the service failed requests:\n{out}")
        done = int(re.search(r"(\d+) requests in", out)[1])
        return float(re.search(r"Requests/sec:\s+([\d.]+)", out)[1]), ours / done * 1e6, theirs / done * 1e6

    def stop(self):
        self.process.terminate()
        self.process.wait()


def service(database, *options):
    port = free_port()
    return Server(os.path.join(ROOT, "target/release/todo-api"), "--listen", f"127.0.0.1:{port}", "--database-url", database,
                  "--log", "warn", *options, port=port)


def median(rows):
    return [statistics.median(column) for column in zip(*rows)]


def row(name, ours, peer, unit, better):
    ratio = ours / peer if peer else float("nan")
    print(f"  {name:<46} {ours:>10,.1f} {peer:>10,.1f} {unit:<7} ratio {ratio:5.2f}   ({better})")


def seed(postgres):
    postgres.sql("TRUNCATE todos RESTART IDENTITY")
    postgres.sql("INSERT INTO todos (title, description, completed, deadline_at, created_at, updated_at) "
                 "SELECT 'Write the report number ' || n, 'as agreed on Monday, with figures', n % 3 = 0, "
                 "'2023-03-31 14:00:00'::timestamp + n * interval '1 hour', now(), now() "
                 f"FROM generate_series(1, {TODOS}) n")
    postgres.sql("VACUUM ANALYZE todos")


def compare(peer, ours, rounds):
    pairs = [(peer(), ours()) for _ in range(rounds)]
    return median([p for p, _ in pairs]), median([o for _, o in pairs])


def bench_postgres(args, wanted, directory):
    postgres = Postgres(directory)
    options = args.service_option
    try:
        api = service(postgres.url, *options)
        try:
            seed(postgres)
            if "list" in wanted:
                size = len(request(api.port, "GET", "/api/v1/todos")[1])
                (peer, peer_cpu), (rate, cpu, database_cpu) = compare(
                    lambda: postgres.pgbench(LIST, args.seconds),
                    lambda: api.wrk("/api/v1/todos", args.seconds, postgres), args.rounds)
                print(f"list of {TODOS} todos ({size:,} bytes), PostgreSQL, {CONNECTIONS} connections     ours       peer")
                row("lists/s; peer: pgbench, same statement", rate, peer, "/s", "at least 0.60")
                row("CPU of todo-api; peer: PostgreSQL's in pgbench", cpu, peer_cpu, "µs", "at most 1.00")
                row("CPU of todo-api; peer: PostgreSQL's under it", cpu, database_cpu, "µs", "at most 1.00")
            if "insert" in wanted:
                (peer, peer_cpu), (rate, cpu, database_cpu) = compare(
                    lambda: postgres.pgbench(INSERT, args.seconds),
                    lambda: api.wrk("/api/v1/todos", args.seconds, postgres, post=True), args.rounds)
                print(f"insert, PostgreSQL, {CONNECTIONS} connections                           ours       peer")
                row("inserts/s; peer: pgbench, same statement", rate, peer, "/s", "at least 0.60")
                row("CPU of PostgreSQL under it; peer: in pgbench", database_cpu, peer_cpu, "µs", "-")
                row("CPU of todo-api; peer: PostgreSQL's in pgbench", cpu, peer_cpu, "µs", "-")
            if "get" in wanted:
                seed(postgres)
                body = request(api.port, "GET", "/api/v1/todos/1")[1].decode()
                port = free_port()
                bare = Server(os.path.join(ROOT, "target/release/examples/bare"), f"127.0.0.1:{port}", body, port=port,
                              health="/api/v1/todos/1")
                try:
                    (peer, peer_cpu, _), (rate, cpu, _) = compare(
                        lambda: bare.wrk("/api/v1/todos/1", args.seconds),
                        lambda: api.wrk("/api/v1/todos/1", args.seconds, postgres), args.rounds)
                finally:
                    bare.stop()
                print(f"one todo, PostgreSQL, {CONNECTIONS} connections                         ours       peer")
                row("CPU of todo-api; peer: a bare axum handler", cpu, peer_cpu, "µs", "at most 2.00")
                row("todos/s; peer: a bare axum handler", rate, peer, "/s", "-")
        finally:
            api.stop()
    finally:
        postgres.stop()


def bench_sqlite(args, directory):
    api = service(f"sqlite:{directory}/todo.db", *args.service_option)
    try:
        alone = median([api.wrk("/api/v1/todos", args.seconds) for _ in range(args.rounds)])
        for _ in range(TODOS):
            request(api.port, "POST", "/api/v1/todos", POST)
        reads = median([api.wrk("/api/v1/todos?limit=100", args.seconds) for _ in range(args.rounds)])
        writes = median([api.wrk("/api/v1/todos", args.seconds, post=True) for _ in range(args.rounds)])
        writer = subprocess.Popen([sys.executable, __file__, "--post-to", str(api.port), str(args.seconds + 1)])
        during = api.wrk("/api/v1/todos?limit=100", args.seconds)
        writer.wait()
    finally:
        api.stop()
    print(f"SQLite, {CONNECTIONS} connections")
    print(f"  empty lists {alone[0]:,.0f}/s; lists of {TODOS} {reads[0]:,.0f}/s, {reads[1]:.1f} µs CPU")
    print(f"  durable inserts {writes[0]:,.0f}/s, {writes[1]:.1f} µs CPU; lists while others insert {during[0]:,.0f}/s")


def post_to(port, seconds):
    with tempfile.NamedTemporaryFile("w", suffix=".lua") as script:
        script.write(f"wrk.method='POST'\nwrk.body='{POST}'\nwrk.headers['Content-Type']='application/json'\n")
        script.flush()
        subprocess.run([program("wrk"), "-s", script.name, "-t1", "-c16", f"-d{seconds}s",
                        f"http://127.0.0.1:{port}/api/v1/todos"], stdout=subprocess.DEVNULL)


def bench_memory(args, directory):
    starts = []
    for n in range(max(args.rounds, 5)):
        begun = time.monotonic()
        api = service(f"sqlite:{directory}/start{n}.db", *args.service_option)
        starts.append(time.monotonic() - begun)
        if n < max(args.rounds, 5) - 1:
            api.stop()
    idle = memory_mb(api.pid)
    print(f"start to the first 200 of health, new SQLite file: {statistics.median(starts) * 1e3:.0f} ms (at most 100)")
    print(f"idle memory: {idle:.1f} MB (under 20)")
    for n in range(TODOS):
        request(api.port, "POST", "/api/v1/todos", POST)
    sockets = []
    try:
        for _ in range(5000):
            s = socket.create_connection(("127.0.0.1", api.port))
            s.sendall(b"GET /api/v1/todos?limit=1 HTTP/1.1\r\nHost: a\r\n\r\n")
            s.recv(4096)
            sockets.append(s)
        print(f"memory with {len(sockets):,} open keep-alive connections: {memory_mb(api.pid):.1f} MB (under 100)")
    finally:
        for s in sockets:
            s.close()
        api.stop()
    path = os.path.join(directory, "million.db")
    service(f"sqlite:{path}").stop()
    import sqlite3
    with contextlib.closing(sqlite3.connect(path)) as database:
        database.execute(
            "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1000000) "
            "INSERT INTO todos (title, description, completed, deadline_at, created_at, updated_at) "
            "SELECT 'Write the report number ' || i, 'as agreed on Monday, with figures', 0, '2023-03-31 14:00:00.000000', "
            "'2023-03-29 09:30:00.000000', '2023-03-29 09:30:00.000000' FROM n")
        database.commit()
    api = service(f"sqlite:{path}", *args.service_option)
    try:
        begun = time.monotonic()
        connection = http.client.HTTPConnection("127.0.0.1", api.port)
        connection.request("GET", "/api/v1/todos")
        response, size = connection.getresponse(), 0
        while chunk := response.read(1 << 20):
            size += len(chunk)
        took = time.monotonic() - begun
        print(f"a list of a million todos ({size / 1e6:.0f} MB) in {took:.1f} s, "
              f"peak memory {memory_mb(api.pid, 'VmHWM'):.1f} MB (under 100)")
    finally:
        api.stop()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=5)
    parser.add_argument("--only", default="list,insert,get,sqlite,memory")
    parser.add_argument("--service-option", action="append", default=[], help="passed to todo-api, e.g. --service-option=--pool-size=8")
    parser.add_argument("--post-to", nargs=2, type=int, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.post_to:
        return post_to(*args.post_to)
    resource_limit()
    wanted = args.only.split(",")
    with tempfile.TemporaryDirectory() as directory:
        os.chmod(directory, 0o755)
        if {"list", "insert", "get"} & set(wanted):
            base = os.path.join(directory, "pg")
            os.mkdir(base)
            bench_postgres(args, wanted, base)
        if "sqlite" in wanted:
            bench_sqlite(args, directory)
        if "memory" in wanted:
            bench_memory(args, directory)


def resource_limit():
    import resource
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


main()
