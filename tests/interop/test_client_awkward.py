"""Our client with a server of awkward and hostile habits (awkward.py).

For each habit the transfer completes right, or fails with a clear message; and nothing is ever
written outside of the target, whatever names the server sends.
"""

import os
import pathlib
import signal
import subprocess
import tempfile

import awkward
import paramiko
import pytest
from conftest import content, tree_of
from harness import DRAY, remove_tree

SIZE = 700_001

# Exit codes of dray(1).
OK, FAILED, NOT_FOUND, UNREACHABLE, SOME_FAILED = 0, 1, 7, 8, 9


@pytest.fixture(scope="module")
def keys():
    directory = pathlib.Path(tempfile.mkdtemp(prefix="awkward-"))
    for name in ("host", "user"):
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", directory / name],
                       check=True)
    yield directory
    remove_tree(directory)


class Awkward:
    def __init__(self, directory, keys, habits):
        self.root = directory / "there" / "root"
        self.root.mkdir(parents=True)
        self.here = directory / "outer" / "here"
        self.here.mkdir(parents=True)
        self.outer = self.here.parent
        self.keys = keys
        self.server = awkward.Server(
            self.root, paramiko.Ed25519Key(filename=str(keys / "host")),
            paramiko.Ed25519Key(filename=str(keys / "user")), habits)
        known = directory / "known_hosts"
        known.write_text(f"[127.0.0.1]:{self.server.port} {(keys / 'host.pub').read_text()}")
        self.options = ["-P", str(self.server.port), "-i", str(keys / "user"), "-F", "none", "-o",
                        "IdentitiesOnly=yes", "-o", f"UserKnownHostsFile={known}",
                        "-o", "GlobalKnownHostsFile=none"]

    def url(self, path=""):
        return f"box@127.0.0.1:/{path}"

    def run(self, command, *words, code=OK, patience=60):
        done = subprocess.run([DRAY, command, "--batch", *self.options, *map(str, words)],
                              stdin=subprocess.DEVNULL, capture_output=True, text=True,
                              timeout=patience, cwd=self.here)
        codes = code if isinstance(code, tuple) else (code,)
        assert done.returncode in codes, \
            f"{command} {words}: {done.returncode}\n{done.stdout}{done.stderr}"
        assert done.returncode == OK or done.stderr.startswith("dray: "), done.stderr
        return done

    def put_there(self, name="doc", size=SIZE):
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content(name, size))
        return path.read_bytes()

    def names_here(self):
        return sorted(p.name for p in self.here.iterdir())

    def nothing_escaped(self):
        """Only what is below the target was made."""
        return [p.name for p in self.outer.iterdir()] == ["here"] and \
            not pathlib.Path("/etc/escape").exists()


@pytest.fixture
def awkward_server(tmp_path, keys):
    made = []

    def make(*habits):
        made.append(Awkward(tmp_path, keys, habits))
        return made[-1]

    yield make
    for one in made:
        one.server.close()


@pytest.mark.parametrize("habits", [
    (), ("no-setstat",), ("no-extensions",), ("no-overwriting-rename",), ("no-rename",),
    ("out-of-order",), ("short-reads",), ("reads-4k",), ("no-sizes",), ("no-temporary-names",),
    ("stat-fails",), ("short-reads", "out-of-order", "no-extensions", "no-setstat"),
], ids="+".join)
def test_a_file_goes_there_and_back(awkward_server, habits):
    there = awkward_server(*habits)
    for text in (b"first", content("second", SIZE)):
        (there.here / "doc").write_bytes(text)
        there.run("put", "-p", "doc", there.url("doc"))
        assert (there.root / "doc").read_bytes() == text
        there.run("get", "-p", there.url("doc"), "back")
        assert (there.here / "back").read_bytes() == text
    assert [p.name for p in there.root.iterdir()] == ["doc"], "nothing temporary stays"
    assert there.names_here() == ["back", "doc"]


@pytest.mark.parametrize("habits", [
    (), ("out-of-order",), ("short-reads",), ("reads-4k", "no-sizes"), ("no-extensions", "no-setstat")
], ids="+".join)
def test_a_tree_goes_there_and_back(awkward_server, habits):
    there = awkward_server(*habits)
    for i in range(60):
        path = there.here / "tree" / f"d{i % 5}" / f"f{i}"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content(f"f{i}", i * 977))
    there.run("put", "-r", "tree", there.url("tree"))
    assert tree_of(there.root / "tree") == tree_of(there.here / "tree")
    there.run("get", "-r", there.url("tree"), "back")
    assert tree_of(there.here / "back") == tree_of(there.here / "tree")


def test_a_refused_setstat_is_a_warning(awkward_server):
    there = awkward_server("no-setstat")
    (there.here / "doc").write_bytes(b"content")
    assert "doc" in there.run("put", "-p", "doc", there.url("doc")).stderr


def test_a_file_that_is_given_once(awkward_server):
    there = awkward_server("read-once")
    text = there.put_there()
    there.run("get", "--read-once", there.url("doc"), "doc")
    assert (there.here / "doc").read_bytes() == text
    asked = [words[0] for words in there.server.asked if "/doc" in words]
    assert asked == ["stat", "open"] or asked == ["open"]


def test_many_files_that_are_given_once(awkward_server):
    there = awkward_server("read-once", "short-reads")
    texts = {f"f{i}": there.put_there(f"box/f{i}", i * 1000) for i in range(40)}
    there.run("get", "-r", "--read-once", there.url("box"), "box")
    assert {p.name: p.read_bytes() for p in (there.here / "box").iterdir()} == texts
    assert len(there.server.asked_for("open")) == len(texts)
    assert there.server.asked_for("fstat", "setstat", "fsetstat", "rename") == []


@pytest.mark.parametrize("habit", [
    "huge-packet", "too-much-data", "wrong-id", "wrong-type", "empty-data"])
def test_answers_that_make_no_sense(awkward_server, habit):
    there = awkward_server(habit)
    there.put_there()
    (there.here / "doc").write_bytes(b"as it was")
    done = there.run("get", "--retries", "1", "--retry-delay", "10ms", there.url("doc"), "doc",
                     code=(FAILED, UNREACHABLE, SOME_FAILED))
    assert len(done.stderr) > len("dray: ")
    assert (there.here / "doc").read_bytes() == b"as it was"


def test_a_server_that_never_answers(awkward_server):
    there = awkward_server("no-answer")
    there.put_there()
    done = there.run("get", "--timeout", "1s", "--retries", "1", "--retry-delay", "10ms",
                     there.url("doc"), "doc", code=UNREACHABLE)
    assert "127.0.0.1" in done.stderr
    assert "doc" not in there.names_here()


def test_a_file_that_is_shorter_than_its_server_says(awkward_server):
    there = awkward_server("says-more")
    there.put_there()
    done = there.run("get", there.url("doc"), "doc", code=(FAILED, SOME_FAILED))
    assert "doc" in done.stderr
    assert "doc" not in there.names_here(), "what is not complete doesn't get the name"


def test_a_file_that_is_longer_than_its_server_says(awkward_server):
    there = awkward_server("says-less")
    text = there.put_there()
    done = there.run("get", there.url("doc"), "doc", code=(OK, FAILED, SOME_FAILED))
    if done.returncode == OK:
        assert (there.here / "doc").read_bytes() == text
    else:
        assert "doc" not in there.names_here()


def test_names_that_lead_out(awkward_server):
    there = awkward_server("evil-names")
    there.put_there("box/good", 100)
    done = there.run("get", "-r", there.url("box"), "box", code=(OK, SOME_FAILED))
    assert there.nothing_escaped()
    assert [p.name for p in (there.here / "box").iterdir()] == ["good"]
    assert "escape" in done.stderr, "what was passed over is said"
    there.run("sync", there.url("box"), "synced", code=(OK, FAILED, SOME_FAILED))
    assert there.nothing_escaped()
    there.run("ls", there.url("box"), code=(OK, FAILED))


def test_names_that_lead_out_of_a_glob(awkward_server):
    there = awkward_server("evil-names")
    there.put_there("box/good", 100)
    there.run("get", there.url("box/*"), ".", code=(OK, SOME_FAILED))
    assert there.nothing_escaped()
    assert there.names_here() == ["good"]
    batch = "get /box/*\nget -r /box\nmget /box/*escape*\nls -la /box\n"
    subprocess.run([DRAY, "sftp", "-b", "-", *there.options, "box@127.0.0.1"], input=batch,
                   text=True, capture_output=True, timeout=60, cwd=there.here)
    assert there.nothing_escaped()


def test_odd_names_are_kept_and_shown_safely(awkward_server):
    there = awkward_server("odd-names")
    there.put_there("box/good", 100)
    there.run("get", "-r", there.url("box"), "box")
    assert sorted(p.name for p in (there.here / "box").iterdir()) == \
        sorted(["good", *awkward.ODD_NAMES])
    for option in ([], ["-l"]):
        shown = there.run("ls", *option, there.url("box")).stdout
        assert "\x1b" not in shown and "\x7f" not in shown
        assert "new\nline" not in shown


def test_links_here_lead_nowhere(awkward_server, tmp_path):
    """A server cannot have a file written through a link that is in the way."""
    there = awkward_server()
    text = there.put_there("box/sub/doc", 100)
    (tmp_path / "elsewhere").mkdir()
    (there.here / "box").mkdir()
    (there.here / "box" / "sub").symlink_to(tmp_path / "elsewhere")
    there.run("get", "-r", there.url("box"), ".", code=(OK, SOME_FAILED, FAILED))
    assert os.listdir(tmp_path / "elsewhere") == []
    assert text


def test_a_directory_without_end(awkward_server):
    there = awkward_server("endless-directory")
    (there.root / "box").mkdir()
    process = subprocess.Popen([DRAY, "ls", "-f", "--batch", *there.options, there.url("box")],
                               stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                               stderr=subprocess.DEVNULL, cwd=there.here)
    n = 0
    for _ in process.stdout:
        n += 1
        if n == 20_000:
            break
    status = pathlib.Path(f"/proc/{process.pid}/status").read_text() if n == 20_000 else ""
    process.send_signal(signal.SIGKILL)
    process.wait()
    process.stdout.close()
    if status:
        peak = int(status.split("VmHWM:")[1].split()[0])
        assert peak < 64 * 1024 * (10 if "asan" in str(DRAY) else 1), "memory stays bounded"


@pytest.mark.parametrize("option", [[], ["--in-place"]], ids=["temporary", "in-place"])
def test_no_room_on_the_server(awkward_server, option):
    there = awkward_server("quota")
    (there.root / "doc").write_bytes(b"as it was")
    (there.here / "doc").write_bytes(content("doc", SIZE))
    (there.here / "small").write_bytes(b"small")
    there.run("put", *option, "small", "doc", there.url(""), code=(FAILED, SOME_FAILED))
    if not option:
        assert (there.root / "doc").read_bytes() == b"as it was"
        assert sorted(p.name for p in there.root.iterdir()) == ["doc", "small"]
    assert (there.root / "small").read_bytes() == b"small"


def test_a_close_that_fails(awkward_server):
    there = awkward_server("failing-close")
    (there.root / "doc").write_bytes(b"as it was")
    (there.here / "doc").write_bytes(b"newer")
    there.run("put", "doc", there.url("doc"), code=(FAILED, SOME_FAILED))
    assert (there.root / "doc").read_bytes() == b"as it was", "it was never renamed"


def test_in_place_where_names_are_restricted(awkward_server):
    there = awkward_server("no-temporary-names")
    (there.here / "doc").write_bytes(b"content")
    done = there.run("put", "--upload-temp", "doc", there.url("doc"), code=(FAILED, SOME_FAILED))
    assert "--in-place" in done.stderr
    assert list(there.root.iterdir()) == []
    there.run("put", "--in-place", "doc", there.url("doc"))
    assert (there.root / "doc").read_bytes() == b"content"
