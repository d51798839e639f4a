"""rclone: copy and check, sync, and what its back end does with times."""

import pytest
from conftest import content, tree_of


@pytest.fixture
def rclone(box):
    def run(*words, fails=False):
        return box.run("rclone", "--config", "/dev/null", "--retries", "1", *words, fails=fails)
    return run


@pytest.fixture
def remote(box):
    # No shell over there, hence no hashes: files are compared by reading them.
    return (f":sftp,host={box.host},port={box.port},user={box.user},key_file={box.key},"
            f"known_hosts_file={box.known_hosts},shell_type=none,disable_hashcheck=true:")


def test_copy_and_check(rclone, remote, box, tree, tmp_path):
    rclone("copy", "--transfers", "8", tree, f"{remote}/box/tree")
    rclone("check", "--download", tree, f"{remote}/box/tree")
    rclone("copy", "--transfers", "8", "--multi-thread-cutoff", "1M", "--multi-thread-streams", "4",
           f"{remote}/box/tree", tmp_path / "back")
    assert tree_of(tmp_path / "back") == tree_of(tree)


def test_times_are_kept_so_that_nothing_is_copied_twice(rclone, remote, tree):
    rclone("copy", tree, f"{remote}/box/tree")
    said = rclone("copy", "-v", tree, f"{remote}/box/tree")
    assert "There was nothing to transfer" in said


def test_sync_removes_and_moves(rclone, remote, box, tree):
    rclone("sync", tree, f"{remote}/box/tree")
    (tree / "page").rename(tree / "paper")
    (tree / "page2").write_bytes(content("page2", 99))
    rclone("sync", tree, f"{remote}/box/tree")
    want = {name: hash for name, hash in tree_of(tree).items()}
    assert tree_of(box.folder() / "tree") == want
    rclone("moveto", f"{remote}/box/tree/paper", f"{remote}/box/tree/sheet")
    rclone("purge", f"{remote}/box/tree")
    assert tree_of(box.folder()) == {}


def test_check_finds_a_difference(rclone, remote, box, tree):
    rclone("copy", tree, f"{remote}/box/tree")
    (box.folder() / "tree" / "page").write_bytes(bytes(4096))
    assert "1 differences found" in rclone("check", "--download", tree, f"{remote}/box/tree",
                                           fails=True)
