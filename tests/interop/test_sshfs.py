"""sshfs: real programs' habits on a mount, over a folder whose uploads are written in place.

Random writes, files open twice, renames over files, temporary names, lock files: a git clone with
fsck, and a tar unpacked and compared.
"""

import contextlib
import os
import shutil
import subprocess
import time

import pytest
from conftest import content, make_tree, tree_of

PATIENCE = 20


@contextlib.contextmanager
def mounted(box, directory, remote="/direct"):
    directory.mkdir()
    log = open(directory.parent / "sshfs.log", "wb")
    mount = subprocess.Popen(
        ["sshfs", "-f", "-p", str(box.port), f"{box.user}@{box.host}:{remote}", str(directory),
         "-o", f"IdentityFile={box.key},UserKnownHostsFile={box.known_hosts},"
         "StrictHostKeyChecking=yes,IdentitiesOnly=yes,BatchMode=yes,GlobalKnownHostsFile=none"],
        stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    log.close()
    try:
        deadline = time.monotonic() + PATIENCE
        while not os.path.ismount(directory):
            assert mount.poll() is None and time.monotonic() < deadline, \
                (directory.parent / "sshfs.log").read_text()
            time.sleep(0.05)
        yield directory
    finally:
        subprocess.run(["fusermount3", "-u", "-z", str(directory)], check=False)
        try:
            mount.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            mount.kill()
            mount.wait()


@pytest.fixture
def mount(box, tmp_path):
    assert os.path.exists("/dev/fuse"), "this machine has no /dev/fuse"
    with mounted(box, tmp_path / "mount") as directory:
        yield directory


def git(*words, cwd=None):
    env = {**os.environ, "GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_SYSTEM": "/dev/null",
           "GIT_AUTHOR_NAME": "a", "GIT_AUTHOR_EMAIL": "a@example.com",
           "GIT_COMMITTER_NAME": "a", "GIT_COMMITTER_EMAIL": "a@example.com"}
    done = subprocess.run(["git", "-c", "safe.directory=*", *words], cwd=cwd, capture_output=True,
                          text=True, timeout=90, env=env)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_git_clone_and_fsck(mount, tmp_path):
    origin = tmp_path / "origin"
    make_tree(origin)
    git("init", "-q", "-b", "main", cwd=origin)
    for i in range(3):
        (origin / "page").write_bytes(content("version", 4096 + i))
        git("add", "-A", cwd=origin)
        git("commit", "-q", "-m", f"version {i}", cwd=origin)
    git("clone", "-q", "--no-hardlinks", f"file://{origin}", str(mount / "clone"))
    git("fsck", "--full", "--strict", cwd=mount / "clone")
    (mount / "clone" / "new").write_bytes(b"from the mount")
    git("add", "new", cwd=mount / "clone")
    git("commit", "-q", "-m", "on the mount", cwd=mount / "clone")
    git("gc", "-q", cwd=mount / "clone")
    git("fsck", "--full", "--strict", cwd=mount / "clone")
    assert git("status", "--porcelain", cwd=mount / "clone") == ""


def test_tar_unpacked_and_compared(mount, tree, tmp_path):
    subprocess.run(["tar", "-cf", str(tmp_path / "tree.tar"), "-C", str(tree), "."], check=True)
    (mount / "unpacked").mkdir()
    done = subprocess.run(["tar", "-xf", str(tmp_path / "tree.tar"), "-C", str(mount / "unpacked"),
                           "--no-same-owner"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert tree_of(mount / "unpacked") == tree_of(tree)


def test_writes_in_place(mount, box):
    path = mount / "records"
    path.write_bytes(bytes(100_000))
    with open(path, "r+b") as f:
        for offset in (99_990, 0, 50_000):
            f.seek(offset)
            f.write(b"changed---")
        f.truncate(120_000)
    want = bytearray(120_000)
    for offset in (99_990, 0, 50_000):
        want[offset:offset + 10] = b"changed---"
    assert (box.folder("direct") / "records").read_bytes() == want


def test_rename_over_and_remove(mount, box):
    (mount / "a").write_bytes(b"a")
    (mount / "b").write_bytes(b"b")
    os.replace(mount / "a", mount / "b")
    assert tree_of(box.folder("direct")).keys() == {"b"}
    assert (mount / "b").read_bytes() == b"a"
    (mount / "dir").mkdir()
    shutil.rmtree(mount / "dir")
    (mount / "b").unlink()
    assert tree_of(box.folder("direct")) == {}
