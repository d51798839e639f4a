"""Each command of our client, each option and each exit code, with three kinds of servers.

stdio: dray-sftp-server as a child (-D); sshd: OpenSSH's; drayd: our own gateway. What only one kind
can show (a host key that changed) runs there.
"""

import contextlib
import hashlib
import json
import os
import pathlib
import pwd
import re
import signal
import socket
import subprocess
import tempfile
import time

import pytest
import servers
from conftest import content, make_tree, tree_of
from harness import BUILD, DRAY, Relay, free_port, wait_until

SERVER = BUILD / "src" / "stdio" / "dray-sftp-server"

OK, FAILED, USAGE, NO_DAEMON, CONFIG, HOST_KEY, AUTH, NOT_FOUND, UNREACHABLE, PARTLY, INTERRUPTED = \
    range(11)

# What a shell, a pattern, a terminal or a parser of options might stumble over.
NAMES = ["with space", "it's \"quoted\"", "new\nline", "Grüße-Ω", "-rf", "*?[a]", "back\\slash",
         "a:b", "%41", "tab\tand\x1b[2J", " leading", "trailing ", ".hidden", "$(x)`y`;&|"]


class Client:
    """dray with all that leads to one server, and the directory that the server shows."""

    def __init__(self, kind, root, remote, prefix, options):
        self.kind, self.root, self.remote = kind, pathlib.Path(root), remote
        self.prefix, self.options = prefix, options

    def url(self, path="", quote=True):
        """As sftp://, percent-encoded, so that any name will do; quote=False: as it is."""
        if quote:
            path = "".join(c if re.match(r"[\w./-]", c, re.ASCII) else
                           "".join(f"%{b:02X}" for b in c.encode()) for c in str(path))
        return f"{self.prefix}{self.remote}/{path}"

    def command(self, command, *words):
        return [str(word) for word in (DRAY, command, *self.options, *words)]

    def run(self, command, *words, code=OK, cwd=None, patience=120):
        done = subprocess.run(self.command(command, *words), stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, timeout=patience, cwd=cwd)
        assert done.returncode == code, \
            f"{command} {words}: {done.returncode}\n{done.stdout}{done.stderr}"
        return done

    def events(self, command, *words, **more):
        return [json.loads(line) for line in
                self.run(command, "--json", *words, **more).stdout.splitlines()]


def ssh_options(server, port=None):
    return ["-P", port or server.port, "-i", server.key, "-F", "none", "-o", "IdentitiesOnly=yes",
            "-o", f"UserKnownHostsFile={server.known_hosts}", "-o", "GlobalKnownHostsFile=none"]


def over_ssh(server, port=None):
    return Client(server.name, server.local, server.remote, f"sftp://{server.user}@127.0.0.1",
                  ssh_options(server, port))


@pytest.fixture(scope="module")
def running_servers():
    """Started when they are asked for."""
    with contextlib.ExitStack() as stack:
        made = {}

        def get(name):
            if name not in made:
                # Not pytest's own directory: a control socket's path must be short.
                home = pathlib.Path(tempfile.mkdtemp(prefix="interop-"))
                home.chmod(0o755)
                made[name] = stack.enter_context(servers.running(name, home))
            return made[name]
        yield get


def empty(directory):
    for path in sorted(directory.rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() and not path.is_symlink() else path.unlink()


@pytest.fixture
def stdio(tmp_path):
    root = tmp_path / "there"
    root.mkdir()
    return Client("stdio", root, str(root), "sftp://anywhere", ["-D", SERVER])


@pytest.fixture
def sshd(running_servers):
    server = running_servers("internal-sftp")
    empty(server.local)
    return over_ssh(server)


@pytest.fixture
def drayd(running_servers):
    server = running_servers("drayd")
    empty(server.local)
    return over_ssh(server)


@pytest.fixture(params=["stdio", "sshd", "drayd"])
def dray(request):
    return request.getfixturevalue(request.param)


@pytest.fixture
def here(tmp_path, monkeypatch):
    path = tmp_path / "here"
    path.mkdir()
    monkeypatch.chdir(path)
    return path


def write(path, data=b"x", mtime=None):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    if mtime is not None:
        os.utime(path, (mtime, mtime))
    return path


def names(directory):
    return sorted(path.name for path in directory.iterdir())


# get and put


def test_single_files(dray, here):
    write(dray.root / "a", b"one")
    dray.run("get", dray.url("a"))
    dray.run("get", dray.url("a"), "other")
    (here / "into").mkdir()
    dray.run("get", dray.url("a"), "into")
    assert names(here) == ["a", "into", "other"]
    assert (here / "into" / "a").read_bytes() == (here / "other").read_bytes() == b"one"
    dray.run("put", "other", dray.url())
    dray.run("put", "a", dray.url("renamed"))
    assert names(dray.root) == ["a", "other", "renamed"]
    said = dray.run("put", "a", dray.url("renamed"))
    assert said.stdout == ""
    assert re.fullmatch(r"1 file, 3 B in \w+ \([\d.]+ \w+/s\)\n", said.stderr)
    assert dray.run("put", "-q", "a", dray.url("renamed")).stderr == ""


@pytest.mark.parametrize("size", [0, 1, 32768, 261121, 3_000_001])
def test_sizes(dray, here, size):
    data = content("sizes", size)
    write(here / "a", data)
    dray.run("put", "--verify", "--fsync", "a", dray.url("b"))
    dray.run("get", "--verify", "-f", dray.url("b"), "c")
    assert (dray.root / "b").read_bytes() == (here / "c").read_bytes() == data


def test_awkward_names(stdio, here):
    for name in NAMES:
        write(stdio.root / name, name.encode())
    stdio.run("get", *[stdio.url(name) for name in NAMES])
    assert tree_of(here) == tree_of(stdio.root)
    empty(stdio.root)
    stdio.run("put", stdio.url(), "--", *[f"./{name}" for name in NAMES], code=USAGE)
    stdio.run("put", "--", *[f"./{name}" for name in NAMES], stdio.url())
    assert tree_of(here) == tree_of(stdio.root)
    listed = stdio.run("ls", "-a", stdio.url()).stdout.splitlines()
    assert len(listed) == len(NAMES), "one line each, whatever is in a name"
    assert "new\\x0aline" in listed and "tab\\x09and\\x1b[2J" in listed and "Grüße-Ω" in listed
    for name in NAMES:
        stdio.run("rm", stdio.url(name))
    assert names(stdio.root) == []


def test_trees(dray, here, tmp_path):
    make_tree(here / "tree")
    (here / "tree" / "hollow").mkdir()
    dray.run("put", "-r", "tree", dray.url())
    dray.run("put", "-r", "tree", dray.url("other"))
    assert tree_of(dray.root / "tree") == tree_of(dray.root / "other") == tree_of(here / "tree")
    dray.run("get", "-r", dray.url("tree"), "back")
    dray.run("get", "-r", "--connections", 3, dray.url("tree"), dray.url("other"), here)
    assert tree_of(here / "back") == tree_of(here / "other") == tree_of(here / "tree")
    dray.run("get", dray.url("tree"), "refused", code=FAILED)
    assert not (here / "refused").exists()


def test_patterns(dray, here):
    for name in ("a1.csv", "a2.csv", "b1.csv", "c.txt", "sub/a3.csv", "*.csv"):
        write(dray.root / name, name.encode())
    dray.run("get", dray.url("a?.csv", quote=False))
    assert names(here) == ["a1.csv", "a2.csv"]
    dray.run("get", dray.url("[bc]*", quote=False), dray.url("su*/*", quote=False), ".")
    assert names(here) == ["a1.csv", "a2.csv", "a3.csv", "b1.csv", "c.txt"]
    dray.run("get", dray.url("*.csv"), "literal")
    assert (here / "literal").read_bytes() == b"*.csv"
    said = dray.run("get", dray.url("no*", quote=False), code=NOT_FOUND).stderr
    assert "no*" in said
    dray.run("get", dray.url("no*", quote=False), dray.url("c.txt"), code=PARTLY)
    dray.run("rm", dray.url("a*", quote=False))
    assert "a1.csv" not in names(dray.root) and "b1.csv" in names(dray.root)


def test_hundreds_of_words(dray, here):
    for i in range(700):
        write(here / f"f{i:03}", b"%d" % i)
    dray.run("put", *names(here), dray.url())
    assert len(names(dray.root)) == 700
    (here / "back").mkdir()
    dray.run("get", *[dray.url(f"f{i:03}") for i in range(700)], "back")
    assert {p.name: p.read_bytes() for p in (here / "back").iterdir()} == \
        {f"f{i:03}": b"%d" % i for i in range(700)}


def test_preserve(dray, here):
    write(here / "a", mtime=1_000_000_000).chmod(0o640)
    dray.run("put", "-p", "a", dray.url("a"))
    there = (dray.root / "a").stat()
    assert int(there.st_mtime) == 1_000_000_000
    dray.run("get", "-p", dray.url("a"), "b")
    assert int((here / "b").stat().st_mtime) == 1_000_000_000
    if dray.kind != "drayd":  # a mailbox has its own modes
        assert there.st_mode & 0o777 == 0o640 == (here / "b").stat().st_mode & 0o777


def test_no_clobber(dray, here):
    write(dray.root / "a", b"there")
    write(here / "a", b"here")
    write(here / "new")
    events = dray.events("put", "--no-clobber", "a", "new", dray.url())
    assert [e["outcome"] for e in events if e["event"] == "ended"] == ["skipped", "done"]
    dray.run("get", "--no-clobber", dray.url("a"))
    assert (here / "a").read_bytes() == b"here" and (dray.root / "a").read_bytes() == b"there"


@pytest.mark.parametrize("options", [
    ["--in-place"], ["--upload-temp"], ["--request-size", "4KiB"], ["--budget", "4MiB"],
    ["--limit", "100M"], ["--retries", 0], ["--retry-delay", "10ms"], ["--timeout", "1m"],
    ["--no-progress"], ["-v"], ["-vvv"], ["--batch"], ["--connections", 4]],
    ids=lambda options: "".join(map(str, options)))
def test_options_that_change_no_content(dray, here, options):
    data = content("options", 1_000_003)
    write(here / "a", data)
    dray.run("put", *options, "a", dray.url("a"))
    dray.run("get", *[o for o in options if o not in ("--in-place", "--upload-temp")],
             dray.url("a"), "b")
    assert (dray.root / "a").read_bytes() == (here / "b").read_bytes() == data
    assert names(dray.root) == ["a"] and names(here) == ["a", "b"]


def test_read_once(dray, here):
    write(dray.root / "a", content("once", 700_001))
    dray.run("get", "--read-once", dray.url("a"))
    assert (here / "a").read_bytes() == content("once", 700_001)


def test_two_sources_of_one_name(dray, here):
    for name in ("x/a", "y/a"):
        write(dray.root / name)
    said = dray.run("get", dray.url("x/a"), dray.url("y/a"), ".", code=USAGE).stderr
    assert "two of the sources would be written to" in said
    assert names(here) == []


def test_several_need_a_directory(dray, here):
    write(here / "a")
    write(here / "b")
    said = dray.run("put", "a", "b", dray.url("nowhere"), code=FAILED).stderr
    assert "no such directory" in said
    dray.run("put", "a", dray.url("nowhere/"), code=FAILED)
    dray.run("put", "a", "b", dray.url())
    said = dray.run("get", dray.url("a"), dray.url("b"), "nowhere", code=FAILED).stderr
    assert "no such directory" in said
    assert names(here) == ["a", "b"]


# Going on


@pytest.mark.parametrize("how", ["hash", "tail", "size"])
def test_append(dray, here, how):
    data = content("append", 2_000_001)
    write(here / "a", data[:1_500_000])
    write(dray.root / "a", data)
    events = dray.events("get", "--append", "--proof", how, dray.url("a"))
    ended = next(e for e in events if e["event"] == "ended")
    assert (here / "a").read_bytes() == data
    assert (ended["resumed"], ended["bytes"]) == (1_500_000, 500_001)


def test_a_beginning_that_is_another(dray, here):
    data = content("append", 1_000_001)
    write(here / "a", bytes(500_000))
    write(dray.root / "a", data)
    subprocess.run(dray.command("get", "--append", dray.url("a")), capture_output=True,
                   stdin=subprocess.DEVNULL, timeout=120)
    assert (here / "a").read_bytes() in (bytes(500_000), data), "never a mixture"


class Running:
    """A command in the background, with its JSON events."""

    def __init__(self, client, command, *words):
        self.process = subprocess.Popen(
            client.command(command, *words), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, text=True)

    def end(self, patience=60):
        out, err = self.process.communicate(timeout=patience)
        return self.process.returncode, out, err


def partial_bytes(directory, final):
    """Of files beside the final one: what is there of it."""
    return sum(p.stat().st_size for p in directory.iterdir() if p.name != final)


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_get_interrupted_and_resumed(dray, here, how):
    data = content("interrupted", 8_000_001)
    write(dray.root / "a", data)
    slow = Running(dray, "get", "--limit", "2MiB", dray.url("a"))
    wait_until(lambda: partial_bytes(here, "a") > 500_000, "no part of the file has come")
    slow.process.send_signal(how)
    code, out, err = slow.end()
    assert code == INTERRUPTED and out == "", err
    assert "dray: interrupted\ndray: the same command with --resume goes on\n" in err
    assert not (here / "a").exists(), "nothing half-written under its name"
    events = dray.events("get", "--resume", dray.url("a"))
    ended = next(e for e in events if e["event"] == "ended")
    assert ended["resumed"] > 0 and ended["resumed"] + ended["bytes"] == len(data)
    assert (here / "a").read_bytes() == data and names(here) == ["a"]


def test_put_interrupted_and_resumed(dray, here):
    data = content("interrupted", 8_000_001)
    write(here / "a", data)
    slow = Running(dray, "put", "--limit", "2MiB", "--json", "a", dray.url("a"))
    slow.process.stdout.readline()
    time.sleep(1)  # nothing depends on how far it has come
    slow.process.send_signal(signal.SIGINT)
    code, out, err = slow.end()
    assert code == INTERRUPTED, err
    assert json.loads(out.splitlines()[-1])["exit"] == INTERRUPTED
    assert not (dray.root / "a").exists()
    dray.run("put", "--resume", "a", dray.url("a"))
    assert (dray.root / "a").read_bytes() == data and names(dray.root) == ["a"]


def test_interrupted_twice(stdio, here):
    write(stdio.root / "a", content("twice", 50_000_000))
    slow = Running(stdio, "get", "--limit", "1MiB", stdio.url("a"))
    wait_until(lambda: partial_bytes(here, "a") > 0, "no part of the file has come")
    slow.process.send_signal(signal.SIGINT)
    slow.process.send_signal(signal.SIGINT)
    code, _, _ = slow.end()
    assert code in (INTERRUPTED, -signal.SIGINT)
    assert not (here / "a").exists()


def test_a_line_that_breaks(running_servers, sshd, here):
    """It is opened again, and the file goes on where it stopped."""
    server = running_servers("internal-sftp")
    data = content("broken", 6_000_001)
    write(sshd.root / "a", data)
    relay = Relay(server.port, cuts=[2_000_000])
    try:
        dray = through(server, relay.port)
        said = dray.run("get", "--retry-delay", "10ms", dray.url("a")).stderr
        assert relay.n_cut == 1 and "again" in said
        assert (here / "a").read_bytes() == data
        relay.cuts = [1_000_000]
        said = dray.run("get", "--retries", 0, dray.url("a"), "b", code=UNREACHABLE).stderr
        assert f"127.0.0.1 port {relay.port}" in said
        assert "the same command with --resume goes on" in said
        assert not (here / "b").exists()
        dray.run("get", "--resume", dray.url("a"), "b")
        assert (here / "b").read_bytes() == data and names(here) == ["a", "b"]
    finally:
        relay.close()


def test_a_line_that_breaks_while_logging_in(running_servers, sshd, here):
    """Who says --retries means the first connection, too; else it is told at once."""
    server = running_servers("internal-sftp")
    write(sshd.root / "a", b"content")
    relay = Relay(server.port, cuts=[10])
    try:
        dray = through(server, relay.port)
        said = dray.run("get", dray.url("a"), code=UNREACHABLE).stderr
        assert relay.n_cut == 1 and "again" not in said and "127.0.0.1" in said
        relay.cuts = [10]
        said = dray.run("get", "--retries", 2, "--retry-delay", "10ms", dray.url("a")).stderr
        assert relay.n_cut == 2 and "(1 of 2)" in said
        assert (here / "a").read_bytes() == b"content"
    finally:
        relay.close()


def through(server, port):
    """The same server at another port, whose host key is known there, too."""
    line = server.known_hosts.read_text().splitlines()[0].split(" ", 1)[1]
    with open(server.known_hosts, "a") as known:
        known.write(f"[127.0.0.1]:{port} {line}\n")
    return over_ssh(server, port)


# Single requests


def test_ls(dray):
    for name in ("b", "a", ".hidden"):
        write(dray.root / name, b"12345", mtime=1_000_000_000)
    (dray.root / "sub").mkdir()
    write(dray.root / "sub" / "x")
    assert dray.run("ls", dray.url()).stdout == "a\nb\nsub\n"
    assert dray.run("ls", "-a", dray.url()).stdout == ".hidden\na\nb\nsub\n"
    assert sorted(dray.run("ls", "-f", dray.url()).stdout.split()) == ["a", "b", "sub"]
    assert re.match(r"-rw\S+ +\S+ +\S+ +\S+ +5 Sep +9 +2001 a\n",
                    dray.run("ls", "-l", dray.url()).stdout)
    assert dray.run("ls", dray.url("[ab]", quote=False)).stdout.split() == \
        [f"{dray.remote}/a", f"{dray.remote}/b"]
    found = dray.events("ls", dray.url())
    assert [e["name"] for e in found] == ["a", "b", "sub"]
    assert [e["type"] for e in found] == ["file", "file", "directory"]
    assert (found[0]["size"], found[0]["mtime"]) == (5, 1_000_000_000)
    assert dray.run("ls", dray.url("a")).stdout == f"{dray.remote}/a\n"
    assert dray.run("ls", dray.url("sub")).stdout == "x\n"
    assert dray.run("ls", dray.url("nothing"), code=NOT_FOUND).stdout == ""


def test_ls_of_a_reader_that_leaves(stdio):
    for i in range(3000):
        write(stdio.root / f"{i:04}", b"")
    with subprocess.Popen(stdio.command("ls", "-f", stdio.url()), stdout=subprocess.PIPE,
                          stderr=subprocess.DEVNULL) as listing:
        listing.stdout.close()
        assert listing.wait(60) == FAILED


def test_stat(dray):
    write(dray.root / "a", b"12345", mtime=1_000_000_000)
    said = dray.run("stat", dray.url("a")).stdout
    assert said.startswith(f"{dray.remote}/a\n  type   file\n  size   5\n  mode   0")
    assert "  mtime  2001-09-09T01:46:40Z\n" in said
    told = dray.events("stat", dray.url("a"), dray.url())
    assert [t["type"] for t in told] == ["file", "directory"] and told[0]["target"] is None
    said = dray.run("stat", dray.url("a"), dray.url("no"), code=PARTLY)
    assert said.stdout != "" and re.search(r"dray: [^\n]*/no: no such file", said.stderr)
    dray.run("stat", dray.url("no"), dray.url("nor"), code=NOT_FOUND)


def test_stat_of_a_link(stdio):
    (stdio.root / "link").symlink_to("some where")
    assert "  type   link\n" in stdio.run("stat", stdio.url("link")).stdout
    assert stdio.events("stat", stdio.url("link"))[0]["target"] == "some where"


@pytest.mark.parametrize("algorithm", ["sha256", "sha1", "md5"])
def test_sum(dray, algorithm):
    data = content("sum", 2_345_678)
    write(dray.root / "a", data)
    write(dray.root / "empty", b"")
    said = dray.run("sum", "--algorithm", algorithm, dray.url("a"), dray.url("empty")).stdout
    assert said == "".join(f"{hashlib.new(algorithm, d).hexdigest()}  {dray.remote}/{n}\n"
                           for d, n in ((data, "a"), (b"", "empty")))
    told = dray.events("sum", dray.url("a"))[0]
    assert told["algorithm"] == "sha256" and told["hash"] == hashlib.sha256(data).hexdigest()
    dray.run("sum", dray.url("no"), code=NOT_FOUND)
    dray.run("sum", "--algorithm", "crc32", dray.url("a"), code=USAGE)


def test_mkdir_mv_rm(dray):
    dray.run("mkdir", dray.url("a"))
    dray.run("mkdir", dray.url("a"), code=FAILED)
    dray.run("mkdir", "-p", dray.url("a"), dray.url("a/b/c"))
    dray.run("mkdir", dray.url("x/y"), code=NOT_FOUND)
    write(dray.root / "f", b"f")
    assert "f" in dray.run("mv", "-v", dray.url("f"), dray.url("a/b")).stdout
    assert (dray.root / "a" / "b" / "f").read_bytes() == b"f"
    dray.run("mv", dray.url("a/b/f"), f"{dray.remote}/g")
    write(dray.root / "h", b"h")
    dray.run("mv", "--no-clobber", dray.url("g"), dray.url("h"), code=FAILED)
    assert (dray.root / "h").read_bytes() == b"h"
    dray.run("mv", dray.url("g"), dray.url("h"))
    assert (dray.root / "h").read_bytes() == b"f"
    dray.run("rm", dray.url("a"), code=FAILED)
    dray.run("rm", dray.url("a"), dray.url("h"), code=PARTLY)
    assert names(dray.root) == ["a"]
    assert "event" in dray.events("rm", "-r", dray.url("a"))[0]
    assert names(dray.root) == []
    dray.run("rm", dray.url("a"), code=NOT_FOUND)
    dray.run("mv", dray.url("a"), dray.url("b"), code=NOT_FOUND)


def test_rm_follows_no_links(stdio, tmp_path):
    write(tmp_path / "precious" / "file")
    (stdio.root / "tree").mkdir()
    (stdio.root / "tree" / "link").symlink_to(tmp_path / "precious")
    stdio.run("rm", "-r", stdio.url("tree"))
    assert names(stdio.root) == [] and (tmp_path / "precious" / "file").exists()


# sync


def both(client, here, up):
    """Source, target, and the two words of the command."""
    (client.root / "t").mkdir(exist_ok=True)
    (here / "t").mkdir(exist_ok=True)
    if up:
        return here / "t", client.root / "t", ("t", client.url("t"))
    return client.root / "t", here / "t", (client.url("t"), "t")


@pytest.mark.parametrize("up", [True, False], ids=["up", "down"])
def test_sync(dray, here, up):
    source, target, words = both(dray, here, up)
    make_tree(source)
    write(source / "old", b"same", mtime=1_000_000_000)
    dray.run("sync", *words)
    assert tree_of(target) == tree_of(source)
    assert int((target / "old").stat().st_mtime) == 1_000_000_000
    again = dray.events("sync", *words)
    assert again[-1]["files"] == 0, "what is equal is passed over"
    write(source / "old", b"anew", mtime=1_000_000_100)
    write(target / "extra", b"x")
    dray.run("sync", *words)
    assert (target / "old").read_bytes() == b"anew" and (target / "extra").exists()
    planned = dray.run("sync", "-n", "--delete", *words).stdout
    assert "removed   extra" in planned and (target / "extra").exists()
    told = dray.events("sync", "--delete", *words)
    assert [e["path"] for e in told if e.get("action") == "removed"] == ["extra"]
    assert told[-1]["removed"] == 1 and tree_of(target) == tree_of(source)


@pytest.mark.parametrize("up", [True, False], ids=["up", "down"])
@pytest.mark.parametrize("options,expected", [
    (["--exclude", "*.tmp"], ["a.csv", "big", "sub", "sub/c.csv"]),
    (["--include", "*.csv", "--include", "*/", "--exclude", "*"], ["a.csv", "sub", "sub/c.csv"]),
    (["--exclude", "sub/"], ["a.csv", "b.tmp", "big"]),
    (["--exclude", "sub/c.csv"], ["a.csv", "b.tmp", "big", "sub"]),
    (["--min-size", "1KiB"], ["big", "sub"]),
    (["--max-size", "1KiB"], ["a.csv", "b.tmp", "sub", "sub/c.csv"]),
    (["--max-age", "1h"], ["b.tmp", "big", "sub", "sub/c.csv"]),
], ids=lambda v: "".join(v) if isinstance(v, list) and v[0].startswith("--") else "")
def test_sync_of_a_part(dray, here, up, options, expected):
    source, target, words = both(dray, here, up)
    for name, size in (("a.csv", 1), ("b.tmp", 1), ("big", 5000), ("sub/c.csv", 1)):
        write(source / name, bytes(size))
    os.utime(source / "a.csv", (1_000_000_000, 1_000_000_000))
    dray.run("sync", *options, *words)
    assert sorted(tree_of(target)) == expected


def test_sync_by_contents_and_slack(dray, here):
    source, target, words = both(dray, here, True)
    write(source / "a", b"old", mtime=1_000_000_000)
    write(target / "a", b"new", mtime=1_000_000_000)
    dray.run("sync", *words)
    assert (target / "a").read_bytes() == b"new", "size and time are equal"
    dray.run("sync", "--checksum", *words)
    assert (target / "a").read_bytes() == b"old"
    os.utime(source / "a", (1_000_000_001, 1_000_000_001))
    assert dray.events("sync", "--mtime-slack", "2s", *words)[-1]["files"] == 0
    assert dray.events("sync", *words)[-1]["files"] == 1


# Exit codes, complaints and events


def test_events(dray, here):
    write(here / "new\nline", b"12345")
    events = dray.events("put", "--verify", "new\nline", "missing", dray.url(), code=PARTLY)
    assert {e["event"] for e in events} <= {"started", "ended", "notice", "summary"}
    ended = {e["local"]: e for e in events if e["event"] == "ended"}
    done, failed = ended["new\\x0aline"], ended["missing"]
    assert done["outcome"] == "done" and done["bytes"] == 5 and done["error"] is None
    assert done["sha256"] == hashlib.sha256(b"12345").hexdigest()
    assert done["remote"].endswith("/new\\x0aline") and done["us"] >= 0
    assert failed["outcome"] == "failed" and failed["error"] == "no-entry" and failed["story"]
    summary = events[-1]
    assert (summary["event"], summary["files"], summary["failed"], summary["exit"]) == \
        ("summary", 1, 1, PARTLY)


def test_complaints(dray, here):
    write(here / "a")
    said = dray.run("put", "a", "missing\x1b", dray.url(), code=PARTLY).stderr
    assert re.search(r"^dray: [^\n]*missing\\x1b: no such file or directory$", said, re.MULTILINE)
    assert re.search(r"^1 file, 1 B in .*, 1 failed$", said, re.MULTILINE)


@pytest.mark.parametrize("words,code,said", [
    (["get"], USAGE, "get needs: URL"),
    (["get", "local"], USAGE, "it names no server"),
    (["get", "sftp://h/a", "sftp://i/b"], USAGE, "of one server"),
    (["get", "sftp://u:p@h/a"], USAGE, "a password doesn't belong there"),
    (["get", "--proof", "faith", "h:a"], USAGE, "--proof is hash, tail or size"),
    (["get", "--resume", "--append", "h:a"], USAGE, "contradict each other"),
    (["put", "--in-place", "--upload-temp", "a", "h:a"], USAGE, "contradict each other"),
    (["put", "h:a", "h:b"], USAGE, "is on a server"),
    (["sync", "a", "b"], USAGE, "one of the two must be on a server"),
    (["sync", "h:a", "i:b"], USAGE, "one of the two must be on a server"),
    (["sync", "--min-size", "2", "--max-size", "1", "h:a", "b"], USAGE, "--min-size is more"),
    (["ls", "--checksum", "h:"], USAGE, "ls takes no --checksum"),
    (["get", "-c", "x", "h:a"], USAGE, "get takes no --config"),
    (["mv", "h:a", "i:b"], USAGE, "mv stays on one server"),
    (["ls", "-D", "/no/such/program", "h:"], UNREACHABLE, "cannot start the SFTP server"),
    (["ls", "-D", "/bin/true", "h:"], UNREACHABLE, ""),
    (["ls", "-F", "/no/such/file", "h:"], USAGE, "/no/such/file"),
    (["ls", "-F", "none", "-o", "NoSuchKey=1", "h:"], USAGE, "NoSuchKey"),
], ids=lambda v: " ".join(v) if isinstance(v, list) else "")
def test_refused(here, words, code, said):
    write(here / "a")
    done = subprocess.run([DRAY, *words], capture_output=True, text=True, timeout=60,
                          stdin=subprocess.DEVNULL)
    assert (done.returncode, done.stdout) == (code, ""), done.stderr
    assert said in done.stderr and done.stderr.startswith("dray: ")


def test_nobody_is_there(sshd):
    sshd.options[1] = free_port()
    assert "127.0.0.1" in sshd.run("ls", sshd.url(), code=UNREACHABLE).stderr


def test_a_silent_server(sshd):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        sshd.options[1] = silent.getsockname()[1]
        sshd.run("ls", "--timeout", "300ms", sshd.url(), code=UNREACHABLE)


def test_host_keys(sshd, tmp_path):
    known = tmp_path / "known_hosts"
    where = sshd.options.index("-o", sshd.options.index("-o") + 1) + 1
    sshd.options[where] = f"UserKnownHostsFile={known}"
    port = sshd.options[1]
    write(known, b"")
    said = sshd.run("get", sshd.url("x"), code=HOST_KEY).stderr
    assert "host key" in said
    other = subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", tmp_path / "k"],
                           check=True) and (tmp_path / "k.pub").read_text()
    known.write_text(f"[127.0.0.1]:{port} {other}")
    said = sshd.run("ls", sshd.url(), code=HOST_KEY).stderr
    assert str(known) in said and "nothing was sent" in said


def test_a_refused_key(sshd, tmp_path):
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", tmp_path / "k"], check=True)
    sshd.options[sshd.options.index("-i") + 1] = tmp_path / "k"
    sshd.run("ls", sshd.url(), code=AUTH)


def test_a_passphrase(sshd, tmp_path):
    key = tmp_path / "k"
    key.write_bytes(pathlib.Path(sshd.options[sshd.options.index("-i") + 1]).read_bytes())
    key.chmod(0o600)
    subprocess.run(["ssh-keygen", "-q", "-p", "-P", "", "-N", "geheim", "-f", key], check=True)
    sshd.options[sshd.options.index("-i") + 1] = key
    secret = write(tmp_path / "secret", b"geheim\n")
    secret.chmod(0o600)
    sshd.run("ls", "--passphrase-file", secret, sshd.url())
    sshd.run("ls", sshd.url(), code=AUTH)
    secret.write_text("falsch\n")
    sshd.run("ls", "--passphrase-file", secret, sshd.url(), code=AUTH)


def test_ways_to_say_where(sshd, tmp_path):
    """Port, user and host of the options, of the URL, of ssh_config; families; scp's form."""
    write(sshd.root / "a")
    user = sshd.prefix.removeprefix("sftp://").split("@")[0]
    port = str(sshd.options[1])
    rest = sshd.options[2:]
    path = f"{sshd.remote}/a"

    def ls(*words, code=OK):
        done = subprocess.run([str(w) for w in (DRAY, "ls", *words)], capture_output=True,
                              text=True, timeout=60, stdin=subprocess.DEVNULL)
        assert done.returncode == code, done.stderr
        return done.stdout

    assert ls(*rest, f"sftp://{user}@127.0.0.1:{port}{path}") == f"{path}\n"
    assert ls(*rest, "-P", port, "--user", user, f"127.0.0.1:{path}") == f"{path}\n"
    assert ls(*rest, "-o", f"Port={port}", "-4", f"{user}@127.0.0.1:{path}") == f"{path}\n"
    ls(*rest, "-P", port, "-6", f"{user}@127.0.0.1:{path}", code=UNREACHABLE)
    config = write(tmp_path / "config", f"Host box\n HostName 127.0.0.1\n Port {port}\n User {user}\n"
                   f" IdentityFile {rest[1]}\n UserKnownHostsFile {rest[7].split('=')[1]}\n".encode())
    assert ls("-F", config, f"box:{path}") == f"{path}\n"
    # sshd begins in the home that the system knows, whatever the environment says.
    relative = os.path.relpath(path, pwd.getpwuid(os.getuid()).pw_dir)
    assert ls("-F", config, f"box:{relative}") == f"{relative}\n"
    assert ls("-F", config, f"sftp://box/~/{relative}") == f"{relative}\n"


# The terminal


def test_progress_and_the_summary_on_a_terminal(stdio, here):
    """script(1) makes the terminal; nothing of the drawing is left but the summary."""
    write(stdio.root / "a", content("progress", 3_000_000))
    line = " ".join(f"'{w}'" for w in stdio.command("get", "--limit", "2MiB", stdio.url("a")))
    done = subprocess.run(["script", "-qec", line, "/dev/null"], capture_output=True, timeout=60,
                          env={**os.environ, "TERM": "xterm"}, stdin=subprocess.DEVNULL)
    text = done.stdout.decode()
    assert done.returncode == OK, text
    assert "\x1b[K" in text and "MiB/s" in text and "0/1 files" in text
    assert re.search(r"\r\x1b\[K\x1b\[A\x1b\[K1 file, 2\.9 MiB in [^\x1b]*\r\n$", text)
    assert (here / "a").read_bytes() == content("progress", 3_000_000)


def answer(command, question, typed):
    """Runs it at a terminal of its own, and types when the question is seen. Its code and text."""
    line = " ".join(f"'{word}'" for word in command)
    seen = b""
    with subprocess.Popen(["script", "-qec", line, "/dev/null"], stdin=subprocess.PIPE,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as process:
        while question not in seen:
            more = os.read(process.stdout.fileno(), 4096)
            assert more, f"it was not asked: {seen.decode(errors='replace')}"
            seen += more
        process.stdin.write(typed)
        process.stdin.flush()
        seen += process.stdout.read()
        process.stdin.close()
        return process.wait(60), seen.decode()


@pytest.mark.parametrize("how", ["yes", "fingerprint", "no"])
def test_confirming_a_host_key(running_servers, sshd, tmp_path, how):
    server = running_servers("internal-sftp")
    known = tmp_path / "known_hosts"
    where = sshd.options.index("-o", sshd.options.index("-o") + 1) + 1
    sshd.options[where] = f"UserKnownHostsFile={known}"
    fingerprint = subprocess.run(
        ["ssh-keygen", "-lf", server.home / "host_key.pub"], check=True, capture_output=True,
        text=True).stdout.split()[1]
    typed = {"yes": "perhaps\nyes\n", "fingerprint": f"{fingerprint}\n", "no": "no\n"}[how]
    write(sshd.root / "seen")
    code, text = answer(sshd.command("ls", sshd.url()), fingerprint.encode(), typed.encode())
    assert code == (HOST_KEY if how == "no" else OK), text
    if how != "no":
        assert "seen" in text
        sshd.run("ls", sshd.url())


def test_asking_for_a_passphrase(sshd, tmp_path):
    key = tmp_path / "k"
    key.write_bytes(pathlib.Path(sshd.options[sshd.options.index("-i") + 1]).read_bytes())
    key.chmod(0o600)
    subprocess.run(["ssh-keygen", "-q", "-p", "-P", "", "-N", "geheim", "-f", key], check=True)
    sshd.options[sshd.options.index("-i") + 1] = key
    write(sshd.root / "seen")
    code, text = answer(sshd.command("ls", sshd.url()), b"assphrase", b"geheim\n")
    assert code == OK and "seen" in text and "geheim" not in text


def test_the_examples_of_the_manual(stdio, here):
    """Those of files on servers, as they stand in dray(1), but for the server's name."""
    manual = (pathlib.Path(__file__).parents[2] / "man" / "dray.1").read_text()
    examples = manual.split(".Sh EXAMPLES")[1]
    lines = [line[2:] for line in examples.replace("|\n    ", "| ").splitlines()
             if line.startswith("$ dray ") and "sftp.example" in line]
    assert len(lines) >= 6
    for name in ("outbox/a.csv", "outbox/b.csv", "pub/x/y", "pub/z.tmp"):
        write(stdio.root / name, name.encode())
    (stdio.root / "inbox").mkdir()
    write(here / "reports" / "r")
    write(here / "a.csv", b"a")
    (here / "incoming").mkdir()
    for line in lines:
        line = line.replace("sftp://sftp.example", f"sftp://sftp.example{stdio.root}")
        line = line.replace("sftp.example:", f"sftp.example:{stdio.root}/")
        line = line.replace("dray ", f"{DRAY} ", 1).replace(
            f"{DRAY} ", f"{DRAY} -D {SERVER} ", 1)
        done = subprocess.run(["sh", "-ec", line], capture_output=True, text=True, timeout=60,
                              stdin=subprocess.DEVNULL)
        assert done.returncode == OK, f"{line}\n{done.stderr}"
    assert names(here / "incoming") == ["a.csv", "b.csv"]
    assert sorted(tree_of(here / "mirror")) == ["x", "x/y"]
    assert sorted(tree_of(stdio.root / "inbox")) == ["a.csv", "reports", "reports/r"]
