"""Session processes that the listener keeps in reserve: forked and confined before there is a
connection for them."""

import os
import signal

import pytest

from harness import (children_of, comm, is_alive, known_hosts_line, new_key, public_half,
                     wait_until)
from test_sandbox import assert_confined, open_files

N_SPARES = 2


def listener_of(gateway):
    # A session has its parent's name for an instant, so only core's own children count.
    [pid] = [p for p in children_of(gateway.process.pid) if comm(p) == "dray-listener"]
    return pid


def sessions_of(gateway):
    return [p for p in children_of(listener_of(gateway)) if comm(p) == "dray-session"]


def spares_of(gateway):
    in_use = {int(s["process"]) for s in gateway.events("session.connected")}
    return [p for p in sessions_of(gateway) if p not in in_use]


def wait_for_spares(gateway, n=N_SPARES):
    wait_until(lambda: len(spares_of(gateway)) == n, f"there are {n} spares")
    return set(spares_of(gateway))


def sockets_of(pid):
    return [t for t in open_files(pid).values() if t.startswith("socket:")]


@pytest.fixture
def started(gateway):
    gateway.start()
    return gateway


def test_a_spare_is_confined_before_it_has_a_connection(started):
    for pid in wait_for_spares(started):
        wait_until(lambda pid=pid: os.readlink(f"/proc/{pid}/root").endswith("(deleted)"), "confined")
        assert_confined(pid)
        # Its own line: not that of another spare, to which it could speak as core does.
        assert len(sockets_of(pid)) == 1, open_files(pid)


def test_sessions_hold_their_connection_and_their_line_alone(started, new_wire):
    wires = [new_wire(started) for _ in range(5)]
    assert all(wire.works() for wire in wires)
    wait_for_spares(started)
    for event in started.events("session.connected"):
        assert len(sockets_of(int(event["process"]))) == 2


def test_a_login_gets_a_spare_and_another_one_is_made(started, new_wire):
    before = wait_for_spares(started)
    assert new_wire(started).works()
    assert int(started.events("session.connected")[-1]["process"]) in before
    assert wait_for_spares(started) != before
    assert len(started.status()["sessions"]) == 1, "a spare is no session"


def test_killed_spares_are_missed_by_nobody(started, new_wire):
    killed = wait_for_spares(started)
    for pid in killed:
        os.kill(pid, signal.SIGKILL)
    # One that dies in the instant in which it gets a connection takes that along, as any session.
    wait_until(lambda: not killed & set(sessions_of(started)), "they are buried")
    assert new_wire(started).works()
    assert started.sftp("erp", "ls /").returncode == 0
    assert started.events("session.crashed") == []


def test_a_reload_replaces_them(started):
    before = wait_for_spares(started)
    key = new_key(started.home / "keys" / "another")
    started.config["listen"][0]["host_keys"] = ["keys/another"]
    started.write_config()
    started.reload()
    wait_until(lambda: not any(is_alive(p) for p in before), "the old ones have ended")
    wait_for_spares(started)
    # The new key, though no connection came since.
    started.own_known_hosts.write_text(known_hosts_line(started.port, public_half(key)))
    assert started.sftp("erp", "ls /").returncode == 0


def test_none_is_kept_where_no_session_may_be(gateway, new_wire):
    gateway.config.setdefault("limits", {})["max_sessions"] = 2
    gateway.config["limits"].update(max_per_address=2, max_unauthenticated=2, drop={"from": 2})
    gateway.start()
    wait_for_spares(gateway, 2)
    first = new_wire(gateway)
    assert first.works()
    assert len(wait_for_spares(gateway, 1)) == 1
    assert new_wire(gateway).works()
    wait_for_spares(gateway, 0)
    assert len(sessions_of(gateway)) == 2


def test_they_end_with_the_listener(started):
    started.expect("listener.gone")
    before = wait_for_spares(started)
    os.kill(listener_of(started), signal.SIGKILL)
    wait_until(lambda: not any(is_alive(p) for p in before), "the kernel ends them")
    wait_until(lambda: len(started.events("listener.ready")) == 2, "there is a new listener")
    assert not before & wait_for_spares(started)
