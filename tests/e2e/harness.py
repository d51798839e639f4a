"""Three real systems on loopback: an OpenSSH source, a gateway, and OpenSSH's sftp as consumer.

Every process that is started here is remembered and ended by its id; nothing waits without a
limit, and nothing is asserted after a mere pause: wait_until polls for what must become true.
"""

import contextlib
import ctypes
import hashlib
import json
import os
import pathlib
import random
import re
import select
import shutil
import signal
import socket
import stat
import struct
import subprocess
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("DRAY_BUILD", ROOT / "build" / "release"))
DRAYD = BUILD / "src" / "roles" / "drayd"
DRAY = BUILD / "src" / "cli" / "dray"
USER = os.environ.get("USER_FOR_TESTS") or subprocess.run(
    ["id", "-un"], capture_output=True, text=True, check=True).stdout.strip()

# Where our password is locked (root's, on many machines), sshd takes our key only with PAM.
PAM = "yes" if ":!" in subprocess.run(["getent", "shadow", USER], capture_output=True,
                                      text=True).stdout else "no"

PATIENCE = 40.0  # seconds: far more than anything needs, so that a slow machine fails nothing

# What may never be in a gateway's log or on its standard error, unless a test expects it.
SANITIZER = re.compile(r"ERROR: (?:Address|Leak|Memory)Sanitizer|UndefinedBehaviorSanitizer|"
                       r"runtime error:|bug:")
ALARMS = ("role.crashed", "session.crashed", "role.malformed-message", "listener.gone",
          "transfer.not-published", "ledger.stuck")


def wait_until(condition, what, patience=PATIENCE):
    """Polls until the condition gives something true, and returns that."""
    deadline = time.monotonic() + patience
    while True:
        found = condition()
        if found:
            return found
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {patience:g} s: {what}")
        time.sleep(0.02)


def free_port():
    """Not one that the kernel gives to whoever asks for any, while nobody listens there yet."""
    first = int(pathlib.Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    while True:
        port = random.SystemRandom().randrange(min(10_000, first - 1), first)
        with contextlib.suppress(OSError), socket.socket() as s:
            s.bind(("127.0.0.1", port))
            return port


def sha256(content):
    return hashlib.sha256(content).hexdigest()


def new_key(path, kind="ed25519", passphrase=""):
    subprocess.run(["ssh-keygen", "-q", "-t", kind, "-N", passphrase, "-C", "test", "-f", path],
                   check=True, timeout=30, stdin=subprocess.DEVNULL)
    return pathlib.Path(path)


def public_half(key):
    return key.with_name(key.name + ".pub").read_text().strip()


def fingerprint(key):
    """As people see it: "SHA256:…"."""
    said = subprocess.run(["ssh-keygen", "-l", "-f", key], check=True, capture_output=True,
                          text=True, timeout=30).stdout
    return said.split()[1]


def known_hosts_line(port, public):
    return f"[127.0.0.1]:{port} " + " ".join(public.split()[:2]) + "\n"


def processes_of_session(sid):
    """The live processes of a session (setsid): {pid: comm}. Roles stay in drayd's."""
    found = {}
    for entry in pathlib.Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            head, _, rest = (entry / "stat").read_text().rpartition(")")
        except OSError:
            continue
        fields = rest.split()
        if int(fields[3]) == sid and fields[0] not in "ZX":
            found[int(entry.name)] = head.partition("(")[2]
    return found


def children_of(pid):
    try:
        text = pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text()
    except OSError:
        return []
    return [int(word) for word in text.split()]


def comm(pid):
    try:
        return pathlib.Path(f"/proc/{pid}/comm").read_text().strip()
    except OSError:
        return ""


def unread_sockets(pid):
    """How many sockets of a process have something that it has not read."""
    libc = ctypes.CDLL(None, use_errno=True)
    n = 0
    with open(os.pidfd_open(pid)) as process:
        for entry in os.listdir(f"/proc/{pid}/fd"):
            fd = libc.syscall(438, process.fileno(), int(entry), 0)  # pidfd_getfd
            if fd < 0:
                continue
            if stat.S_ISSOCK(os.fstat(fd).st_mode) and select.select([fd], [], [], 0)[0]:
                n += 1
            os.close(fd)
    return n


def is_alive(pid):
    try:
        state = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state not in "ZX"


def end(process, how=signal.SIGTERM, patience=PATIENCE):
    """Ends a child of ours, at the latest by SIGKILL; returns its exit code."""
    if process.poll() is None:
        process.send_signal(how)
        try:
            process.wait(patience)
        except subprocess.TimeoutExpired:
            process.kill()
    return process.wait(patience)


class Source:
    """A source system: a real sshd, its directory /…/outbox, and who may log in there."""

    def __init__(self, directory):
        self.directory = pathlib.Path(directory)
        self.directory.mkdir(parents=True)
        self.outbox = self.directory / "outbox"
        self.outbox.mkdir()
        self.port = free_port()
        self.host_key = new_key(self.directory / "host_key")
        self.authorized = self.directory / "authorized_keys"
        self.authorized.write_text("")
        self.log_path = self.directory / "sshd.log"
        self.more_config = []
        self.process = None
        self.start()

    def start(self):
        os.makedirs("/run/sshd", mode=0o755, exist_ok=True)
        config = self.directory / "sshd_config"
        config.write_text("\n".join([
            f"Port {self.port}", "ListenAddress 127.0.0.1", f"HostKey {self.host_key}",
            f"AuthorizedKeysFile {self.authorized}", "PidFile none", f"UsePAM {PAM}",
            "StrictModes no", "PasswordAuthentication no", "KbdInteractiveAuthentication no",
            "PermitRootLogin prohibit-password", "MaxStartups 1000", "MaxSessions 100",
            "UseDNS no", "LogLevel DEBUG1", "Subsystem sftp internal-sftp",
            *self.more_config, ""]))
        self.log = open(self.log_path, "ab")
        n_before = self.log_text().count("Server listening")
        self.process = subprocess.Popen(["/usr/sbin/sshd", "-D", "-e", "-f", config],
                                        stdin=subprocess.DEVNULL, stdout=self.log,
                                        stderr=self.log, start_new_session=True)
        wait_until(lambda: self.log_text().count("Server listening") > n_before or
                   self.process.poll() is not None, "sshd listens")
        assert self.process.poll() is None, self.log_text()

    def stop(self):
        if self.process is None:
            return
        end(self.process, signal.SIGKILL)
        # Its connections' processes have sessions of their own, and end with their connections.
        self.log.close()
        self.process = None

    def trust(self, key):
        with open(self.authorized, "a") as f:
            f.write(public_half(key) + "\n")

    def change_host_key(self):
        """The same address answers with another key: an attack, or a rotation."""
        self.stop()
        self.host_key = new_key(self.directory / f"host_key_{time.monotonic_ns()}")
        self.start()

    def put(self, name, content, age=None, mtime=None):
        """The file appears whole, as a careful producer does it; age: seconds since its mtime."""
        part = self.directory / f".part-{time.monotonic_ns()}"
        part.write_bytes(content)
        if age is not None or mtime is not None:
            then = time.time() - age if mtime is None else mtime
            os.utime(part, (then, then))
        part.rename(self.outbox / name)
        return content

    def names(self):
        return sorted(os.listdir(self.outbox))

    def log_text(self):
        return self.log_path.read_text(errors="replace")

    def n_connections(self):
        return self.log_text().count("Connection from 127.0.0.1")

    def n_logins(self):
        return self.log_text().count("Accepted publickey for")


LINE = re.compile(r"^(?P<time>\S+Z) (?P<level>\w+)\s+(?P<role>[\w-]+)\[(?P<pid>\d+)\] "
                  r"(?P<event>[a-z.-]+)(?P<rest>.*)$")
FIELD = re.compile(r' ([a-z_0-9]+)=("(?:[^"\\]|\\.)*"|\S*)')


def parse_log(text):
    """The events of a log, text or JSON lines, each a dict of strings."""
    events = []
    for line in text.splitlines():
        if line.startswith("{"):
            with contextlib.suppress(ValueError):
                events.append({k: str(v) for k, v in json.loads(line).items()})
            continue
        found = LINE.match(line)
        if found is None:
            continue
        event = {k: found[k] for k in ("time", "level", "role", "pid", "event")}
        for key, value in FIELD.findall(found["rest"]):
            # A field may be called like one of the line's own.
            key = f"of_{key}" if key in event else key
            event[key] = value[1:-1].replace('\\"', '"') if value.startswith('"') else value
        events.append(event)
    return events


class Gateway:
    """A drayd with everything that it needs below one directory."""

    def __init__(self, directory, source=None):
        self.directory = pathlib.Path(directory)
        self.home = self.directory / "home"
        for name in ("keys", "accounts"):
            (self.home / name).mkdir(parents=True)
        self.port = free_port()
        self.config_path = self.directory / "dray.yaml"
        self.log_path = self.directory / "drayd.log"
        self.log_path.write_bytes(b"")
        self.expected = set()
        self.process = None
        self.log_mark = 0
        self.host_key = new_key(self.home / "keys" / "host")
        self.identity = new_key(self.home / "keys" / "identity")
        self.known_hosts = self.home / "known_hosts"
        self.known_hosts.write_text("")
        self.own_known_hosts = self.directory / "consumer_known_hosts"
        self.own_known_hosts.write_text(known_hosts_line(self.port, public_half(self.host_key)))
        self.keys = {}
        self.config = {
            "home": str(self.home),
            "listen": [{"address": f"127.0.0.1:{self.port}", "host_keys": ["keys/host"]}],
            "identities": {"main": {"private_key": "keys/identity"}},
            "remotes": {},
            "folders": {"inbox": {"path": "folders/inbox"}},
            "accounts": {},
            "routes": {},
            # All tests come from one address: only those that are about bans have any.
            "limits": {"retry_after": "200ms", "min_free": "1MiB",
                       "ban": {"never": ["127.0.0.0/8", "::1"]}},
            "log": {"level": "debug"},
        }
        self.add_account("erp", [{"at": "/inbox", "folder": "inbox",
                                  "allow": ["list", "download", "delete"]}])
        if source is not None:
            self.add_remote("acme", source)
            self.add_route("main", "acme", source)

    # What is in the configuration.

    def add_remote(self, name, source, port=None, pinned=True):
        port = port or source.port
        self.config["remotes"][name] = {
            "address": f"127.0.0.1:{port}", "user": USER, "identity": "main",
            "known_hosts": "known_hosts", "timeout": "10s"}
        if pinned:
            self.pin(port, source.host_key)
        if public_half(self.identity) not in source.authorized.read_text():
            source.trust(self.identity)

    def pin(self, port, key):
        with open(self.known_hosts, "a") as f:
            f.write(known_hosts_line(port, public_half(key)))

    def add_route(self, name, remote, source, to=("inbox",), **more):
        self.config["routes"][name] = {
            "from": {"remote": remote, "path": str(source.outbox), "every": "300ms"},
            "to": [{"folder": folder} for folder in to], "after": "delete", **more}
        return self.config["routes"][name]

    @property
    def route(self):
        return self.config["routes"]["main"]

    def add_account(self, name, mounts, **more):
        self.keys[name] = new_key(self.directory / f"key_{name}")
        (self.home / "accounts" / f"{name}.pub").write_text(public_half(self.keys[name]) + "\n")
        self.config["accounts"][name] = {"authorized_keys": f"accounts/{name}.pub",
                                         "mounts": mounts, **more}

    def write_config(self, text=None):
        # JSON is YAML.
        self.config_path.write_text(text or json.dumps(self.config, indent=2, ensure_ascii=False))

    # Its life.

    def start(self):
        self.write_config()
        self.launch()
        return self

    def launch(self):
        self.log_mark = self.log_path.stat().st_size
        log = open(self.log_path, "ab")
        self.process = subprocess.Popen([DRAYD, "-c", self.config_path], stdin=subprocess.DEVNULL,
                                        stdout=log, stderr=log, start_new_session=True)
        log.close()
        wait_until(lambda: self.events("listener.ready", all_runs=False) or
                   self.process.poll() is not None, "the listener is ready")
        assert self.process.poll() is None, f"drayd did not start:\n{self.log_text()}"

    def launch_early(self):
        """Starts it without waiting for anything: it may be killed at any instant."""
        self.log_mark = self.log_path.stat().st_size
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen([DRAYD, "-c", self.config_path],
                                            stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                            start_new_session=True)

    def reload(self):
        """SIGHUP, and waits for the verdict: the event."""
        verdicts = ("config.reloaded", "config.refused")
        before = len(self.events(*verdicts))
        self.process.send_signal(signal.SIGHUP)
        return wait_until(lambda: self.events(*verdicts)[before:], "the reload has a verdict")[0]

    def stop(self):
        code = end(self.process)
        self.wait_for_the_end_of_roles()
        return code

    def kill9(self):
        self.process.kill()
        self.process.wait(PATIENCE)
        self.wait_for_the_end_of_roles()

    def wait_for_the_end_of_roles(self):
        sid = self.process.pid
        wait_until(lambda: not processes_of_session(sid), "every role has ended with drayd")

    def restart(self):
        self.stop()
        self.launch()

    def shut_down(self):
        """For the end of a test: nothing may be left, whatever happened."""
        if self.process is None:
            return
        end(self.process)
        for pid in processes_of_session(self.process.pid):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    # What it says.

    def log_text(self, all_runs=True):
        with open(self.log_path, "rb") as f:
            f.seek(0 if all_runs else self.log_mark)
            return f.read().decode(errors="replace")

    def events(self, *names, all_runs=True, **fields):
        return [e for e in parse_log(self.log_text(all_runs)) if e["event"] in names and
                all(e.get(k) == str(v) for k, v in fields.items())]

    def wait_event(self, name, patience=PATIENCE, **fields):
        return wait_until(lambda: self.events(name, **fields),
                          f"the event {name} {fields or ''}", patience)[-1]

    def expect(self, *alarms):
        self.expected.update(alarms)

    def complaints(self):
        """What went wrong that no test expects."""
        text = self.log_text()
        found = [line for line in text.splitlines() if SANITIZER.search(line)]
        found += [str(e) for e in parse_log(text)
                  if e["event"] in ALARMS and e["event"] not in self.expected]
        return found

    # What is asked of it.

    def dray_raw(self, *args, patience=PATIENCE):
        done = subprocess.run([DRAY, "-c", self.config_path, *args], capture_output=True,
                              text=True, timeout=patience, stdin=subprocess.DEVNULL)
        assert not SANITIZER.search(done.stderr), done.stderr
        return done

    def dray(self, *args, patience=PATIENCE):
        """The parsed answer in JSON: a document, or for `transfers` a list of rows."""
        done = self.dray_raw(*args, "--json", patience=patience)
        assert done.returncode == 0, f"dray {args}: {done.returncode}\n{done.stdout}{done.stderr}"
        if args[0] == "transfers":
            return [json.loads(line) for line in done.stdout.splitlines()]
        return json.loads(done.stdout)

    def status(self):
        return self.dray("status")

    def route_status(self, name="main"):
        return next(r for r in self.status()["routes"] if r["name"] == name)

    def remote_status(self, name="acme"):
        return next(r for r in self.status()["remotes"] if r["name"] == name)

    def transfers(self, *args):
        return self.dray("transfers", "--limit", "0", *args)

    def trace(self, what):
        return self.dray("trace", str(what))["transfers"]

    def run(self, route="main"):
        """One whole run of the route from now on: the first may be one that was under way."""
        for _ in range(2):
            self.dray_raw("run", route, "--wait")

    def settled(self, name, n=1):
        """The newest transfer of that name, once n of them are settled or delivered."""
        def look():
            rows = [t for t in self.transfers() if t["path"].endswith("/" + name) and
                    t["state"] in ("settled", "delivered")]
            return rows if len(rows) >= n else None
        return wait_until(look, f"{n} transfers of {name!r} settled")[0]

    # What is in it.

    def folder(self, name="inbox"):
        return self.home / "folders" / name

    def published(self, name="inbox"):
        """{name: content} of the files in a folder."""
        found = {}
        for path in self.folder(name).iterdir():
            with contextlib.suppress(FileNotFoundError, IsADirectoryError):
                found[path.name] = path.read_bytes()
        return found

    def wait_published(self, *names, folder="inbox"):
        return wait_until(
            lambda: set(names) <= set(os.listdir(self.folder(folder))) and self.published(folder),
            f"{names} are published")

    def staging_names(self):
        return sorted(path.name for path in files_below(self.home / "staging"))

    # Its consumers.

    def ssh_options(self, account, key=None):
        return ["-F", "none", "-o", "BatchMode=yes", "-o", "IdentitiesOnly=yes",
                "-o", "IdentityAgent=none", "-o", "StrictHostKeyChecking=yes",
                "-o", f"UserKnownHostsFile={self.own_known_hosts}",
                "-o", "GlobalKnownHostsFile=none", "-o", "ConnectTimeout=20",
                "-o", "ServerAliveInterval=15", "-o", "LogLevel=INFO",
                "-i", str(key or self.keys[account])]

    def sftp(self, account, *commands, key=None, patience=PATIENCE, source_address=None):
        """OpenSSH's sftp runs the commands; "-" before one: it may fail."""
        more = ["-o", f"BindAddress={source_address}"] if source_address else []
        return subprocess.run(
            ["sftp", "-b", "-", *self.ssh_options(account, key), *more, "-P", str(self.port),
             f"{account}@127.0.0.1"], input="\n".join(commands) + "\n", capture_output=True,
            text=True, timeout=patience)

    def wire(self, account="erp", key=None):
        return Wire(["ssh", *self.ssh_options(account, key), "-p", str(self.port), "-s",
                     f"{account}@127.0.0.1", "sftp"])

    def get(self, account, remote_path):
        """The content as the consumer gets it."""
        local = self.directory / f"got-{time.monotonic_ns()}"
        done = self.sftp(account, f'get "{remote_path}" "{local}"')
        assert done.returncode == 0, done.stderr
        content = local.read_bytes()
        local.unlink()
        return content

    def list(self, account, remote_path):
        done = self.sftp(account, f'ls -1a "{remote_path}"')
        assert done.returncode == 0, done.stderr
        names = [line.rpartition("/")[2] for line in done.stdout.splitlines()
                 if not line.startswith("sftp>")]
        return sorted(n for n in names if n not in (".", ".."))


class WireClosed(Exception):
    """The other side has ended the stream."""


class Wire:
    """SFTP packets made by hand, over a real SSH connection (`ssh -s … sftp`)."""

    INIT, VERSION, OPEN, CLOSE, READ, WRITE = 1, 2, 3, 4, 5, 6
    LSTAT, FSTAT, OPENDIR, READDIR, REMOVE, MKDIR, REALPATH, STAT, RENAME = \
        7, 8, 11, 12, 13, 14, 16, 17, 18
    SYMLINK, EXTENDED = 20, 200
    STATUS, HANDLE, DATA, NAME, ATTRS = 101, 102, 103, 104, 105
    PF_READ, PF_WRITE, PF_CREAT, PF_TRUNC = 1, 2, 8, 16

    def __init__(self, command):
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=subprocess.PIPE, bufsize=0)
        self.seen = b""
        self.next_id = 0

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.end()

    def end(self):
        for pipe in (self.process.stdin, self.process.stdout, self.process.stderr):
            with contextlib.suppress(OSError):
                pipe.close()
        end(self.process, signal.SIGKILL)

    def lose(self):
        """The line breaks: nothing is closed in order."""
        end(self.process, signal.SIGKILL)

    def raw(self, data):
        self.process.stdin.write(data)

    def send(self, kind, payload):
        self.raw(struct.pack(">IB", len(payload) + 1, kind) + payload)

    def _read(self, n, patience):
        deadline = time.monotonic() + patience
        while len(self.seen) < n:
            left = deadline - time.monotonic()
            assert left > 0, "no answer"
            if not select.select([self.process.stdout], [], [], left)[0]:
                continue
            chunk = os.read(self.process.stdout.fileno(), 1 << 20)
            if not chunk:
                raise WireClosed()
            self.seen += chunk
        data, self.seen = self.seen[:n], self.seen[n:]
        return data

    def receive(self, patience=PATIENCE):
        length = struct.unpack(">I", self._read(4, patience))[0]
        body = self._read(length, patience)
        return body[0], body[1:]

    def wait_closed(self, patience=PATIENCE):
        """Until the server has ended the stream; what it says before is dropped."""
        with contextlib.suppress(WireClosed):
            while True:
                self._read(1, patience)

    def start(self):
        self.send(self.INIT, struct.pack(">I", 3))
        kind, body = self.receive()
        assert kind == self.VERSION and struct.unpack(">I", body[:4])[0] == 3
        return self

    def ask(self, kind, payload):
        """One request; the answer without its id, which must be ours."""
        self.next_id += 1
        self.send(kind, struct.pack(">I", self.next_id) + payload)
        kind, body = self.receive()
        assert struct.unpack(">I", body[:4])[0] == self.next_id
        return kind, body[4:]

    def status(self, kind, payload):
        """One request that is answered with a STATUS: its code and its words."""
        answer, body = self.ask(kind, payload)
        assert answer == self.STATUS, answer
        return self.split_status(body)

    @staticmethod
    def split_status(body):
        code, length = struct.unpack(">II", body[:8])
        return code, body[8:8 + length].decode()

    @staticmethod
    def string(text):
        data = text.encode() if isinstance(text, str) else text
        return struct.pack(">I", len(data)) + data

    def open(self, path, flags):
        kind, body = self.ask(self.OPEN, self.string(path) + struct.pack(">II", flags, 0))
        assert kind == self.HANDLE, self.split_status(body)
        return body[4:]

    def write(self, handle, offset, data):
        return self.status(self.WRITE, self.string(handle) + struct.pack(">Q", offset) +
                           self.string(data))

    def read(self, handle, offset, length):
        return self.ask(self.READ, self.string(handle) + struct.pack(">QI", offset, length))

    def close(self, handle):
        return self.status(self.CLOSE, self.string(handle))

    def works(self):
        """A whole exchange, so that the session is known to live."""
        kind, _ = self.ask(self.REALPATH, self.string("."))
        return kind == self.NAME


class Relay:
    """A line to a port that can be slow and can break.

    cuts: after how many bytes from the target each connection breaks, one after another (one that
    ended before leaves its cut to the next); when they are used up, connections last. rate: bytes a second from the target, or None.
    """

    def __init__(self, target_port, cuts=(), rate=None):
        self.target_port = target_port
        self.cuts = list(cuts)
        self.rate = rate
        self.n_cut = 0
        self.closing = False
        self.lock = threading.Lock()
        self.sockets = set()
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self):
        self.closing = True
        with contextlib.suppress(OSError):
            self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        self.break_all()

    def break_all(self):
        """Every connection breaks now."""
        with self.lock:
            for s in self.sockets:
                with contextlib.suppress(OSError):
                    s.shutdown(socket.SHUT_RDWR)

    def n_connections(self):
        with self.lock:
            return len(self.sockets) // 2

    def _accept(self):
        while not self.closing:
            try:
                near, _ = self.listener.accept()
            except OSError:
                return
            try:
                far = socket.create_connection(("127.0.0.1", self.target_port))
            except OSError:
                near.close()
                continue
            for s in (near, far):
                s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            with self.lock:
                cut = self.cuts.pop(0) if self.cuts else None
                self.sockets |= {near, far}
            threading.Thread(target=self._pass, args=(near, far), daemon=True).start()
            threading.Thread(target=self._deliver, args=(far, near, cut), daemon=True).start()

    def _end(self, *sockets):
        with self.lock:
            self.sockets -= set(sockets)
        for s in sockets:
            with contextlib.suppress(OSError):
                s.shutdown(socket.SHUT_RDWR)

    def _pass(self, near, far):
        with contextlib.suppress(OSError):
            while data := near.recv(65536):
                far.sendall(data)
        self._end(near, far)

    def _deliver(self, far, near, cut):
        left = cut
        reached = False
        with contextlib.suppress(OSError):
            while data := far.recv(16384 if self.rate else 65536):
                if left is not None and len(data) >= left:
                    near.sendall(data[:left])
                    self.n_cut += 1
                    reached = True
                    break
                near.sendall(data)
                if left is not None:
                    left -= len(data)
                if self.rate:
                    time.sleep(len(data) / self.rate)
        if cut is not None and not reached:
            with self.lock:
                self.cuts.insert(0, cut)
        self._end(near, far)


class Watcher:
    """Looks at a folder all the time: whatever is seen there must be whole.

    allowed: the contents that a file may have, as a set of their SHA-256.
    """

    def __init__(self, directory, allowed):
        self.directory = pathlib.Path(directory)
        self.allowed = set(allowed)
        self.faults = []
        self.n_looks = 0
        self.stopping = False
        self.thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.stopping = True
        self.thread.join(PATIENCE)
        if _[0] is None:
            assert self.n_looks > 0 and not self.faults, self.faults

    def _watch(self):
        good = set()
        while not self.stopping:
            for entry in os.scandir(self.directory) if self.directory.exists() else ():
                with contextlib.suppress(FileNotFoundError):
                    if not entry.is_file(follow_symlinks=False):
                        continue
                    st = entry.stat(follow_symlinks=False)
                    version = (st.st_ino, st.st_size, st.st_mtime_ns)
                    if version in good:
                        continue
                    content = pathlib.Path(entry.path).read_bytes()
                    if sha256(content) in self.allowed:
                        good.add(version)
                    else:
                        self.faults.append((entry.name, len(content)))
            self.n_looks += 1
            time.sleep(0.002)


class Notify:
    """inotify(7): to strike at the very instant when a file is made, renamed or removed."""

    MODIFY, MOVED_FROM, MOVED_TO, CREATE, DELETE = 0x2, 0x40, 0x80, 0x100, 0x200

    def __init__(self, directory, mask):
        libc = ctypes.CDLL(None, use_errno=True)
        self.fd = libc.inotify_init1(os.O_CLOEXEC | os.O_NONBLOCK)
        assert self.fd >= 0
        if libc.inotify_add_watch(self.fd, os.fsencode(directory), mask) < 0:
            raise OSError(ctypes.get_errno(), f"inotify_add_watch {directory}")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        os.close(self.fd)

    def wait(self, patience):
        """True when it has happened (since the watch began, or the last wait)."""
        if not select.select([self.fd], [], [], patience)[0]:
            return False
        os.read(self.fd, 65536)
        return True


@contextlib.contextmanager
def small_disk(directory, size):
    """A file system of its own, of so many bytes, mounted there for a while."""
    directory = pathlib.Path(directory)
    directory.mkdir(parents=True, exist_ok=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size},mode=755", "tmpfs", directory],
                   check=True, timeout=30)
    try:
        yield directory
    finally:
        subprocess.run(["umount", "-l", directory], check=True, timeout=30)


def fill_disk(directory, leave=0):
    """Takes all of the free space but `leave` bytes; returns the ballast's path."""
    ballast = pathlib.Path(directory) / "ballast"
    with open(ballast, "ab", buffering=0) as f:
        while True:
            st = os.statvfs(directory)
            room = st.f_bavail * st.f_frsize - leave
            if room <= 0:
                return ballast
            try:
                f.write(b"\0" * min(room, 1 << 20))
            except OSError:
                return ballast


def files_below(directory):
    return [path for path in pathlib.Path(directory).rglob("*") if path.is_file()]


def remove_tree(directory):
    shutil.rmtree(directory, ignore_errors=True)
