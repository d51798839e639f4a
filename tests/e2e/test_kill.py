"""SIGKILL at any instant: nothing is lost, nothing is published twice, nothing is left over."""

import contextlib
import itertools
import os
import random
import signal
import sqlite3
import time

import pytest

from harness import (Notify, Watcher, children_of, comm, is_alive, processes_of_session, sha256,
                     wait_until)

SEED = int(os.environ.get("DRAY_SEED", random.SystemRandom().randrange(1 << 32)))
LAST = ("settled", "delivered", "skipped", "gone")


@pytest.fixture
def dice():
    print(f"seed: DRAY_SEED={SEED}")
    return random.Random(SEED)


def assert_consistent(gateway, contents):
    """What must be true at the end, once everything has come through."""
    published = gateway.published()
    assert sorted(published.values()) == sorted(contents.values()), \
        "each content is there exactly once"
    assert published == contents, "and under its own name"
    assert gateway.staging_names() == []
    gateway.shut_down()
    with contextlib.closing(sqlite3.connect(gateway.home / "ledger.db")) as db:
        assert db.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        rows = db.execute("SELECT id, state, CAST(name AS TEXT), sha256 FROM transfers").fetchall()
        tallies = dict(db.execute("SELECT state, sum(n) FROM tallies GROUP BY state"))
        placed = dict(db.execute("SELECT transfer, count(*) FROM events WHERE what = 'placed' "
                                 "GROUP BY transfer"))
        outputs = dict(db.execute("SELECT transfer, CAST(path AS TEXT) FROM outputs"))
    assert {state for _, state, _, _ in rows} <= set(LAST), rows
    done = [r for r in rows if r[1] in ("settled", "delivered")]
    assert {name: digest.hex() for _, _, name, digest in done} == \
        {name: sha256(content) for name, content in contents.items()}
    assert len(done) == len(contents)
    for number, _, name, _ in done:
        assert placed[number] == 1 and outputs[number] == name
    counted = {}
    for _, state, _, _ in rows:
        counted[state] = counted.get(state, 0) + 1
    assert {s: n for s, n in tallies.items() if n} == counted


def fill(source, contents, prefix, n, size=20_000):
    for i in range(n):
        name = f"{prefix}-{i:02}"
        contents[name] = os.urandom(size + i)
        source.put(name, contents[name])


def finish(source, gateway):
    gateway.launch()
    wait_until(lambda: source.names() == [], "everything came through", 60)
    wait_until(lambda: all(t["state"] in LAST for t in gateway.transfers()), "all rows rest")


def test_drayd_is_killed_at_thirty_random_instants(source, gateway, dice):
    contents = {}
    gateway.folder().mkdir(parents=True)
    gateway.write_config()
    with Watcher(gateway.folder(), ()) as watcher:
        for i in range(30):
            fill(source, contents, f"r{i}", 3)
            watcher.allowed |= {sha256(c) for c in contents.values()}
            gateway.launch_early()
            time.sleep(dice.uniform(0.01, 0.35))
            gateway.kill9()
        finish(source, gateway)
    assert_consistent(gateway, contents)


def test_drayd_is_killed_during_fetches_of_large_files(source, gateway, dice, new_relay):
    relay = new_relay(source.port, rate=12_000_000)
    gateway.config["remotes"] = {}
    gateway.add_remote("acme", source, port=relay.port)
    contents = {}
    fill(source, contents, "large", 3, 4 << 20)
    gateway.folder().mkdir(parents=True)
    gateway.write_config()
    with Watcher(gateway.folder(), {sha256(c) for c in contents.values()}):
        for _ in range(6):
            gateway.launch_early()
            time.sleep(dice.uniform(0.1, 0.6))
            gateway.kill9()
        relay.rate = None
        finish(source, gateway)
    assert_consistent(gateway, contents)


# Where to look for the instant, and for what.
INSTANTS = {
    "first byte in staging": ("home/staging/incoming/acme", Notify.MODIFY),
    "staging file made": ("home/staging/incoming/acme", Notify.CREATE),
    "staging file removed": ("home/staging/incoming/acme", Notify.DELETE),
    "output made": ("home/staging/inbox", Notify.CREATE),
    "output renamed away": ("home/staging/inbox", Notify.MOVED_FROM),
    "published": ("home/folders/inbox", Notify.MOVED_TO),
    "ledger written": ("home", Notify.MODIFY),
    "deleted at the source": (None, Notify.DELETE),
}


@pytest.mark.parametrize("instant", INSTANTS)
def test_drayd_is_killed_at_the_instant(source, gateway, dice, instant):
    """Right when it happens, and a little later, four times each."""
    where, mask = INSTANTS[instant]
    contents = {}
    gateway.config["folders"]["inbox"]["staging"] = "staging/inbox"
    gateway.start()
    gateway.stop()
    directory = source.outbox if where is None else gateway.directory / where
    for i in range(4):
        fill(source, contents, f"i{i}", 4)
        with Notify(directory, mask) as notify:
            gateway.launch_early()
            assert notify.wait(30), "the instant came"
            time.sleep(dice.choice((0, 0, 0.001, 0.004)))
            gateway.kill9()
    finish(source, gateway)
    assert_consistent(gateway, contents)


def test_killed_with_left_files(source, gateway, dice):
    """after: leave: nothing at the source shows what was taken; only the ledger knows."""
    gateway.route["after"] = "leave"
    contents = {}
    fill(source, contents, "left", 12)
    gateway.write_config()
    for _ in range(8):
        gateway.launch_early()
        time.sleep(dice.uniform(0.05, 0.4))
        gateway.kill9()
    gateway.launch()
    wait_until(lambda: len(gateway.published()) >= len(contents), "everything came through")
    gateway.run()
    wait_until(lambda: all(t["state"] in LAST for t in gateway.transfers()), "all rows rest")
    assert source.names() == sorted(contents)
    assert_consistent(gateway, contents)


def role_pids(gateway, role):
    # A session has its parent's name for an instant: the others are core's own children.
    pids = processes_of_session(gateway.process.pid) if role == "dray-session" else \
        children_of(gateway.process.pid)
    return [pid for pid in pids if comm(pid) == role]


def strike(gateway, role, n, feed, patience=60):
    """Kills n processes of a role, as they appear; returns how many it got. feed: gives them more
    to do, when they were too quick for us."""
    struck = set()
    deadline = time.monotonic() + patience
    while len(struck) < n and time.monotonic() < deadline:
        feed()
        for pid in children_of(gateway.process.pid):
            if pid not in struck and comm(pid) == role:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
                    struck.add(pid)
                if len(struck) == n:
                    break
    return len(struck)


@pytest.mark.parametrize("role", ["dray-courier", "dray-worker"])
def test_a_role_is_killed_again_and_again(source, gateway, role):
    contents = {}
    fill(source, contents, "file", 12, 50_000)
    gateway.route["retry_limit"] = 1000
    gateway.start()
    more = itertools.count()

    def feed():
        if not source.names():
            fill(source, contents, f"more{next(more)}", 4, 50_000)
    assert strike(gateway, role, 5, feed) == 5
    wait_until(lambda: source.names() == [], "everything came through", 60)
    wait_until(lambda: all(t["state"] in LAST for t in gateway.transfers()), "all rows rest")
    assert is_alive(gateway.process.pid)
    assert_consistent(gateway, contents)


def test_the_listener_is_killed(source, gateway, new_wire):
    gateway.expect("listener.gone", "session.crashed")
    gateway.start()
    wire = new_wire(gateway)
    [listener] = role_pids(gateway, "dray-listener")
    n_ready = len(gateway.events("listener.ready"))
    os.kill(listener, signal.SIGKILL)
    wait_until(lambda: len(gateway.events("listener.ready")) > n_ready, "it was started again")
    # Its sessions are its children, and end with it: their clients log in again.
    wire.wait_closed()
    assert gateway.sftp("erp", "ls /").returncode == 0
    assert len(role_pids(gateway, "dray-listener")) == 1
    wait_until(lambda: gateway.status()["sessions"] == [], "no session is left in the books")
    source.put("doc", b"content")
    gateway.settled("doc")


def session_pid(gateway, n=-1):
    return int(gateway.events("session.connected")[n]["process"])


def test_a_session_is_killed_and_the_others_do_not_notice(source, gateway, new_wire):
    gateway.expect("session.crashed")
    source.put("doc", os.urandom(500_000))
    gateway.start()
    gateway.settled("doc")
    bystander, victim = new_wire(gateway), new_wire(gateway)
    handle = bystander.open("/inbox/doc", bystander.PF_READ)
    os.kill(session_pid(gateway), signal.SIGKILL)
    victim.wait_closed()
    assert bystander.read(handle, 0, 1000)[0] == bystander.DATA
    assert gateway.wait_event("session.crashed")["signal"] == "9"
    wait_until(lambda: len(gateway.status()["sessions"]) == 1, "it is out of the books")
    assert gateway.sftp("erp", "ls /").returncode == 0


def test_drayd_is_killed_and_no_role_survives(gateway, new_wire, source, new_relay):
    relay = new_relay(source.port, rate=300_000)
    gateway.config["remotes"] = {}
    gateway.add_remote("acme", source, port=relay.port)
    source.put("slow", os.urandom(3_000_000))
    gateway.start()
    wire = new_wire(gateway)
    wait_until(lambda: role_pids(gateway, "dray-courier"), "a courier is at work")
    gateway.kill9()  # asserts that no process is left
    wire.wait_closed()
    gateway.launch()
    assert gateway.sftp("erp", "ls /").returncode == 0
