"""What an upload leaves when it isn't closed: private, to be gone on with, and gone in time."""

import contextlib
import os
import shutil
import signal
import sqlite3
import struct
import time

import pytest

from harness import Watcher, is_alive, sha256, wait_until
from test_sandbox import open_files

RIGHTS = ["list", "download", "upload", "overwrite", "delete", "rename", "mkdir", "rmdir",
          "setstat"]
CHUNK = 32768


@pytest.fixture
def box(gateway):
    """maker uploads to /out; reader sees the same folder as /in. Not started yet."""
    gateway.config["folders"]["box"] = {"path": "folders/box"}
    gateway.add_account("maker", [{"at": "/out", "folder": "box", "allow": RIGHTS}])
    gateway.add_account("reader", [{"at": "/in", "folder": "box",
                                    "allow": ["list", "download"]}])
    return gateway


def private_files(gateway):
    return sorted(os.listdir(gateway.home / "staging" / "box" / "uploads"))


def begin(wire, path, content, truncate=True):
    """An upload that isn't closed; its handle."""
    flags = wire.PF_WRITE | wire.PF_CREAT | (wire.PF_TRUNC if truncate else 0)
    handle = wire.open(path, flags)
    for at in range(0, len(content), CHUNK):
        assert wire.write(handle, at, content[at:at + CHUNK])[0] == 0
    return handle


def size_of(wire, path):
    """What its owner sees; None when there is nothing."""
    kind, body = wire.ask(wire.STAT, wire.string(path))
    return struct.unpack(">Q", body[4:12])[0] if kind == wire.ATTRS else None


def folder_status(gateway):
    return next(f for f in gateway.status()["folders"] if f["name"] == "box")


def wait_left(gateway, n=1):
    return wait_until(lambda: folder_status(gateway)["partials"] == n and folder_status(gateway),
                      f"{n} partials are known")


def wait_row(gateway):
    """Until an upload that is open has its row in the ledger: in a copy, for core has it locked."""
    copy = gateway.directory / "copy.db"

    def look():
        for end in ("", "-wal"):
            shutil.copyfile(f"{gateway.home}/ledger.db{end}", f"{copy}{end}")
        with contextlib.suppress(sqlite3.Error), contextlib.closing(sqlite3.connect(copy)) as db:
            return db.execute("SELECT count(*) FROM partials").fetchone()[0]
    wait_until(look, "its row is written")


def go_on(gateway, scratch, content):
    """`put -a`, as a person would do it: what is there stays, the rest is sent."""
    local = scratch / "again"
    local.write_bytes(content)
    with Watcher(gateway.folder("box"), {sha256(content)}):
        done = gateway.sftp("maker", f'put -a "{local}" /out/doc')
    assert done.returncode == 0, done.stderr
    assert gateway.events("upload.resumed", account="maker", path="doc")
    assert gateway.get("reader", "/in/doc") == content
    wait_until(lambda: private_files(gateway) == [], "nothing is private any more")
    assert wait_left(gateway, 0)["partial_bytes"] == 0


def parent_of(pid):
    try:
        stat = open(f"/proc/{pid}/stat", encoding="latin-1").read()
    except OSError:
        return None
    return int(stat.rpartition(")")[2].split()[1])


def name_of(pid):
    return open(f"/proc/{pid}/comm", encoding="latin-1").read()


def session_pid(gateway, account):
    """The process of the account's one session."""
    session = wait_until(lambda: [s for s in gateway.status()["sessions"]
                                  if s["account"] == account], f"{account} has a session")[0]
    return int(gateway.events("session.connected", session=session["session"])[-1]["process"])


def test_gone_on_with_after_the_line_was_cut(box, new_wire, scratch):
    gateway = box.start()
    content = os.urandom(10 * CHUNK)
    wire = new_wire(gateway, "maker")
    begin(wire, "/out/doc", content[:6 * CHUNK])
    wire.lose()
    gateway.wait_event("upload.abandoned", account="maker", path="doc", bytes=6 * CHUNK)
    assert wait_left(gateway)["partial_bytes"] == 6 * CHUNK
    assert gateway.list("reader", "/in") == []
    # Its owner sees it under its name, in whatever session.
    later = new_wire(gateway, "maker")
    assert size_of(later, "/out/doc") == 6 * CHUNK
    later.end()
    go_on(gateway, scratch, content)


@pytest.mark.parametrize("taken_by", ["a directory", "nothing, its directory is gone"])
def test_gone_on_with_after_it_could_not_be_placed(box, new_wire, scratch, taken_by):
    box.config["accounts"]["maker"]["quota"] = {"bytes": "10MiB"}
    gateway = box.start()
    content = os.urandom(4 * CHUNK)
    wire, other = new_wire(gateway, "maker"), new_wire(gateway, "maker")
    if taken_by == "a directory":
        path, name = "doc", gateway.folder("box") / "doc"
        handle = begin(wire, "/out/doc", content)
        name.mkdir()
    else:
        path, name = "sub/doc", gateway.folder("box") / "sub"
        name.mkdir()
        handle = begin(wire, "/out/sub/doc", content)
        name.rmdir()
    assert wire.close(handle)[0] != 0
    told = gateway.wait_event("upload.not-placed", account="maker", path=path)
    assert told["why"] and told["size"] == str(len(content))
    assert wait_left(gateway)["partial_bytes"] == len(content)
    row = next(t for t in gateway.transfers() if t["path"] == path)
    assert row["state"] == "failed", row
    # What it had leased is free again.
    wait_until(lambda: next(a for a in gateway.status()["accounts"]
                            if a["name"] == "maker")["used_bytes"] == 0, "nothing is charged")
    if path == "doc":
        name.rmdir()
        # Each session of its account knows of it, also the one that failed.
        for each in (other, wire):
            wait_until(lambda w=each: size_of(w, "/out/doc") == len(content), "it is offered")
        go_on(gateway, scratch, content + b"more")
    # Nothing is left recorded that a later end would have to look at.
    wire.end()
    other.end()
    wait_until(lambda: gateway.status()["sessions"] == [], "they have ended")
    assert gateway.events("recover.transfer") == []


@pytest.mark.parametrize("how", [signal.SIGABRT, signal.SIGSYS, signal.SIGKILL])
def test_a_session_that_crashes_takes_no_other_with_it(box, new_wire, scratch, how):
    box.config["accounts"]["maker"]["quota"] = {"bytes": "10MiB"}
    gateway = box.start()
    gateway.expect("session.crashed")
    content = os.urandom(8 * CHUNK)
    other = new_wire(gateway, "reader")
    wire = new_wire(gateway, "maker")
    begin(wire, "/out/doc", content[:5 * CHUNK])
    used = next(a for a in gateway.status()["accounts"] if a["name"] == "maker")
    assert used["used_bytes"] >= 5 * CHUNK and used["used_files"] == 1
    victim = session_pid(gateway, "maker")
    os.kill(victim, how)
    gateway.wait_event("session.crashed", signal=int(how))
    wait_until(lambda: not is_alive(victim), "it is gone")
    assert other.works(), "the other session lives"
    # Its charges went with it.
    wait_until(lambda: next(a for a in gateway.status()["accounts"]
                            if a["name"] == "maker")["used_bytes"] == 0, "the lease is released")
    assert wait_left(gateway)["partial_bytes"] == 5 * CHUNK
    assert os.listdir(gateway.folder("box")) == []
    assert gateway.list("reader", "/in") == []
    go_on(gateway, scratch, content)
    assert other.works()


@pytest.mark.parametrize("ends", ["session", "listener", "gateway"])
def test_offered_only_when_its_process_is_gone(box, new_wire, scratch, ends):
    """A session that core has hung up may live on, and holds what it has open."""
    box.config["folders"]["box"]["keep_partial"] = "1h"
    gateway = box.start()
    gateway.expect("session.crashed", "listener.gone")
    content = os.urandom(8 * CHUNK)
    wire = new_wire(gateway, "maker")
    begin(wire, "/out/doc", content[:5 * CHUNK])
    victim = session_pid(gateway, "maker")
    os.kill(victim, signal.SIGSTOP)
    # Its grace is over: core ends its line.
    gateway.config["accounts"]["maker"]["disabled"] = True
    gateway.write_config()
    gateway.reload()
    gateway.wait_event("session.end", account="maker")
    gateway.config["accounts"]["maker"]["disabled"] = False
    gateway.write_config()
    gateway.reload()
    assert is_alive(victim)
    other = new_wire(gateway, "maker")
    assert size_of(other, "/out/doc") is None
    assert folder_status(gateway)["partials"] == 0
    if ends == "session":
        os.kill(victim, signal.SIGKILL)
    elif ends == "listener":
        other.end()
        listener = next(int(pid) for pid in os.listdir("/proc") if pid.isdigit()
                        and parent_of(pid) == gateway.process.pid
                        and "listener" in name_of(pid))
        n_ready = len(gateway.events("listener.ready"))
        os.kill(listener, signal.SIGKILL)
        wait_until(lambda: len(gateway.events("listener.ready")) > n_ready, "there is another")
    else:
        other.end()
        gateway.restart()
    assert wait_left(gateway)["partial_bytes"] == 5 * CHUNK
    if ends == "session":
        wait_until(lambda: size_of(other, "/out/doc") == 5 * CHUNK, "it is offered")
    wait_until(lambda: not is_alive(victim), "it is gone")
    go_on(gateway, scratch, content)


@pytest.mark.parametrize("what", ["session", "gateway"])
def test_not_gone_on_with_behind_a_gap(box, new_wire, scratch, what):
    """Clients that write several pieces at a time send them in any order."""
    gateway = box.start()
    gateway.expect("session.crashed")
    content = os.urandom(8 * CHUNK)
    wire = new_wire(gateway, "maker")
    handle = begin(wire, "/out/doc", content[:2 * CHUNK])
    assert wire.write(handle, 4 * CHUNK, content[4 * CHUNK:6 * CHUNK])[0] == 0
    if what == "session":
        os.kill(session_pid(gateway, "maker"), signal.SIGKILL)
    else:
        wait_row(gateway)
        gateway.kill9()
        wire.end()
        gateway.launch()
    assert wait_left(gateway)["partial_bytes"] == 2 * CHUNK
    go_on(gateway, scratch, content)


def test_gone_on_with_after_the_gateway_was_killed(box, new_wire, scratch):
    gateway = box.start()
    content = os.urandom(7 * CHUNK)
    wire = new_wire(gateway, "maker")
    begin(wire, "/out/doc", content[:4 * CHUNK])
    # After a second its row is written, without a word from anybody.
    wait_row(gateway)
    gateway.kill9()
    wire.end()
    gateway.launch()
    assert wait_left(gateway)["partial_bytes"] == 4 * CHUNK
    assert os.listdir(gateway.folder("box")) == []
    go_on(gateway, scratch, content)


def test_gone_on_with_after_an_orderly_restart(box, new_wire, scratch):
    box.config["limits"]["drain"] = "200ms"
    gateway = box.start()
    content = os.urandom(3 * CHUNK)
    wire = new_wire(gateway, "maker")
    begin(wire, "/out/doc", content[:2 * CHUNK])
    gateway.restart()
    wire.end()
    wait_left(gateway)
    go_on(gateway, scratch, content)


def test_removed_in_time_and_said_so(box, new_wire):
    box.config["folders"]["box"]["keep_partial"] = "1s"
    gateway = box.start()
    keeper, wire = new_wire(gateway, "maker"), new_wire(gateway, "maker")
    # What a session has open is nobody's to remove.
    begin(keeper, "/out/open", b"o" * CHUNK)
    begin(wire, "/out/doc", b"x" * CHUNK)
    wire.lose()
    removed = gateway.wait_event("partial.removed", account="maker", folder="box", path="doc")
    assert removed["bytes"] == str(CHUNK)
    wait_left(gateway, 0)
    assert size_of(keeper, "/out/doc") is None
    time.sleep(1.5)
    assert size_of(keeper, "/out/open") == CHUNK
    assert len(private_files(gateway)) == 1
    # Also what a crash left without a word of it.
    orphan = gateway.home / "staging" / "box" / "uploads" / "up.maker.0123456789abcdef"
    gateway.kill9()
    keeper.end()
    orphan.write_bytes(b"12345")
    gateway.launch()
    gateway.wait_event("partial.removed", file=orphan.name, bytes=5)
    wait_until(lambda: private_files(gateway) == [], "all of it is gone")


def test_told_to_sessions_that_live(box, new_wire):
    gateway = box.start()
    first, second = new_wire(gateway, "maker"), new_wire(gateway, "maker")
    third = new_wire(gateway, "maker")
    begin(first, "/out/doc", b"x" * CHUNK)
    assert size_of(second, "/out/doc") is None, "private to the session while it is open"
    first.lose()
    wait_left(gateway)
    wait_until(lambda: size_of(second, "/out/doc") == CHUNK, "the second sees it")
    wait_until(lambda: size_of(third, "/out/doc") == CHUNK, "the third sees it")
    assert second.status(second.RENAME, second.string("/out/doc") +
                         second.string("/out/other"))[0] == 0
    wait_until(lambda: size_of(third, "/out/other") == CHUNK, "it moves for all")
    assert size_of(third, "/out/doc") is None
    assert third.status(third.REMOVE, third.string("/out/other"))[0] == 0
    wait_until(lambda: size_of(second, "/out/other") is None, "it is gone for all")
    assert private_files(gateway) == []
    wait_left(gateway, 0)


def test_two_sessions_of_one_name_do_not_mix(box, new_wire):
    gateway = box.start()
    one, two = new_wire(gateway, "maker"), new_wire(gateway, "maker")
    a, b = b"a" * (3 * CHUNK), b"b" * (2 * CHUNK)
    with Watcher(gateway.folder("box"), {sha256(a), sha256(b)}):
        handle_a = begin(one, "/out/doc", a)
        handle_b = begin(two, "/out/doc", b)
        assert len(private_files(gateway)) == 2
        assert one.close(handle_a)[0] == 0
        assert gateway.get("reader", "/in/doc") == a
        reader = new_wire(gateway, "reader")
        held = reader.open("/in/doc", reader.PF_READ)
        assert two.close(handle_b)[0] == 0
        assert gateway.get("reader", "/in/doc") == b, "the last to close wins"
        kind, body = reader.read(held, 0, CHUNK)
        assert kind == reader.DATA and body[4:] == a[:CHUNK], "what was open stays whole"
    assert private_files(gateway) == []


def test_one_left_behind_goes_with_the_quota(box, new_wire):
    """What accounts leave private locks nobody out, and is bounded all the same."""
    box.config["accounts"]["maker"]["quota"] = {"bytes": str(5 * CHUNK)}
    gateway = box.start()
    for n in range(3):
        wire = new_wire(gateway, "maker")
        begin(wire, f"/out/doc{n}", b"x" * (2 * CHUNK))
        wire.lose()
        gateway.wait_event("upload.abandoned", path=f"doc{n}")
    removed = gateway.wait_event("partial.removed", path="doc0")
    assert "quota" in removed["why"]
    assert wait_left(gateway, 2)["partial_bytes"] == 4 * CHUNK
    # The whole quota is there for a new one.
    wire = new_wire(gateway, "maker")
    handle = begin(wire, "/out/new", b"y" * (5 * CHUNK))
    assert wire.close(handle)[0] == 0


def test_many_crashes_leave_nothing_open(box, new_wire):
    gateway = box.start()
    gateway.expect("session.crashed")
    for n in range(5):
        wire = new_wire(gateway, "maker")
        begin(wire, f"/out/doc{n}", b"x" * CHUNK)
        os.kill(session_pid(gateway, "maker"), signal.SIGKILL)
        wire.wait_closed()
        wait_left(gateway, n + 1)
    core = gateway.process.pid
    assert not [n for n in open_files(core).values() if "/uploads/" in n], open_files(core)
    assert len(private_files(gateway)) == 5
    wait_until(lambda: gateway.status()["sessions"] == [], "no session is left")
