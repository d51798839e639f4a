"""Servers of every make, for our client to meet: each with the same keys and a directory."""

import contextlib
import os
import pathlib
import shutil
import socket
import subprocess
import sys
import time

import harness

PYTHON = "/usr/bin/python3"
HERE = pathlib.Path(__file__).resolve().parent
START_SECONDS = 30

SSHD = """\
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
Subsystem sftp {sftp}
"""

PROFTPD = """\
ServerType standalone
DefaultAddress 127.0.0.1
Port {port}
ModulePath /usr/lib/proftpd
LoadModule mod_sftp.c
SFTPEngine on
SFTPHostKey {home}/host_key
SFTPAuthorizedUserKeys file:{home}/user_key.rfc4716
SFTPAuthMethods publickey
AuthUserFile {home}/proftpd.passwd
AuthOrder mod_auth_file.c
RequireValidShell off
RootLogin on
AllowOverwrite on
AllowStoreRestart on
UseReverseDNS off
PidFile {home}/proftpd.pid
ScoreboardFile {home}/proftpd.scoreboard
WtmpLog off
TransferLog none
SystemLog {home}/proftpd.system
User root
Group root
"""


class Server:
    """What a client needs to know of it, and where its files are."""

    def __init__(self, name, home, port, user, remote, local, process=None):
        self.name, self.home, self.port, self.user = name, home, port, user
        self.remote, self.local, self.process = remote, pathlib.Path(local), process
        self.log = home / f"{name}.log"

    def stop(self):
        if self.process is not None:
            self.process.terminate()
            self.process.wait(15)


def start(command, log):
    with open(log, "wb") as out:
        return subprocess.Popen([str(word) for word in command], stdin=subprocess.DEVNULL,
                                stdout=out, stderr=subprocess.STDOUT)


def wait_until_up(server):
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and server.process.poll() is None:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", server.port), 1):
            return
        time.sleep(0.05)
    server.process.kill()
    server.process.wait()
    sys.exit(f"{server.name} does not start:\n{server.log.read_text(errors='replace')[-3000:]}")


def local_user():
    return subprocess.run(["id", "-un"], check=True, capture_output=True, text=True).stdout.strip()


def start_sshd(home, name, sftp):
    port, user = harness.free_port(), local_user()
    # Where our password is locked, sshd takes our key only with PAM.
    shadow = subprocess.run(["getent", "shadow", user], capture_output=True, text=True).stdout
    config, root = home / f"{name}.conf", home / name
    root.mkdir()
    config.write_text(SSHD.format(port=port, home=home, sftp=sftp,
                                  pam="yes" if ":!" in shadow else "no"))
    os.makedirs("/run/sshd", mode=0o755, exist_ok=True)  # its privilege separation wants it
    process = start(["/usr/sbin/sshd", "-D", "-e", "-f", config], home / f"{name}.log")
    return Server(name, home, port, user, str(root), root, process)


def start_internal_sftp(home):
    return start_sshd(home, "internal-sftp", "internal-sftp")


def start_sftp_server(home):
    return start_sshd(home, "sftp-server", "/usr/lib/openssh/sftp-server")


def start_proftpd(home):
    port, root = harness.free_port(), home / "proftpd"
    root.mkdir()
    config, passwd = home / "proftpd.conf", home / "proftpd.passwd"
    config.write_text(PROFTPD.format(port=port, home=home))
    public = subprocess.run(["ssh-keygen", "-e", "-m", "RFC4716", "-f", home / "user_key.pub"],
                            check=True, capture_output=True, text=True).stdout
    (home / "user_key.rfc4716").write_text(public)
    passwd.write_text(f"box:!:0:0::{root}:/bin/sh\n")
    passwd.chmod(0o600)
    process = start(["/usr/sbin/proftpd", "-n", "-q", "-c", config], home / "proftpd.log")
    return Server("proftpd", home, port, "box", str(root), root, process)


def start_rclone(home):
    port, root = harness.free_port(), home / "rclone"
    root.mkdir()
    process = start(
        ["rclone", "serve", "sftp", root, "--addr", f"127.0.0.1:{port}", "--key",
         home / "host_key", "--authorized-keys", home / "user_key.pub", "--config", "/dev/null",
         "--vfs-cache-mode", "writes", "--vfs-write-back", "0s", "--dir-cache-time", "0", "--cache-dir",
         home / "rclone.cache"], home / "rclone.log")
    return Server("rclone", home, port, "box", "", root, process)


def start_asyncssh(home):
    port, root = harness.free_port(), home / "asyncssh"
    root.mkdir()
    process = start([PYTHON, HERE / "asyncssh_server.py", port, home, root], home / "asyncssh.log")
    return Server("asyncssh", home, port, "box", "", root, process)


def start_dray(home):
    gateway = harness.Gateway(home / "gw")
    gateway.config["folders"] = {"box": {"path": "folders/box"}}
    gateway.config["accounts"] = {}
    gateway.add_account("box", [{
        "at": "/box", "folder": "box",
        "allow": ["list", "download", "upload", "overwrite", "delete", "rename", "mkdir", "rmdir",
                  "setstat", "link"]}])
    gateway.config["limits"]["max_per_address"] = 1000
    gateway.start()
    server = Server("drayd", home, gateway.port, "box", "/box", gateway.folder("box"))
    server.gateway = gateway
    return server


STARTERS = {
    "internal-sftp": start_internal_sftp,
    "sftp-server": start_sftp_server,
    "drayd": start_dray,
    "proftpd": start_proftpd,
    "rclone": start_rclone,
    "asyncssh": start_asyncssh,
}


def make_keys(home):
    for name in ("host_key", "user_key"):
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "interop", "-f",
                        home / name], check=True)


@contextlib.contextmanager
def running(name, home):
    """One of them, up, with known_hosts and user_key in home."""
    make_keys(home)
    server = STARTERS[name](home)
    host_key = home / "host_key.pub"
    server.key = home / "user_key"
    if name == "drayd":
        host_key = pathlib.Path(str(server.gateway.host_key) + ".pub")
        server.key = server.gateway.keys["box"]
    server.known_hosts = home / "known_hosts"
    server.known_hosts.write_text(f"[127.0.0.1]:{server.port} {host_key.read_text()}")
    try:
        if server.process is not None:
            wait_until_up(server)
        yield server
    finally:
        if name == "drayd":
            server.gateway.shut_down()
            complaints = server.gateway.complaints()
            assert not complaints, "\n".join(complaints)
        server.stop()
        shutil.rmtree(home, ignore_errors=True)
