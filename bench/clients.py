"""The clients that the benches compare, each moving the same files over the same line.

What a client costs is its seconds from start to end, login and all, and the most memory that it or
one of its helpers (ssh) held. A long line is a relay of ours that delays every byte (longline.c).
"""

import contextlib
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

import peers

LONGLINE = peers.RELEASE / "bench/bench-longline"
DRAY = peers.RELEASE / "src/cli/dray"


def ssh_words(home):
    return ["-i", str(home / "user_key"), "-F", "none", "-o", "IdentitiesOnly=yes", "-o",
            "BatchMode=yes", "-o", f"UserKnownHostsFile={home}/known_hosts", "-o",
            "StrictHostKeyChecking=yes", "-o", "GlobalKnownHostsFile=none", "-o",
            "Ciphers=aes128-gcm@openssh.com"]


class Client:
    """One client program; each method is a command line and what goes to its standard input."""

    name = "?"

    def __init__(self, home, server, port):
        self.home, self.server, self.port = home, server, port
        self.target = f"{server.user}@127.0.0.1"

    def measure(self, command, words=""):
        """Runs it; seconds, and MiB of the largest process of its."""
        with tempfile.TemporaryFile() as said, tempfile.TemporaryFile() as told:
            told.write(words.encode())
            told.seek(0)
            started = time.monotonic()
            process = subprocess.Popen([str(word) for word in command], stdin=told, stdout=said,
                                       stderr=subprocess.STDOUT)
            _, status, usage = os.wait4(process.pid, 0)
            seconds = time.monotonic() - started
            process.returncode = os.waitstatus_to_exitcode(status)
            if process.returncode != 0:
                said.seek(0)
                sys.exit(f"bench: {self.name}: {command}\n{words}\n"
                         f"{said.read().decode(errors='replace')[-2000:]}")
        return seconds, usage.ru_maxrss / 1024

    # get and put: one file; get_tree and put_tree: a directory into one that isn't there yet;
    # login: nothing but what every run costs; listing: the names of a directory.


class Sftp(Client):
    name = "sftp"

    def batch(self, words):
        return self.measure(["sftp", "-q", "-b", "-", "-P", self.port, *ssh_words(self.home),
                             self.target], words + "\n")

    def login(self):
        return self.batch("pwd")

    def get(self, remote, local):
        return self.batch(f"get {remote} {local}")

    def put(self, local, remote):
        return self.batch(f"put {local} {remote}")

    def get_tree(self, remote, local):
        return self.batch(f"get -r {remote} {local}")

    def put_tree(self, local, remote):
        return self.batch(f"mkdir {remote}\nput -r {local}/. {remote}")

    def listing(self, remote):
        return self.batch(f"ls -1f {remote}")


class Dray(Client):
    name = "dray"

    def run(self, *words):
        return self.measure([DRAY, words[0], "--batch", "-P", self.port, *ssh_words(self.home),
                             *words[1:]])

    def url(self, path):
        return f"{self.target}:{path}"

    def login(self):
        return self.run("stat", self.url("."))

    def get(self, remote, local):
        return self.run("get", self.url(remote), local)

    def put(self, local, remote):
        return self.run("put", local, self.url(remote))

    def get_tree(self, remote, local):
        return self.run("get", "-r", self.url(remote), local)

    def put_tree(self, local, remote):
        return self.run("put", "-r", local, self.url(remote))

    def listing(self, remote):
        return self.run("ls", "-f", self.url(remote))


class Lftp(Client):
    name = "lftp"
    parallel = 8

    def run(self, words):
        ssh = " ".join(["ssh", "-a", "-x", *ssh_words(self.home)])
        return self.measure(["lftp", "-c",
                             f"set sftp:connect-program \"{ssh}\"; set net:max-retries 1; "
                             f"open -u {self.server.user}, -p {self.port} sftp://127.0.0.1; {words}"])

    def login(self):
        return self.run("cls -d .")

    def get(self, remote, local):
        return self.run(f"get {remote} -o {local}")

    def put(self, local, remote):
        return self.run(f"put {local} -o {remote}")

    def get_tree(self, remote, local):
        return self.run(f"mirror -P{self.parallel} {remote} {local}")

    def put_tree(self, local, remote):
        return self.run(f"mirror -R -P{self.parallel} {local} {remote}")

    def listing(self, remote):
        return self.run(f"cls -1 {remote}")


class Rclone(Client):
    name = "rclone"
    transfers = 32

    def run(self, *words):
        return self.measure(
            ["rclone", *words, "--config", "/dev/null", "--sftp-host", "127.0.0.1", "--sftp-port",
             self.port, "--sftp-user", self.server.user, "--sftp-key-file",
             self.home / "user_key", "--sftp-known-hosts-file", self.home / "known_hosts",
             "--sftp-disable-hashcheck", "--transfers", self.transfers, "--checkers",
             self.transfers])

    def login(self):
        (self.server.local_dir / "none").mkdir(exist_ok=True)
        return self.run("lsf", f":sftp:{self.server.remote_dir}/none")

    def get(self, remote, local):
        return self.run("copyto", f":sftp:{remote}", local)

    def put(self, local, remote):
        return self.run("copyto", local, f":sftp:{remote}")

    def get_tree(self, remote, local):
        return self.run("copy", f":sftp:{remote}", local)

    def put_tree(self, local, remote):
        return self.run("copy", local, f":sftp:{remote}")

    def listing(self, remote):
        return self.run("lsf", f":sftp:{remote}")


CLIENTS = {c.name: c for c in (Sftp, Dray, Lftp, Rclone)}


@contextlib.contextmanager
def line_to(server, home, round_trip_ms):
    """The port of a line to the server; 0 ms is the server itself."""
    if round_trip_ms == 0:
        yield server.port
        return
    relay = subprocess.Popen([LONGLINE, str(server.port), str(round_trip_ms)],
                             stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        port = int(relay.stdout.readline())
        key = (home / "host_key.pub").read_text()
        with open(home / "known_hosts", "a") as known:
            known.write(f"[127.0.0.1]:{port} {key}")
        yield port
    finally:
        relay.stdin.close()
        relay.wait()
        relay.stdout.close()


def rounds(clients, n, measure):
    """n rounds of measure(client) -> numbers; the medians by client's name."""
    found = {client.name: [] for client in clients}
    for number in range(n):
        for client in clients:
            found[client.name].append(measure(client))
            words = ", ".join(f"{value:.4g}" for value in found[client.name][-1])
            print(f"round {number + 1}: {client.name}: {words}", flush=True)
    return {name: [statistics.median(column) for column in zip(*rows)]
            for name, rows in found.items()}


def add_options(parser, clients="sftp,dray,lftp,rclone", n_rounds=3):
    parser.add_argument("--rounds", type=int, default=n_rounds, metavar="N")
    parser.add_argument("--clients", default=clients, metavar="A,B")
    parser.add_argument("--drayd", default=peers.RELEASE / "src/roles/drayd", metavar="PROGRAM")


def clients_of(options, home, server, port):
    return [CLIENTS[name](home, server, port) for name in options.clients.split(",")]


def make_tree(directory, n_dirs, n_files, size):
    """n_dirs directories (0: none, the files directly) with n_files files each."""
    places = [directory] if n_dirs == 0 else [directory / f"d{d:04}" for d in range(n_dirs)]
    for place in places:
        place.mkdir(parents=True)
        for i in range(n_files):
            (place / f"f{i:05}").write_bytes(os.urandom(size))


def count_files(directory):
    return sum(len(names) for _, _, names in os.walk(pathlib.Path(directory)))
