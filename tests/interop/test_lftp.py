"""lftp: mirror both ways, several connections, pieces of one file at once."""

import pytest
from conftest import content, tree_of


@pytest.fixture
def lftp(box):
    ssh = " ".join(["ssh", "-a", "-x", *box.options])

    def run(*commands):
        settings = [f'set sftp:connect-program "{ssh}"', "set net:max-retries 2", "set net:timeout 20",
                    "set cmd:fail-exit yes", "set xfer:clobber yes",
                    f"open sftp://{box.user}:@{box.host}:{box.port}"]
        return box.run("lftp", "--norc", "-c", "; ".join([*settings, *commands]))
    return run


def test_mirror_both_ways(lftp, box, tree, tmp_path):
    lftp(f"mirror -R {tree} /box/tree", f"mirror /box/tree {tmp_path}/back")
    assert tree_of(box.folder() / "tree") == tree_of(tree)
    assert tree_of(tmp_path / "back") == tree_of(tree)


def test_mirror_in_parallel(lftp, box, tree, tmp_path):
    lftp(f"mirror -R -P 4 {tree} /box/tree", f"mirror -P 4 /box/tree {tmp_path}/back")
    assert tree_of(box.folder() / "tree") == tree_of(tree)
    assert tree_of(tmp_path / "back") == tree_of(tree)


def test_mirror_again_changes_nothing(lftp, box, tree):
    lftp(f"mirror -R {tree} /box/tree")
    before = {p: p.stat().st_ino for p in box.folder().rglob("*")}
    lftp(f"mirror -R -e {tree} /box/tree")
    assert {p: p.stat().st_ino for p in box.folder().rglob("*")} == before


def test_pieces_of_one_file(lftp, box, tmp_path):
    whole = content("pget", 8_000_000)
    (box.folder() / "big").write_bytes(whole)
    lftp(f"pget -n 4 /box/big -o {tmp_path}/big")
    assert (tmp_path / "big").read_bytes() == whole


def test_continued_put(lftp, box, tmp_path):
    whole = content("lftp", 3_000_000)
    (tmp_path / "file").write_bytes(whole)
    (box.folder() / "file").write_bytes(whole[:1_000_000])
    lftp(f"put -c {tmp_path}/file -o /box/file")
    assert (box.folder() / "file").read_bytes() == whole


def test_temporary_names(lftp, box, tmp_path):
    """lftp can upload under another name and rename when done."""
    whole = content("temp", 100_000)
    (tmp_path / "file").write_bytes(whole)
    lftp("set xfer:use-temp-file yes", 'set xfer:temp-file-name ".*.part"',
         f"put {tmp_path}/file -o /box/file")
    assert tree_of(box.folder()).keys() == {"file"}
    assert (box.folder() / "file").read_bytes() == whole
