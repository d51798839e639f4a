"""OpenSSH's sftp and scp."""

import os

import pytest
from conftest import content, tree_of


def test_tree_both_ways(box, tree, tmp_path):
    box.sftp(f"put -r {tree} /box", f"get -r /box/tree {tmp_path}/back")
    assert tree_of(box.folder() / "tree") == tree_of(tree)
    assert tree_of(tmp_path / "back") == tree_of(tree)


def test_times_and_modes_are_kept(box, tmp_path):
    local = tmp_path / "dated"
    local.write_bytes(b"x")
    local.chmod(0o640)
    os.utime(local, (1_500_000_000, 1_500_000_000))
    box.sftp(f"put -p {local} /box/dated", f"get -p /box/dated {tmp_path}/back")
    assert (tmp_path / "back").stat().st_mtime == 1_500_000_000
    assert (tmp_path / "back").stat().st_mode & 0o777 == 0o640


def test_resumed_put_and_get(box, tmp_path):
    whole = content("resume", 3_000_000)
    (tmp_path / "file").write_bytes(whole)
    (tmp_path / "part").write_bytes(whole[:1_000_000])
    (tmp_path / "back").write_bytes(whole[:700_000])
    box.sftp(f"put {tmp_path}/part /box/file", f"reput {tmp_path}/file /box/file",
             f"reget /box/file {tmp_path}/back")
    assert (box.folder() / "file").read_bytes() == whole
    assert (tmp_path / "back").read_bytes() == whole


def test_commands(box, tmp_path):
    (tmp_path / "a").write_bytes(b"first")
    (tmp_path / "b").write_bytes(b"second")
    said = box.sftp(
        "mkdir /box/dir", "cd /box/dir", "pwd", f"put {tmp_path}/a a", f"put -f {tmp_path}/b b",
        "rename a c", "-rename c b", "ln b hard", "chmod 600 b", "copy b copied", "df -h", "ls -la",
        "ls -1 *", "rm b", "-rmdir /box/dir", "rm *", "rmdir /box/dir")
    assert "Remote working directory: /box/dir" in said
    assert tree_of(box.folder()) == {}


def test_overwriting_by_rename_is_posix_rename(box, tmp_path):
    (tmp_path / "old").write_bytes(b"old")
    (tmp_path / "new").write_bytes(b"new")
    box.sftp(f"put {tmp_path}/old /box/report", f"put {tmp_path}/new /box/report.tmp",
             "rename /box/report.tmp /box/report")
    assert tree_of(box.folder()).keys() == {"report"}
    assert (box.folder() / "report").read_bytes() == b"new"


def test_scp(box, tree, tmp_path):
    """scp speaks SFTP."""
    options = ["-P", str(box.port), *box.options]
    box.run("scp", "-q", "-s", "-r", "-p", *options, tree, f"{box.user}@{box.host}:/box/")
    box.run("scp", "-q", "-s", "-r", *options, f"{box.user}@{box.host}:/box/tree", tmp_path / "back")
    assert tree_of(tmp_path / "back") == tree_of(tree)
    box.run("scp", "-q", "-s", *options, f"{box.user}@{box.host}:/box/tree/page",
            f"{box.user}@{box.host}:/box/copied")
    assert (box.folder() / "copied").read_bytes() == content("page", 4096)


def test_old_scp_protocol_is_refused_with_a_word(box, tree):
    """`scp -O` runs a command over there; Dray runs none, for anybody, and says so."""
    said = box.run("scp", "-O", "-q", "-P", box.port, *box.options, tree / "page",
                   f"{box.user}@{box.host}:/box/", fails=True)
    assert "SFTP" in said
    assert tree_of(box.folder()) == {}


@pytest.mark.parametrize("command", [[], ["true"]])
def test_shell_and_commands_are_refused_with_a_word(box, command):
    said = box.run("ssh", "-T", "-p", box.port, *box.options, f"{box.user}@{box.host}", *command,
                   fails=True)
    assert "SFTP" in said
