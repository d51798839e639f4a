"""A gateway with a mailbox, for clients of other makes.

The account "box" may do everything in two folders: /box, where uploads are private until they are
closed, and /direct, where they are written in place.
"""

import hashlib
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "e2e"))

import harness  # noqa: E402

EVERYTHING = ["list", "download", "upload", "overwrite", "delete", "rename", "mkdir", "rmdir",
              "setstat", "link"]

# Around the sizes of requests, packets and windows.
FILES = {
    "empty": 0,
    "one-byte": 1,
    "page": 4096,
    "request-1": 32767,
    "request": 32768,
    "request+1": 32769,
    "with space.txt": 100,
    "Grüße-Ω.csv": 1234,
    "sub/deep/er/nested.bin": 70_000,
    "sub/large.bin": 9_000_001,
    ".hidden": 10,
}


def content(name, size):
    """Bytes that differ at every place and in every file, so that a moved block is seen."""
    return hashlib.shake_256(f"{name} {size}".encode()).digest(size)


def make_tree(directory):
    for name, size in FILES.items():
        path = directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content(name, size))
    return directory


def tree_of(directory):
    """What is there: names of directories, and names and hashes of files."""
    found = {}
    for path in sorted(pathlib.Path(directory).rglob("*")):
        name = str(path.relative_to(directory))
        found[name] = None if path.is_dir() else hashlib.sha256(path.read_bytes()).hexdigest()
    return found


class Box:
    """The gateway, and what a client needs to know of it."""

    def __init__(self, gateway):
        self.gateway = gateway
        self.host, self.port, self.user = "127.0.0.1", gateway.port, "box"
        self.key = gateway.keys["box"]
        self.known_hosts = gateway.own_known_hosts
        self.host_fingerprint = harness.fingerprint(gateway.host_key)
        self.options = gateway.ssh_options("box")

    def folder(self, name="box"):
        return self.gateway.folder(name)

    def run(self, *command, fails=False, patience=120, **more):
        """Runs a client; its output. A failure that isn't wanted shows the log's end."""
        done = subprocess.run([str(word) for word in command], capture_output=True, text=True,
                              timeout=patience, stdin=subprocess.DEVNULL if "input" not in more
                              else None, **more)
        said = done.stdout + done.stderr
        assert (done.returncode != 0) == fails, \
            f"{command}\n{said}\n{self.gateway.log_text()[-3000:]}"
        return said

    def sftp(self, *lines, fails=False):
        return self.run("sftp", "-b", "-", "-P", self.port, *self.options, f"{self.user}@{self.host}",
                        input="\n".join(lines) + "\n", fails=fails)


@pytest.fixture(scope="module")
def gateway_of_module():
    # Not pytest's tmp_path: the control socket's path must be short.
    directory = pathlib.Path(tempfile.mkdtemp(prefix="interop-"))
    directory.chmod(0o755)
    gateway = harness.Gateway(directory / "gw")
    gateway.config["folders"] = {
        "box": {"path": "folders/box"},
        "direct": {"path": "folders/direct", "uploads": "direct"},
    }
    gateway.config["accounts"] = {}
    gateway.add_account("box", [
        {"at": "/box", "folder": "box", "allow": EVERYTHING},
        {"at": "/direct", "folder": "direct", "allow": EVERYTHING},
    ])
    gateway.config["limits"]["max_per_address"] = 1000
    gateway.start()
    yield gateway
    gateway.shut_down()
    complaints = gateway.complaints()
    harness.remove_tree(directory)
    assert not complaints, "\n".join(complaints)


@pytest.fixture
def box(gateway_of_module):
    """The mailbox, empty."""
    for name in ("box", "direct"):
        directory = gateway_of_module.folder(name)
        for entry in os.scandir(directory):
            shutil.rmtree(entry.path) if entry.is_dir() else os.unlink(entry.path)
    return Box(gateway_of_module)


@pytest.fixture
def tree(tmp_path):
    return make_tree(tmp_path / "tree")
