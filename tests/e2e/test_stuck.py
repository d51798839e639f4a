"""What doesn't move is told, with the reason; and a person can set it going again."""

import os
import shutil
import socket

from harness import wait_until


def stuck(gateway):
    return {t["path"].rsplit("/", 1)[-1]: t for t in gateway.status()["stuck"]}


def test_a_file_that_the_steps_refuse_is_told_and_tried_again_by_hand(source, gateway):
    gateway.route["steps"] = [{"rename": "x" * 200 + "{name}"}]
    gateway.route["retry_limit"] = 2
    gateway.start()
    name = "y" * 100
    content = source.put(name, b"content")
    wait_until(lambda: name in stuck(gateway), "status tells of it")
    page = gateway.dray_raw("status").stdout
    assert "Nothing is stuck." not in page and name in page and "255" in page
    wait_until(lambda: stuck(gateway)[name]["state"] == "failed", "its tries are used up")
    number = stuck(gateway)[name]["id"]
    assert f"dray retry {number}" in gateway.dray_raw("status").stdout
    # The cause is put right, and a person says so.
    gateway.route["steps"] = [{"rename": "{name}"}]
    gateway.write_config()
    gateway.reload()
    assert gateway.dray_raw("retry", str(number)).returncode == 0
    gateway.settled(name)
    assert gateway.published() == {name: content}
    assert gateway.status()["stuck"] == []
    again = gateway.dray_raw("retry", str(number))
    assert again.returncode == 1 and "not delivered twice" in again.stderr
    assert gateway.dray_raw("retry", "4711").returncode == 7
    assert gateway.dray_raw("retry", name).returncode == 2


def test_a_run_by_hand_waits_for_no_time_of_a_next_try(source, gateway, new_relay):
    # A line that breaks before the first byte of the file: the next try would be an hour away.
    relay = new_relay(source.port, cuts=[20_000])
    gateway.route["from"]["every"] = "10m"
    gateway.config["limits"]["retry_after"] = "1h"
    gateway.config["remotes"]["acme"]["address"] = f"127.0.0.1:{relay.port}"
    gateway.pin(relay.port, source.host_key)
    content = source.put("doc", os.urandom(500_000))
    gateway.start()
    wait_until(lambda: gateway.remote_status()["condition"] == "unreachable", "the line has broken")
    done = gateway.dray_raw("run", "main", "--wait")
    assert done.returncode == 0 and "1 fetched" in done.stdout, (done.stdout, done.stderr)
    assert gateway.published() == {"doc": content}


def test_a_disabled_route_is_not_run_by_hand(source, gateway):
    gateway.route["disabled"] = True
    gateway.start()
    source.put("doc", b"content")
    refused = gateway.dray_raw("run", "main", "--wait")
    assert refused.returncode == 1 and "disabled" in refused.stderr
    assert source.names() == ["doc"] and gateway.published() == {}


def test_a_folder_that_was_moved_away_gets_nothing(source, gateway):
    gateway.expect("transfer.not-published")
    gateway.start()
    folder = gateway.folder()
    away = folder.with_name("moved-away")
    folder.rename(away)
    folder.mkdir()
    content = source.put("doc", b"content")
    wait_until(lambda: "doc" in stuck(gateway), "status tells of it")
    assert str(folder) in stuck(gateway)["doc"]["trouble"]
    assert source.names() == ["doc"], "the source keeps it until it is published"
    assert list(away.iterdir()) == [] and list(folder.iterdir()) == []
    gateway.reload()
    gateway.settled("doc")
    assert gateway.published() == {"doc": content}
    shutil.rmtree(away)


def test_trace_takes_what_it_tells(source, gateway):
    gateway.route["steps"] = [{"rename": "new-{name}"}]
    gateway.start()
    source.put("doc", b"content")
    gateway.settled("doc")
    for what in ("doc", "new-doc", "inbox/new-doc", "/inbox/new-doc", str(source.outbox / "doc")):
        assert gateway.dray_raw("trace", what).returncode == 0, what
    assert gateway.dray_raw("trace", "other/new-doc").returncode == 7


def test_an_address_that_is_taken_is_told_and_the_old_one_stays(gateway):
    gateway.start()
    [address] = gateway.status()["addresses"]
    assert address["listening"] and address["trouble"] == ""
    with socket.create_server(("127.0.0.1", 0)) as other:
        listen = gateway.config["listen"][0]
        old, listen["address"] = listen["address"], f"127.0.0.1:{other.getsockname()[1]}"
        gateway.write_config()
        gateway.reload()
        wait_until(lambda: not gateway.status()["addresses"][0]["listening"], "status tells of it")
        assert "in use" in gateway.status()["addresses"][0]["trouble"]
        page = gateway.dray_raw("status").stdout
        assert "Nothing is stuck." not in page and "in use" in page
        # Whoever is used to the old address still gets in.
        assert gateway.sftp("erp", "ls").returncode == 0
    listen["address"] = old
    gateway.write_config()
    gateway.reload()
    wait_until(lambda: gateway.status()["addresses"][0]["listening"], "all is well again")
    assert gateway.sftp("erp", "ls").returncode == 0


def test_questions_are_answered_while_the_configuration_is_broken(source, gateway):
    gateway.start()
    source.put("doc", b"content")
    gateway.settled("doc")
    gateway.write_config(gateway.config_path.read_text().replace('"after"', '"aftr"'))
    assert gateway.reload()["event"] == "config.refused"
    for command in (["status"], ["transfers"], ["trace", "doc"], ["run", "main"]):
        answer = gateway.dray_raw(*command)
        assert answer.returncode == 0, (command, answer.stderr)
        assert "errors" in answer.stderr
