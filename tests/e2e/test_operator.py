"""What an operator does: status, run, reload, stop; and what a configuration with errors gets."""

import json
import os
import signal
import socket
import subprocess

import pytest

from harness import DRAYD, PATIENCE, SANITIZER, is_alive, wait_until


def test_status_tells_of_everything(source, gateway, new_wire):
    source.put("doc", b"content")
    gateway.start()
    gateway.settled("doc")
    new_wire(gateway)
    status = gateway.status()
    assert status["gateway"]["pid"] == gateway.process.pid
    assert status["gateway"]["config"] == str(gateway.config_path)
    assert status["gateway"]["trouble"] == ""
    [route] = status["routes"]
    assert route["name"] == "main" and route["from"] == f"acme:{source.outbox}"
    assert (route["waiting"], route["done"], route["failed"]) == (0, 1, 0)
    assert route["condition"] in ("ok", "running") and route["trouble"] == ""
    [remote] = status["remotes"]
    assert remote["condition"] == "ok" and remote["address"] == f"127.0.0.1:{source.port}"
    assert [s["account"] for s in status["sessions"]] == ["erp"]
    # And for people.
    page = gateway.dray_raw("status")
    assert page.returncode == 0 and "Nothing is stuck." in page.stdout
    for word in ("main", "acme", "erp"):
        assert word in page.stdout
    assert "doc" in gateway.dray_raw("transfers").stdout
    assert "published" in gateway.dray_raw("trace", "doc").stdout


def test_questions_about_what_is_not_there(gateway):
    gateway.start()
    assert gateway.dray_raw("status", "nosuch").returncode == 7
    assert gateway.dray_raw("trace", "nosuch").returncode == 7
    assert gateway.dray_raw("run", "nosuch").returncode == 7
    assert gateway.dray_raw("transfers", "--state", "nosuch").returncode == 2
    assert gateway.dray("transfers", "--state", "failed") == []


def test_run_moves_a_file_at_once_and_waits_for_the_end(source, gateway):
    gateway.route["from"]["every"] = "10m"
    gateway.start()
    wait_until(lambda: gateway.route_status()["condition"] == "ok" and
               gateway.route_status()["last_run"], "the first run has ended")
    content = source.put("now", b"content")
    done = gateway.dray_raw("run", "main", "--wait")
    assert done.returncode == 0 and "the run has ended" in done.stdout
    assert gateway.published() == {"now": content}
    assert source.names() == []


def test_run_says_why_it_failed(source, gateway):
    gateway.route["from"]["every"] = "10m"
    source.stop()
    gateway.start()
    done = gateway.dray_raw("run", "main", "--wait")
    assert done.returncode == 1
    assert "refused" in done.stderr.lower(), done.stderr
    assert gateway.remote_status()["condition"] == "unreachable"
    source.start()
    # The first may be one that was under way already, and refused.
    wait_until(lambda: gateway.dray_raw("run", "main", "--wait").returncode == 0, "a run succeeds")
    assert gateway.remote_status()["condition"] == "ok"


def test_a_source_that_comes_back_is_served_again(source, gateway):
    source.stop()
    source.put("doc", b"content")
    gateway.start()
    wait_until(lambda: gateway.remote_status()["condition"] == "unreachable", "it is unreachable")
    source.start()
    gateway.settled("doc")
    assert gateway.remote_status()["condition"] == "ok"
    assert gateway.remote_status()["trouble"] == ""


def test_a_directory_that_is_not_there(source, gateway):
    gateway.route["from"]["path"] = str(source.directory / "nowhere")
    gateway.start()
    trouble = wait_until(lambda: gateway.route_status()["trouble"], "the route is in trouble")
    assert "nowhere" in trouble
    assert gateway.route_status()["condition"] in ("in trouble", "running")
    (source.directory / "nowhere").mkdir()
    wait_until(lambda: not gateway.route_status()["trouble"], "the trouble is over")


def test_reload_adds_a_route(source, gateway):
    gateway.start()
    second = source.directory / "outbox2"
    second.mkdir()
    (second / "doc").write_bytes(b"content")
    gateway.config["folders"]["more"] = {"path": "folders/more"}
    gateway.add_route("second", "acme", source, to=["more"])["from"]["path"] = str(second)
    gateway.write_config()
    assert gateway.reload()["event"] == "config.reloaded"
    gateway.settled("doc")
    assert gateway.published("more") == {"doc": b"content"}
    # And takes it away again.
    del gateway.config["routes"]["second"]
    gateway.write_config()
    gateway.reload()
    assert [r["name"] for r in gateway.status()["routes"]] == ["main"]
    source.put("still", b"works")
    gateway.settled("still")


def test_reload_while_files_flow_loses_nothing(source, gateway):
    gateway.start()
    contents = {}
    for i in range(60):
        contents[f"f{i}"] = source.put(f"f{i}", os.urandom(20_000))
        if i % 10 == 0:
            assert gateway.reload()["event"] == "config.reloaded"
    wait_until(lambda: source.names() == [], "all were taken")
    assert gateway.published() == contents


def test_a_bad_reload_keeps_what_is_running(source, gateway):
    gateway.start()
    good = gateway.config_path.read_text()
    gateway.write_config(good.replace('"after"', '"aftr"').replace('"300ms"', '"soon"'))
    mark = len(gateway.events("config.error"))
    verdict = gateway.reload()
    assert verdict["event"] == "config.refused" and "running" in verdict["now"]
    places = [e["at"] for e in gateway.events("config.error")[mark:]]
    lines = good.splitlines()
    for wrong, words in (('"after"', 'did you mean "after"?'), ('"300ms"', "soon")):
        number = next(i for i, line in enumerate(lines, 1) if wrong in line)
        assert any(p.startswith(f"{gateway.config_path}:{number}:") and words in p
                   for p in places), (number, words, places)
    source.put("doc", b"content")
    wait_until(lambda: source.names() == [], "the route goes on")
    assert gateway.published() == {"doc": b"content"}
    gateway.write_config(good)
    assert gateway.reload()["event"] == "config.reloaded"
    gateway.settled("doc")


def test_a_reload_ends_the_sessions_of_a_disabled_account(gateway, new_wire):
    gateway.add_account("other", gateway.config["accounts"]["erp"]["mounts"])
    gateway.start()
    victim, bystander = new_wire(gateway), new_wire(gateway, "other")
    gateway.config["accounts"]["erp"]["disabled"] = True
    gateway.write_config()
    gateway.reload()
    victim.wait_closed()
    assert bystander.works()
    assert gateway.sftp("erp", "ls").returncode != 0


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
def test_a_stop_ends_everything(source, gateway, new_relay, new_wire, how):
    """In the middle of a fetch, with a session open: no process is left, and nothing is lost."""
    relay = new_relay(source.port, rate=500_000)
    gateway.config["remotes"] = {}
    gateway.add_remote("acme", source, port=relay.port)
    content = source.put("big", os.urandom(3_000_000))
    gateway.start()
    wire = new_wire(gateway)
    wait_until(lambda: gateway.transfers("--state", "fetching"), "the fetch has begun")
    gateway.process.send_signal(how)
    assert gateway.process.wait(PATIENCE) == 0
    gateway.wait_for_the_end_of_roles()
    wire.wait_closed()
    assert not (gateway.home / "control.sock").exists()
    assert gateway.dray_raw("status").returncode == 3
    relay.rate = None
    gateway.launch()
    gateway.settled("big")
    assert gateway.published() == {"big": content}


def test_a_json_log_is_json_of_all_roles(source, gateway):
    gateway.config["log"] = {"format": "json", "level": "info"}
    source.put("doc", b"content")
    (source.outbox / "odd\tname").write_bytes(b"odd")
    gateway.start()
    gateway.settled("doc")
    gateway.get("erp", "/inbox/doc")
    wait_until(lambda: gateway.events("session.end"), "the session has ended")
    # Addresses of which it can have none are what the listener itself tells of.
    with socket.create_server(("127.0.0.1", 0)) as taken:
        gateway.config["listen"][0]["address"] = f"127.0.0.1:{taken.getsockname()[1]}"
        gateway.write_config()
        gateway.reload()
        gateway.wait_event("listener.old-addresses-kept")
    gateway.stop()
    lines = [json.loads(line) for line in gateway.log_text().splitlines()]
    assert {"core", "listener"} <= {line["role"] for line in lines}
    assert all({"time", "level", "pid", "event"} <= line.keys() for line in lines)


def test_a_quiet_log_is_quiet_of_all_roles(source, gateway):
    gateway.config["log"] = {"level": "error"}
    source.put("doc", b"content")
    gateway.write_config()
    gateway.launch_early()
    wait_until(lambda: source.names() == [], "it came through")
    # Such a log does not tell when the listener is ready.
    wait_until(lambda: [a for a in gateway.status()["addresses"] if a["listening"]], "it listens")
    assert gateway.get("erp", "/inbox/doc") == b"content"
    gateway.stop()
    assert gateway.log_text() == ""


def test_two_gateways_on_one_home(gateway):
    gateway.start()
    second = subprocess.run([DRAYD, "-c", gateway.config_path], capture_output=True, text=True,
                            timeout=30)
    assert second.returncode != 0
    assert "another drayd is running" in second.stderr
    assert is_alive(gateway.process.pid)
    assert gateway.status()["gateway"]["pid"] == gateway.process.pid


BAD = """\
home: {home}
listn:
  - {{ address: "127.0.0.1:1", host_keys: [k] }}
identities:
  main: {{ private_key: keys/identity }}
remotes:
  acme:
    address: sftp.example:99999
    user: me
    identity: mian
    known_hosts: known_hosts
folders:
  inbox: {{ path: folders/inbox }}
accounts:
  erp:
    authorized_keys: erp.pub
    mounts:
      - {{ at: inbox, folder: inbox, allow: [list, downlod] }}
routes:
  main:
    from: {{ remote: acme, path: /outbox, every: often }}
    steps:
      - rename: "{{nmae}}"
    to: [{{ folder: inbox }}]
    after: delte
"""
# Line, column (None: not asked about), and words of each error.
BAD_ERRORS = [
    (2, 1, 'unknown key "listn"', 'did you mean "listen"?'),
    (8, 14, "99999", ""),
    (10, 15, '"mian"', 'did you mean "main"?'),
    (18, None, '"inbox"', ""),
    (18, None, '"downlod"', 'did you mean "download"?'),
    (21, None, "often", ""),
    (23, None, "nmae", ""),
    (25, 12, '"delte"', 'delete or leave'),
]


@pytest.mark.parametrize("command", ["drayd", "drayd -t", "dray check"])
def test_a_configuration_with_errors(gateway, command):
    gateway.write_config(BAD.format(home=gateway.home))
    if command == "dray check":
        done = gateway.dray_raw("check")
        assert done.returncode == 4
    else:
        done = subprocess.run([DRAYD, *command.split()[1:], "-c", gateway.config_path],
                              capture_output=True, text=True, timeout=30)
        assert done.returncode != 0
    assert not SANITIZER.search(done.stderr)
    said = done.stderr.replace('\\"', '"').splitlines()
    for line, column, *words in BAD_ERRORS:
        place = f"{gateway.config_path}:{line}:" + (f"{column}:" if column else "")
        assert any(place in s and all(w in s for w in words) for s in said), \
            (place, words, done.stderr)
    assert not (gateway.home / "ledger.db").exists()


@pytest.mark.parametrize("text", ["", "home: [", "\x00", "- a\n- b\n", "home: /x\nhome: /y\n",
                                  "home: *nothing\n", "\ufeffhome\n", "a: " * 5000])
def test_a_configuration_that_is_none(gateway, text):
    gateway.config_path.write_text(text)
    done = gateway.dray_raw("check")
    assert done.returncode == 4
    assert f"{gateway.config_path}:" in done.stderr
    done = subprocess.run([DRAYD, "-c", gateway.config_path], capture_output=True, text=True,
                          timeout=30)
    assert done.returncode not in (0, None) and done.returncode > 0
    assert not SANITIZER.search(done.stderr)


def test_a_configuration_that_is_not_there(gateway):
    assert gateway.dray_raw("check").returncode == 4
    done = subprocess.run([DRAYD, "-c", gateway.config_path], capture_output=True, text=True,
                          timeout=30)
    assert done.returncode > 0 and str(gateway.config_path) in done.stderr
