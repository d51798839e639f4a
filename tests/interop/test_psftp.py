"""PuTTY's psftp."""

import subprocess

import pytest
from conftest import content, tree_of


@pytest.fixture
def psftp(box, tmp_path):
    key = tmp_path / "key.ppk"
    subprocess.run(["puttygen", str(box.key), "-O", "private", "-o", str(key)], check=True)

    def run(*lines):
        script = tmp_path / "script"
        script.write_text("\n".join([*lines, "quit"]) + "\n")
        return box.run("psftp", "-batch", "-P", box.port, "-i", key, "-hostkey",
                       box.host_fingerprint, "-b", script, f"{box.user}@{box.host}", cwd=tmp_path)
    return run


def test_tree_both_ways(psftp, box, tree, tmp_path):
    psftp(f"put -r {tree} /box/tree", f"get -r /box/tree {tmp_path}/back")
    assert tree_of(box.folder() / "tree") == tree_of(tree)
    assert tree_of(tmp_path / "back") == tree_of(tree)


def test_resumed_transfers(psftp, box, tmp_path):
    whole = content("psftp", 2_000_000)
    (tmp_path / "file").write_bytes(whole)
    (tmp_path / "back").write_bytes(whole[:500_000])
    (box.folder() / "file").write_bytes(whole[:800_000])
    psftp(f"reput {tmp_path}/file /box/file", f"reget /box/file {tmp_path}/back")
    assert (box.folder() / "file").read_bytes() == whole
    assert (tmp_path / "back").read_bytes() == whole


def test_commands(psftp, box, tmp_path):
    (tmp_path / "a").write_bytes(b"a")
    psftp("mkdir /box/dir", "cd /box/dir", f"put {tmp_path}/a", "mv a b", "ls", "rm b",
          "cd /box", "rmdir dir")
    assert tree_of(box.folder()) == {}
