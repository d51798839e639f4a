"""What a reload may take away while it is in use."""

import os
import pathlib
import signal
import socket
import subprocess

import pytest

from harness import DRAY, PATIENCE, wait_until


@pytest.fixture
def mute():
    """A server that accepts, and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server


def test_the_remote_of_a_courier_that_connects_is_taken_away(source, gateway, mute):
    gateway.add_remote("mute", source, port=mute.getsockname()[1])
    gateway.config["remotes"]["mute"]["timeout"] = "2s"
    gateway.route["from"]["remote"] = "mute"
    gateway.expect("unreachable")
    gateway.start()
    connection = mute.accept()[0]
    gateway.route["from"]["remote"] = "acme"
    del gateway.config["remotes"]["mute"]
    gateway.write_config()
    assert gateway.reload()["event"] == "config.reloaded"
    source.put("doc", b"content")
    # The courier gives up, and core hears of a remote that it no longer knows.
    gateway.settled("doc")
    assert gateway.process.poll() is None
    assert [r["name"] for r in gateway.status()["remotes"]] == ["acme"]
    connection.close()


def test_who_waits_for_the_run_of_a_route_that_is_taken_away_is_told(source, gateway, mute):
    gateway.add_remote("mute", source, port=mute.getsockname()[1])
    gateway.add_route("second", "mute", source)
    gateway.start()
    connection = mute.accept()[0]
    waiting = subprocess.Popen([DRAY, "-c", gateway.config_path, "run", "second", "--wait"],
                               stderr=subprocess.PIPE, text=True)
    # The listening socket, and the one that it talks over.
    control = f"{gateway.home}/control.sock\n"
    wait_until(lambda: pathlib.Path("/proc/net/unix").read_text().count(control) > 1, "it asks")
    with pytest.raises(subprocess.TimeoutExpired):
        waiting.wait(1)
    del gateway.config["routes"]["second"]
    gateway.write_config()
    assert gateway.reload()["event"] == "config.reloaded"
    assert waiting.wait(PATIENCE) != 0
    assert "no longer in the configuration" in waiting.stderr.read()
    waiting.stderr.close()
    connection.close()


def test_the_address_narrows_on_the_same_port(gateway):
    listen = gateway.config["listen"][0]
    port = listen["address"].rsplit(":", 1)[1]
    listen["address"] = f"0.0.0.0:{port}"
    gateway.write_config()
    gateway.start()
    listen["address"] = f"127.0.0.1:{port}"
    gateway.write_config()
    mark = len(gateway.events("listener.ready"))
    assert gateway.reload()["event"] == "config.reloaded"
    ready = wait_until(lambda: gateway.events("listener.ready")[mark:], "the listener has heard")
    assert ready[0]["addresses"] == "1", gateway.events("listener.not-listening")
    assert gateway.sftp("erp", "ls").returncode == 0


def live_session(gateway):
    """The process of the newest session."""
    return int(gateway.events("session.connected")[-1]["process"])


def is_gone(pid):
    try:
        return ") Z " in pathlib.Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return True


def test_a_right_is_taken_away(gateway, new_wire):
    gateway.start()
    wire = new_wire(gateway)
    assert wire.works()
    mount = gateway.config["accounts"]["erp"]["mounts"][0]
    mount["allow"] = [*mount["allow"], "upload"]
    gateway.write_config()
    gateway.reload()
    assert wire.works(), "more than before: nobody is disturbed"
    mount["allow"] = ["list"]
    gateway.write_config()
    gateway.reload()
    wire.wait_closed()
    revoked = gateway.events("session.revoked")[0]
    assert (revoked["account"], revoked["why"]) == ("erp", "the account's rights were narrowed")
    assert (gateway.wait_event("session.end", account="erp")["why"] ==
            "ended by the gateway: the account's rights were narrowed")


def test_a_revoked_session_that_does_not_end_is_ended(gateway, new_wire):
    gateway.expect("session.crashed")
    gateway.start()
    new_wire(gateway)
    pid = live_session(gateway)
    # As one that was taken over and goes on regardless.
    os.kill(pid, signal.SIGSTOP)
    gateway.config["accounts"]["erp"]["disabled"] = True
    gateway.write_config()
    gateway.reload()
    wait_until(lambda: is_gone(pid), "the listener has killed it")
    assert gateway.wait_event("session.crashed")["signal"] == "9"
