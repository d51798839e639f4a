"""What the roles may do, as the kernel says while they are at work."""

import os
import pathlib
import socket
import stat
import sys
import time

import pytest

import harness
from harness import children_of, comm, processes_of_session, wait_until


def facts(pid):
    """/proc/PID/status as a dict."""
    lines = pathlib.Path(f"/proc/{pid}/status").read_text().splitlines()
    return {key: value.strip() for key, _, value in (line.partition(":") for line in lines)}


def open_files(pid):
    """{fd: what it is}."""
    found = {}
    for entry in pathlib.Path(f"/proc/{pid}/fd").iterdir():
        try:
            found[int(entry.name)] = os.readlink(entry)
        except OSError:
            pass
    return found


def assert_confined(pid):
    told = facts(pid)
    assert told["Seccomp"] == "2", "a system call filter is in force"
    assert told["NoNewPrivs"] == "1"
    for name in ("CapEff", "CapPrm", "CapInh", "CapAmb"):
        assert int(told[name], 16) == 0, name
    for target in open_files(pid).values():
        assert "ledger" not in target and not target.endswith("/lock"), target


def catch(gateway, role, patience=30):
    """A process of the role while it is at work."""
    deadline = time.monotonic() + patience
    while time.monotonic() < deadline:
        for pid in children_of(gateway.process.pid):
            if comm(pid) == role:
                return pid
    raise AssertionError(f"no {role} was seen")


@pytest.fixture
def two_folders(source, gateway):
    gateway.config["folders"]["other"] = {"path": "folders/other"}
    source.put("doc", b"content")
    gateway.start()
    gateway.settled("doc")
    return gateway


def test_a_session_after_login(two_folders, new_wire):
    wire = new_wire(two_folders)
    assert wire.works()
    pid = int(two_folders.events("session.connected")[-1]["process"])
    assert comm(pid) == "dray-session"
    assert_confined(pid)
    root = os.readlink(f"/proc/{pid}/root")
    assert root.endswith("(deleted)"), root
    assert os.readlink(f"/proc/{pid}/cwd").endswith("(deleted)")
    # Of the host's files it has those of its mount alone.
    paths = [t for t in open_files(pid).values() if t.startswith("/") and
             not t.startswith("/dev/")]
    allowed = (str(two_folders.folder()), str(two_folders.home / "staging" / "inbox" / "uploads"),
               str(two_folders.log_path))
    assert set(paths) == set(allowed), paths
    handle = wire.open("/inbox/doc", wire.PF_READ)
    assert wire.read(handle, 0, 7)[1][4:] == b"content"


def test_a_session_before_login(two_folders):
    with socket.create_connection(("127.0.0.1", two_folders.port)) as s:
        assert s.recv(4) == b"SSH-"
        pid = int(two_folders.wait_event("session.connected")["process"])
        assert_confined(pid)
        assert os.readlink(f"/proc/{pid}/root").endswith("(deleted)")
        # Its connection, its line to core and the log; no directory, no listening socket.
        for fd in open_files(pid):
            try:
                mode = os.stat(f"/proc/{pid}/fd/{fd}").st_mode
            except OSError:
                continue
            assert not stat.S_ISDIR(mode), open_files(pid)


def test_the_listener(two_folders):
    [pid] = [p for p in children_of(two_folders.process.pid) if comm(p) == "dray-listener"]
    assert facts(pid)["NoNewPrivs"] == "1"
    for target in open_files(pid).values():
        assert "ledger" not in target and "folders" not in target and "staging" not in target \
            and "keys" not in target and not target.endswith("/lock"), target


def test_a_courier(source, gateway, new_relay):
    relay = new_relay(source.port, rate=80_000)
    gateway.config["remotes"] = {}
    gateway.add_remote("acme", source, port=relay.port)
    content = source.put("doc", os.urandom(1_000_000))
    gateway.start()
    wait_until(lambda: gateway.transfers("--state", "fetching"), "the fetch has begun")
    pid = catch(gateway, "dray-courier")
    assert_confined(pid)
    paths = {t for t in open_files(pid).values() if t.startswith("/") and
             not t.startswith("/dev/")}
    incoming = str(gateway.home / "staging" / "incoming" / "acme")
    assert paths <= {incoming, f"{incoming}/t1", str(gateway.log_path)}, paths
    relay.rate = None
    gateway.settled("doc")
    assert gateway.published() == {"doc": content}


def test_a_worker(source, gateway):
    with open(source.directory / "part", "wb") as f:
        f.truncate(256 << 20)
    os.rename(source.directory / "part", source.outbox / "large")
    gateway.start()
    seen = []

    def look():
        for pid in children_of(gateway.process.pid):
            if comm(pid) != "dray-worker":
                continue
            try:
                told = facts(pid)
                files = open_files(pid)
            except OSError:
                continue
            if told.get("Seccomp") == "2" and any("incoming" in t for t in files.values()):
                seen.append((told, files))
        return seen
    wait_until(look, "a worker was seen at its work")
    told, files = seen[0]
    assert told["NoNewPrivs"] == "1" and int(told["CapEff"], 16) == 0
    incoming = str(gateway.home / "staging" / "incoming" / "acme" / "t1")
    paths = {t for t in files.values() if t.startswith("/") and not t.startswith("/dev/")}
    assert paths <= {incoming, str(gateway.log_path)}, paths
    gateway.settled("large")


def test_roles_do_not_see_the_operators_environment(source, gateway, monkeypatch, new_wire):
    monkeypatch.setenv("SECRET_OF_THE_OPERATOR", "42")
    gateway.start()
    new_wire(gateway)
    core = gateway.process.pid
    assert b"SECRET_OF_THE_OPERATOR" in pathlib.Path(f"/proc/{core}/environ").read_bytes()
    for pid in processes_of_session(core):
        if pid != core and comm(pid) in ("dray-listener", "dray-session"):
            environment = pathlib.Path(f"/proc/{pid}/environ").read_bytes()
            assert b"SECRET_OF_THE_OPERATOR" not in environment, comm(pid)


# Starts a program as a kernel without Landlock would: the first question about it is not answered.
NO_LANDLOCK = """\
#!{python}
import ctypes, errno, os, sys
lib = ctypes.CDLL("libseccomp.so.2")
lib.seccomp_init.restype = ctypes.c_void_p
rules = ctypes.c_void_p(lib.seccomp_init(0x7fff0000))  # SCMP_ACT_ALLOW
call = lib.seccomp_syscall_resolve_name(b"landlock_create_ruleset")
assert lib.seccomp_rule_add(rules, 0x00050000 | errno.ENOSYS, call, 0) == 0
assert lib.seccomp_load(rules) == 0
os.execv("{program}", ["{program}", *sys.argv[1:]])
"""


def test_a_kernel_without_landlock(source, gateway, scratch, monkeypatch, new_wire):
    """It says so, and goes on with the rest: an empty root, openat2, and the call filter."""
    wrapper = scratch / "drayd-without-landlock"
    wrapper.write_text(NO_LANDLOCK.format(python=sys.executable, program=harness.DRAYD))
    wrapper.chmod(0o755)
    monkeypatch.setattr(harness, "DRAYD", wrapper)
    source.put("doc", b"content")
    gateway.start()
    assert gateway.wait_event("core.no-landlock")["level"] == "warn"
    gateway.settled("doc")
    assert gateway.status()["gateway"]["landlock"] == 0
    assert "no Landlock" in gateway.dray_raw("status").stdout
    assert new_wire(gateway).works()
    pid = int(gateway.events("session.connected")[-1]["process"])
    assert_confined(pid)
    assert os.readlink(f"/proc/{pid}/root").endswith("(deleted)")
    assert gateway.get("erp", "/inbox/doc") == b"content"
