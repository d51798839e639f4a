"""The servers that the benches compare, each with the same keys, and the tools to measure them.

Every server of a bench runs on this machine at once and idles while another one is measured; they
take turns round by round, so that what the machine does besides hits all of them alike.
"""

import contextlib
import os
import pathlib
import re
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
RELEASE = ROOT / "build/release"
MEMORY = pathlib.Path("/dev/shm")
START_SECONDS = 15
CLIENT_SECONDS = 600
MIB = 1 << 20

SSHD_CONFIG = """\
Port {port}
ListenAddress 127.0.0.1
HostKey {home}/host_key
AuthorizedKeysFile {home}/user_key.pub
PidFile none
UsePAM {pam}
StrictModes no
PasswordAuthentication no
KbdInteractiveAuthentication no
PermitRootLogin prohibit-password
MaxStartups 2000
MaxSessions 2000
Subsystem sftp internal-sftp
"""

DRAY_CONFIG = """\
home: {home}/dray
listen:
  - {{ address: "127.0.0.1:{port}", host_keys: ["{home}/host_key"] }}
folders:
  store: {{ path: folders/store, durability: {durability} }}
accounts:
  bench:
    authorized_keys: {home}/user_key.pub
    mounts:
      - {{ at: /store, folder: store,
          allow: [list, download, upload, overwrite, delete, mkdir, rmdir, rename] }}
limits:
  max_sessions: 4000
  max_unauthenticated: 2000
  max_per_address: 4000
  drop: {{ from: 2000 }}
log: {{ level: warn }}
"""

PROFTPD_CONFIG = """\
ServerType standalone
DefaultAddress 127.0.0.1
Port {port}
ModulePath /usr/lib/proftpd
LoadModule mod_sftp.c
SFTPEngine on
SFTPHostKey {home}/host_key
SFTPAuthorizedUserKeys file:{home}/user_key.rfc4716
SFTPAuthMethods publickey
SFTPCiphers aes128-gcm@openssh.com aes128-ctr
AuthUserFile {home}/proftpd.passwd
AuthOrder mod_auth_file.c
RequireValidShell off
RootLogin on
AllowOverwrite on
UseReverseDNS off
MaxInstances 2000
PidFile {home}/proftpd.pid
ScoreboardFile {home}/proftpd.scoreboard
WtmpLog off
TransferLog none
SystemLog {home}/proftpd.system
User root
Group root
"""


class Server:
    """One server: what it is called, how a client reaches it, and where its files are."""

    def __init__(self, name, port, user, remote_dir, local_dir, process, log):
        self.name, self.port, self.user = name, port, user
        self.remote_dir, self.local_dir = remote_dir, pathlib.Path(local_dir)
        self.process, self.log = process, log

    def wait_until_up(self):
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline and self.process.poll() is None:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 1):
                return
            time.sleep(0.05)
        sys.exit(f"bench: {self.name} does not start:\n{self.log_tail()}")

    def log_tail(self):
        return self.log.read_text(errors="replace")[-4000:]

    def stop(self):
        self.process.terminate()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def processes(self):
        """Its processes, by number: itself and all that come from it."""
        children = {}
        for entry in pathlib.Path("/proc").iterdir():
            if not entry.name.isdigit():
                continue
            with contextlib.suppress(OSError):
                parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
                children.setdefault(parent, []).append(int(entry.name))
        found, todo = [], [self.process.pid]
        while todo:
            pid = todo.pop()
            found.append(pid)
            todo += children.get(pid, [])
        return found


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def make_key(path):
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "bench", "-f", str(path)],
                   check=True)


def start(command, log, **more):
    with open(log, "wb") as out:
        return subprocess.Popen([str(word) for word in command], stdin=subprocess.DEVNULL,
                                stdout=out, stderr=subprocess.STDOUT, **more)


def start_sshd(home):
    port = free_port()
    config, log = home / "sshd_config", home / "sshd.log"
    user = subprocess.run(["id", "-un"], check=True, capture_output=True, text=True).stdout.strip()
    # Where our password is locked, sshd takes our key only with PAM.
    shadow = subprocess.run(["getent", "shadow", user], capture_output=True, text=True).stdout
    pam = "yes" if ":!" in shadow else "no"
    config.write_text(SSHD_CONFIG.format(port=port, home=home, pam=pam))
    (home / "sshd").mkdir()
    if os.geteuid() == 0:
        os.makedirs("/run/sshd", mode=0o755, exist_ok=True)  # its privilege separation wants it
    process = start(["/usr/sbin/sshd", "-D", "-e", "-f", config], log)
    return Server("sshd", port, user, str(home / "sshd"), home / "sshd", process, log)


def start_dray(home, program, name="dray", durability="full"):
    port = free_port()
    below = home / name
    below.mkdir()
    for key in ("host_key", "user_key.pub"):
        shutil.copy(home / key, below / key)
    config, log = below / "dray.yaml", below / "drayd.log"
    config.write_text(DRAY_CONFIG.format(port=port, home=below, durability=durability))
    process = start([program, "-c", config], log)
    return Server(name, port, "bench", "/store", below / "dray/folders/store", process, log)


def start_rclone(home):
    port = free_port()
    (home / "rclone").mkdir()
    log = home / "rclone.log"
    process = start(
        ["rclone", "serve", "sftp", home / "rclone", "--addr", f"127.0.0.1:{port}", "--key",
         home / "host_key", "--authorized-keys", home / "user_key.pub", "--config", "/dev/null",
         "--cache-dir", home / "rclone.cache"], log)
    return Server("rclone", port, "bench", "", home / "rclone", process, log)


def start_proftpd(home):
    port = free_port()
    (home / "proftpd").mkdir()
    config, log = home / "proftpd.conf", home / "proftpd.log"
    config.write_text(PROFTPD_CONFIG.format(port=port, home=home))
    public = subprocess.run(["ssh-keygen", "-e", "-m", "RFC4716", "-f", str(home / "user_key.pub")],
                            check=True, capture_output=True, text=True).stdout
    (home / "user_key.rfc4716").write_text(public)
    passwd = home / "proftpd.passwd"
    passwd.write_text(f"bench:!:0:0::{home}/proftpd:/bin/sh\n")
    passwd.chmod(0o600)
    process = start(["/usr/sbin/proftpd", "-n", "-q", "-c", config], log)
    return Server("proftpd", port, "bench", str(home / "proftpd"), home / "proftpd", process, log)


def options_of_client(server, home, cipher=None):
    """What sftp and ssh are told so that only the bench's own keys and files count."""
    words = ["-i", str(home / "user_key"), "-F", "none", "-o", "IdentitiesOnly=yes", "-o",
             "BatchMode=yes", "-o", f"UserKnownHostsFile={home}/known_hosts", "-o",
             "StrictHostKeyChecking=yes", "-o", "GlobalKnownHostsFile=none"]
    if cipher and cipher != "default":
        words += ["-c", cipher]
    return words


def sftp_command(server, home, cipher=None):
    return ["sftp", "-q", "-b", "-", "-P", str(server.port),
            *options_of_client(server, home, cipher), f"{server.user}@127.0.0.1"]


def sftp(server, home, commands, cipher=None, discard_output=False):
    """Runs a batch; returns the seconds it took, login and all."""
    started = time.monotonic()
    done = subprocess.run(sftp_command(server, home, cipher), input=commands + "\n", text=True,
                          stdout=subprocess.DEVNULL if discard_output else subprocess.PIPE,
                          stderr=subprocess.PIPE, timeout=CLIENT_SECONDS)
    seconds = time.monotonic() - started
    if done.returncode != 0:
        sys.exit(f"bench: {server.name}: sftp failed: {commands[:200]}\n{done.stdout}{done.stderr}\n"
                 f"{server.log_tail()}")
    return seconds


def cpu_seconds(pids):
    """What these processes have used so far, by number; those that are gone are not in it."""
    tick = os.sysconf("SC_CLK_TCK")
    used = {}
    for pid in pids:
        with contextlib.suppress(OSError):
            fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            used[pid] = (int(fields[11]) + int(fields[12])) / tick
    return used


def private_kib(pids):
    """Memory that is a process's alone, in KiB, by number."""
    found = {}
    for pid in pids:
        with contextlib.suppress(OSError):
            text = pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text()
            found[pid] = sum(int(n) for n in
                             re.findall(r"^Private_(?:Clean|Dirty):\s+(\d+)", text, re.MULTILINE))
    return found


STARTERS = {
    "sshd": start_sshd,
    "rclone": start_rclone,
    "proftpd": start_proftpd,
}


def start_named(name, home, drayd):
    """By name: sshd, rclone, proftpd, dray, or dray-relaxed."""
    if name == "dray":
        return start_dray(home, drayd)
    if name == "dray-relaxed":
        return start_dray(home, drayd, "dray-relaxed", "relaxed")
    return STARTERS[name](home)


@contextlib.contextmanager
def running(names, drayd, directory=MEMORY):
    """Starts the servers in a new directory there; yields it and them. Nothing of it stays."""
    if not os.access(drayd, os.X_OK):
        sys.exit(f"bench: {drayd}: no such program: run make first")
    with tempfile.TemporaryDirectory(prefix="dray-bench.", dir=directory) as text, \
            contextlib.ExitStack() as stack:
        home = pathlib.Path(text)
        for key in ("host_key", "user_key"):
            make_key(home / key)
        servers = []
        for name in names:
            servers.append(start_named(name, home, drayd))
            stack.callback(servers[-1].stop)
        key = (home / "host_key.pub").read_text()
        (home / "known_hosts").write_text(
            "".join(f"[127.0.0.1]:{server.port} {key}" for server in servers))
        for server in servers:
            server.wait_until_up()
        yield home, servers


def rounds(servers, n, measure):
    """n rounds of measure(server) -> tuple of numbers; returns them by server's name."""
    found = {server.name: [] for server in servers}
    for number in range(n):
        for server in servers:
            found[server.name].append(measure(server))
            words = ", ".join(f"{value:.4g}" for value in found[server.name][-1])
            print(f"round {number + 1}: {server.name}: {words}", flush=True)
    return found


def medians(found):
    return {name: [statistics.median(column) for column in zip(*rows)]
            for name, rows in found.items()}


def print_table(title, columns, values, base="sshd", higher_is_better=None, of="server"):
    """Markdown: a row per server (or client), and after it the ratio to the base, better being more than 1."""
    print(f"\n### {title}\n")
    print(f"| {of} | " + " | ".join(columns) + " |")
    print("|---|" + "---|" * len(columns))
    for name, row in values.items():
        cells = []
        for i, value in enumerate(row):
            cell = f"{value:.0f}" if value >= 100 else f"{value:.3g}"
            if base in values and name != base and values[base][i] > 0 and value > 0:
                higher = higher_is_better[i] if higher_is_better else True
                ratio = value / values[base][i] if higher else values[base][i] / value
                cell += f" ({ratio:.2f}×)"
            cells.append(cell)
        print(f"| {name} | " + " | ".join(cells) + " |")
    print(flush=True)
