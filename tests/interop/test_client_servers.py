"""Our client with servers of every make: trees both ways, each command, batches, cut lines."""

import json
import os
import pathlib
import subprocess
import tempfile

import pytest
import servers
from conftest import FILES, content, make_tree, tree_of
from harness import DRAY, Relay

LARGE = 9_000_001


class Program:
    """The dray command with everything that leads to one server."""

    def __init__(self, server, port=None):
        self.server, self.port = server, port or server.port
        if port is not None:
            line = server.known_hosts.read_text().split(" ", 1)[1]
            with open(server.known_hosts, "a") as known:
                known.write(f"[127.0.0.1]:{port} {line}")
        self.options = ["-P", str(self.port), "-i", str(server.key), "-F", "none", "-o",
                        "IdentitiesOnly=yes", "-o", f"UserKnownHostsFile={server.known_hosts}",
                        "-o", "GlobalKnownHostsFile=none"]

    def url(self, path=""):
        return f"{self.server.user}@127.0.0.1:{self.server.remote}/{path}"

    def run(self, command, *words, code=0):
        done = subprocess.run([DRAY, command, "--batch", *self.options, *map(str, words)],
                              stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120)
        assert done.returncode == code, f"{command} {words}: {done.returncode}\n{done.stdout}" \
            f"{done.stderr}"
        return done

    def batch(self, *lines, code=0):
        done = subprocess.run([DRAY, "sftp", "-b", "-", *self.options,
                               f"{self.server.user}@127.0.0.1:{self.server.remote or '/'}"],
                              input="\n".join(lines) + "\n", capture_output=True, text=True,
                              timeout=120)
        assert done.returncode == code, f"{lines}: {done.returncode}\n{done.stdout}{done.stderr}"
        return done


@pytest.fixture(scope="module", params=list(servers.STARTERS))
def server(request):
    # Not pytest's own: a gateway's control socket has a path, which must be short.
    home = pathlib.Path(tempfile.mkdtemp(prefix="interop-"))
    home.chmod(0o755)
    with servers.running(request.param, home) as running:
        yield running


@pytest.fixture
def dray(server):
    program = Program(server)
    for entry in program.run("ls", "-a", program.url()).stdout.split("\n"):
        if entry not in ("", ".", ".."):
            program.run("rm", "-r", program.url(entry))
    return program


@pytest.fixture
def large(tmp_path):
    path = tmp_path / "large.bin"
    path.write_bytes(content("large", LARGE))
    return path


def names_on(dray, path=""):
    found = dray.run("ls", "-a", dray.url(path)).stdout.split("\n")
    return sorted(set(found) - {"", ".", ".."})


def test_a_tree_goes_there_and_back(dray, tree, tmp_path):
    dray.run("put", "-r", tree, dray.url("tree"))
    back = tmp_path / "back"
    dray.run("get", "-r", dray.url("tree"), back)
    assert tree_of(back) == tree_of(tree)
    assert names_on(dray) == ["tree"]


def test_many_small_files_over_several_connections(dray, tmp_path):
    source = tmp_path / "many"
    for i in range(300):
        path = source / f"d{i % 7}" / f"f{i}"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content(f"many{i}", i * 13 % 5000))
    dray.run("put", "-r", "--connections", 3, source, dray.url("many"))
    dray.run("get", "-r", "--connections", 3, dray.url("many"), tmp_path / "back")
    assert tree_of(tmp_path / "back") == tree_of(source)


def test_a_large_file_in_pieces_over_several_connections(dray, large, tmp_path):
    dray.run("put", "--connections", 3, large, dray.url("large"))
    dray.run("get", "--connections", 3, "--verify", dray.url("large"), tmp_path / "back")
    assert (tmp_path / "back").read_bytes() == large.read_bytes()


def test_what_is_there_is_replaced(dray, tmp_path):
    for text in (b"one", b"two and more", b"3"):
        (tmp_path / "doc").write_bytes(text)
        dray.run("put", tmp_path / "doc", dray.url("doc"))
        dray.run("get", dray.url("doc"), tmp_path / "back")
        assert (tmp_path / "back").read_bytes() == text
    assert names_on(dray) == ["doc"], "nothing temporary stays"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["back", "doc"]


def test_each_command(dray, large):
    dray.run("mkdir", "-p", dray.url("a/b/c"))
    dray.run("put", large, dray.url("a/b/"))
    assert names_on(dray, "a/b") == ["c", "large.bin"]
    stat = json.loads(dray.run("stat", "--json", dray.url("a/b/large.bin")).stdout)
    assert stat["size"] == LARGE
    dray.run("mv", dray.url("a/b/large.bin"), dray.url("a/moved"))
    said = dray.run("sum", dray.url("a/moved")).stdout.split()[0]
    local = subprocess.run(["sha256sum", large], capture_output=True, text=True, check=True).stdout
    assert said == local.split()[0]
    dray.run("rm", dray.url("a/none"), code=7)
    dray.run("rm", "-r", dray.url("a"))
    assert names_on(dray) == []


def test_sync_both_ways(dray, tmp_path):
    here, there = make_tree(tmp_path / "here"), dray.url("there")
    dray.run("sync", here, there)
    assert dray.run("sync", "--dry-run", here, there).stdout == ""
    (here / "page").write_bytes(b"changed, and longer or shorter")
    (here / "empty").unlink()
    (here / "new").write_bytes(b"new")
    dray.run("sync", "--delete", here, there)
    back = tmp_path / "back"
    dray.run("sync", there, back)
    assert tree_of(back) == tree_of(here)
    (back / "extra").write_bytes(b"not there")
    dray.run("sync", "--checksum", "--delete", there, back)
    assert tree_of(back) == tree_of(here)


def test_a_batch_of_sftp(dray, large, tmp_path):
    said = dray.batch(
        f"lcd {tmp_path}", "mkdir new", "cd new", "put large.bin", "-mkdir ../new",
        "rename large.bin other.bin", "ls -1", "@get other.bin back.bin", "-rm none",
        "!echo from the shell", "cd ..", "ls new").stdout
    assert "other.bin" in said and "from the shell" in said
    assert (tmp_path / "back.bin").read_bytes() == large.read_bytes()
    dray.batch("get none", "get new/other.bin never", code=1)
    assert not pathlib.Path("never").exists()


def test_going_on_where_a_file_ends(dray, large, tmp_path):
    dray.run("put", large, dray.url("large"))
    partial = tmp_path / "partial"
    partial.write_bytes(large.read_bytes()[:5_000_000])
    dray.batch(f"reget large {partial}")
    assert partial.read_bytes() == large.read_bytes()
    # What begins otherwise isn't continued.
    partial.write_bytes(b"x" * 5_000_000)
    dray.batch(f"reget large {partial}", code=1)
    assert partial.read_bytes() == b"x" * 5_000_000


@pytest.mark.parametrize("cut", [3000, 50_000, 2_000_000, 8_000_000])
def test_a_line_that_is_cut(server, dray, large, tmp_path, cut):
    dray.run("put", large, dray.url("large"))
    relay = Relay(server.port, cuts=[cut])
    try:
        through = Program(server, relay.port)
        through.run("get", "--retries", 5, "--retry-delay", "100ms", dray.url("large"),
                    tmp_path / "back")
        assert relay.n_cut == (1 if cut > 3000 else relay.n_cut)
    finally:
        relay.close()
    assert (tmp_path / "back").read_bytes() == large.read_bytes()
    assert sorted(p.name for p in tmp_path.iterdir()) == ["back", "large.bin"]


def test_uploads_over_a_line_that_is_cut(server, dray, tree, tmp_path):
    # What comes from the server during an upload is little: the cuts are early.
    relay = Relay(server.port, cuts=[4000, 6000])
    try:
        through = Program(server, relay.port)
        through.run("put", "-r", "--retries", 8, "--retry-delay", "100ms", tree, dray.url("tree"))
    finally:
        relay.close()
    dray.run("get", "-r", dray.url("tree"), tmp_path / "back")
    assert tree_of(tmp_path / "back") == tree_of(tree)


def test_times_and_modes_are_kept(dray, tmp_path):
    path = tmp_path / "doc"
    path.write_bytes(b"content")
    path.chmod(0o640)
    os.utime(path, (1_500_000_000, 1_400_000_000))
    dray.run("put", "-p", path, dray.url("doc"))
    dray.run("get", "-p", dray.url("doc"), tmp_path / "back")
    assert int((tmp_path / "back").stat().st_mtime) == 1_400_000_000


def test_globs(dray, tree):
    dray.run("put", "-r", tree, dray.url("tree"))
    found = dray.run("ls", dray.url("tree/request*")).stdout.split("\n")
    assert sorted(pathlib.PurePosixPath(name).name for name in found if name) == \
        sorted(name for name in FILES if name.startswith("request"))


def test_nobody_waits_for_a_server_that_is_gone(server, dray, large, tmp_path):
    relay = Relay(server.port)
    through = Program(server, relay.port)
    dray.run("put", large, dray.url("large"))
    relay.close()
    done = through.run("get", "--retries", 1, "--retry-delay", "50ms", dray.url("large"),
                       tmp_path / "back", code=8)
    assert "127.0.0.1" in done.stderr
    assert sorted(p.name for p in tmp_path.iterdir()) == ["large.bin"]
