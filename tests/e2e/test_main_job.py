"""The main job: what lies in a source's outbox is in a consumer's folder, once, whole, and told."""

import os
import re
import time

import pytest

from harness import files_below, sha256, small_disk, wait_until

DAY = r"\d{8}"


def test_one_file_takes_the_whole_way(source, gateway):
    content = source.put("invoice.csv", os.urandom(100_000))
    gateway.route["match"] = {"name": "*.csv"}
    gateway.route["steps"] = [{"rename": "{date:%Y%m%d}-{name}"}]
    gateway.start()
    transfer = gateway.settled("invoice.csv")

    [name] = gateway.list("erp", "/inbox")
    assert re.fullmatch(DAY + "-invoice.csv", name)
    assert gateway.list("erp", "/") == ["inbox"], "the mount, and nothing else"
    assert transfer["sha256"] == sha256(content)
    assert transfer["size"] == len(content)
    assert transfer["published"] == f"inbox/{name}"
    assert transfer["source"] == "acme" and transfer["route"] == "main"
    assert source.names() == []
    assert gateway.staging_names() == []

    assert gateway.get("erp", f"/inbox/{name}") == content
    wait_until(lambda: gateway.trace(transfer["id"])[0]["state"] == "delivered", "it is delivered")
    [told] = gateway.trace(name)
    assert [e["what"] for e in told["events"]] == [
        "seen", "matched", "fetch-began", "fetched", "worked", "placed", "told", "taken"]
    assert sha256(content) in told["events"][3]["detail"]
    assert "erp" in told["events"][-1]["detail"]
    moments = [e["at"] for e in told["events"]]
    assert moments == sorted(moments)
    assert gateway.trace("invoice.csv")[0]["id"] == transfer["id"]
    assert gateway.trace(str(source.outbox / "invoice.csv"))[0]["id"] == transfer["id"]


def test_the_source_is_told_only_after_publication(source, gateway):
    for i in range(20):
        source.put(f"f{i}", os.urandom(1000 + i))
    gateway.start()
    for i in range(20):
        gateway.settled(f"f{i}")
    for transfer in gateway.transfers():
        [told] = gateway.trace(transfer["id"])
        order = {e["what"]: i for i, e in enumerate(told["events"])}
        assert order["fetched"] < order["worked"] < order["placed"] < order["told"]
    # The same from outside: no file was ever at neither place.
    assert len(gateway.published()) == 20


NAMES = ["with space.csv", "ümläut-日本語.csv", 'quo"te.csv', "apo'strophe.csv", "-dash.csv",
         "--long", "semi;colon&pipe|", "star*?[x]", "back\\slash", "per%cent", "brace{name}",
         ".hidden", "trailing ", "a" * 255, "dots..", "$(reboot)", "#hash", "~"]


def test_names_of_every_kind(source, gateway):
    contents = {name: source.put(name, f"this is {name}".encode()) for name in NAMES}
    gateway.start()
    wait_until(lambda: source.names() == [], "all were taken")
    assert gateway.published() == contents
    wire = gateway.wire().start()
    for name, content in contents.items():
        kind, body = wire.read(wire.open(f"/inbox/{name}", wire.PF_READ), 0, 4096)
        assert kind == wire.DATA and body[4:] == content
    wire.end()


def test_a_name_that_is_not_utf8(source, gateway):
    name = b"latin1-\xe9\xff.csv"
    (source.outbox / os.fsdecode(name)).write_bytes(b"content")
    gateway.start()
    wait_until(lambda: source.names() == [], "it was taken")
    assert os.listdir(os.fsencode(gateway.folder())) == [name]


def test_a_name_with_control_bytes_stays_and_status_says_so(source, gateway):
    (source.outbox / "new\nline").write_bytes(b"odd")
    source.put("fine", b"fine")
    gateway.start()
    gateway.settled("fine")
    gateway.run()
    assert source.names() == ["new\nline"]
    assert gateway.published() == {"fine": b"fine"}
    wait_until(lambda: "new\\x0aline" in gateway.route_status()["trouble"],
               "status tells of the name")
    assert "new\nline" not in gateway.log_text()


def test_rules_decide_what_is_taken(source, gateway):
    gateway.route["match"] = {"name": ["*.csv", "*.xml"], "exclude": ["*.tmp.*", "draft-*"],
                              "min_size": "10B", "max_size": "1KiB"}
    taken = {"a.csv": b"x" * 10, "b.xml": b"y" * 1024}
    stay = {"c.txt": b"z" * 100, "d.tmp.csv": b"z" * 100, "draft-e.csv": b"z" * 100,
            "small.csv": b"z" * 9, "large.csv": b"z" * 1025, "A.CSV": b"z" * 100}
    for name, content in {**taken, **stay}.items():
        source.put(name, content)
    gateway.start()
    for name in taken:
        gateway.settled(name)
    gateway.run()
    assert gateway.published() == taken
    assert source.names() == sorted(stay)
    states = {os.path.basename(t["path"]): t["state"] for t in gateway.transfers()}
    # Only files that the names include are the route's, and it says why it leaves them.
    assert states == {"a.csv": "settled", "b.xml": "settled", "small.csv": "skipped",
                      "large.csv": "skipped"}
    assert "max_size" in gateway.trace("large.csv")[0]["events"][-1]["detail"]
    assert "min_size" in gateway.trace("small.csv")[0]["events"][-1]["detail"]


def test_a_young_file_waits_for_its_age(source, gateway):
    gateway.route["match"] = {"min_age": "3s"}
    source.put("old", b"old", age=60)
    began = time.time()
    source.put("young", b"young")
    gateway.start()
    gateway.settled("old")
    seen = source.names(), gateway.route_status()["waiting"]
    # Listings tell whole seconds: it may seem to be almost one older than it is.
    if time.time() < began + 2:
        assert seen == (["young"], 1), "it is there, and counted"
    gateway.settled("young")
    assert time.time() - began >= 2
    assert gateway.published() == {"old": b"old", "young": b"young"}


def test_what_is_not_a_regular_file_is_ignored(source, gateway):
    (source.outbox / "directory").mkdir()
    (source.outbox / "directory" / "inner").write_bytes(b"inner")
    (source.directory / "secret").write_bytes(b"secret")
    (source.outbox / "link").symlink_to(source.directory / "secret")
    (source.outbox / "dangling").symlink_to("nowhere")
    os.mkfifo(source.outbox / "fifo")
    source.put("plain", b"plain")
    gateway.start()
    gateway.settled("plain")
    gateway.run()
    assert gateway.published() == {"plain": b"plain"}
    assert source.names() == ["dangling", "directory", "fifo", "link"]
    assert len(gateway.transfers()) == 1


@pytest.mark.parametrize("size", [0, 1, 32767, 32768, 32769, 262144, 5_000_001])
def test_sizes_around_the_limits_of_packets(source, gateway, size):
    content = source.put("file", os.urandom(size))
    gateway.start()
    assert gateway.settled("file")["sha256"] == sha256(content)
    assert gateway.get("erp", "/inbox/file") == content


def test_a_file_of_50_mib(source, gateway):
    content = source.put("big.bin", os.urandom(50 << 20))
    gateway.start()
    assert gateway.settled("big.bin")["sha256"] == sha256(content)
    assert sha256(gateway.get("erp", "/inbox/big.bin")) == sha256(content)
    wait_until(lambda: gateway.trace("big.bin")[0]["state"] == "delivered", "it is delivered")


def test_two_hundred_files_at_once(source, gateway):
    contents = {f"f{i:03}": source.put(f"f{i:03}", f"content {i}".encode()) for i in range(200)}
    gateway.start()
    wait_until(lambda: source.names() == [], "all were taken")
    assert gateway.published() == contents
    wait_until(lambda: gateway.route_status()["done"] == 200, "all are counted")


def test_two_routes_two_sources_two_folders(source, new_source, gateway):
    other = new_source("other")
    gateway.config["folders"]["orders"] = {"path": "folders/orders"}
    gateway.add_remote("beta", other)
    gateway.add_route("second", "beta", other, to=["orders"])
    gateway.add_account("shop", [{"at": "/orders", "folder": "orders",
                                  "allow": ["list", "download"]}])
    source.put("one", b"of acme")
    other.put("one", b"of beta")
    gateway.start()
    gateway.settled("one", 2)
    assert gateway.published("inbox") == {"one": b"of acme"}
    assert gateway.published("orders") == {"one": b"of beta"}
    assert gateway.list("erp", "/") == ["inbox"]
    assert gateway.list("shop", "/") == ["orders"]
    assert gateway.get("shop", "/orders/one") == b"of beta"
    assert gateway.sftp("shop", "ls /inbox").returncode != 0


def test_two_destinations_get_it_both(source, gateway):
    gateway.config["folders"]["archive"] = {"path": "folders/archive"}
    gateway.route["to"].append({"folder": "archive"})
    content = source.put("doc", os.urandom(5000))
    gateway.start()
    published = gateway.settled("doc")["published"]
    assert gateway.published("inbox") == gateway.published("archive") == {"doc": content}
    assert published == "inbox/doc, archive/doc"


def test_left_files_are_not_fetched_twice(source, gateway):
    gateway.route["after"] = "leave"
    source.put("kept", b"first")
    gateway.start()
    gateway.settled("kept")
    gateway.run()
    gateway.run()
    assert source.names() == ["kept"]
    assert len(gateway.transfers()) == 1
    # Another version of it is another file, and a restart doesn't forget.
    gateway.restart()
    gateway.run()
    assert len(gateway.transfers()) == 1
    source.put("kept", b"second")
    gateway.settled("kept", 2)
    assert gateway.published() == {"kept": b"first", "kept.2": b"second"}


def test_the_same_name_again_is_a_new_file(source, gateway):
    contents = []
    gateway.start()
    for i in range(3):
        contents.append(source.put("daily.csv", f"day {i}".encode()))
        gateway.settled("daily.csv", i + 1)
    assert gateway.published() == {"daily.csv": contents[0], "daily.2.csv": contents[1],
                                   "daily.3.csv": contents[2]}


def test_the_very_same_file_again_is_a_new_file(source, gateway):
    """Same name, size, content and time: it was taken away, and somebody has put it there again."""
    gateway.start()
    for i in range(2):
        source.put("same.csv", b"same", age=3600 * 24 * 365)
        stamp = 1_700_000_000
        with_time = source.outbox / "same.csv"
        try:
            os.utime(with_time, (stamp, stamp))
        except FileNotFoundError:
            pass  # the gateway was quicker
        gateway.settled("same.csv", i + 1)
    assert sorted(gateway.published()) == ["same.2.csv", "same.csv"]


def test_a_taken_name_gets_a_number_and_nothing_is_overwritten(source, gateway):
    gateway.folder().mkdir(parents=True)
    (gateway.folder() / "report.csv").write_bytes(b"was here before")
    (gateway.folder() / "report.2.csv").mkdir()
    content = source.put("report.csv", b"new")
    gateway.start()
    assert gateway.settled("report.csv")["published"] == "inbox/report.3.csv"
    assert (gateway.folder() / "report.csv").read_bytes() == b"was here before"
    assert gateway.get("erp", "/inbox/report.3.csv") == content


def test_a_folder_on_another_file_system(source, gateway, scratch):
    """Renames don't reach across file systems: the worker copies, and publishes there."""
    with small_disk(scratch / "disk", "32m") as disk:
        gateway.config["folders"]["inbox"] = {"path": str(disk / "inbox"),
                                              "staging": str(disk / "staging")}
        content = source.put("far", os.urandom(3_000_000))
        gateway.start()
        gateway.settled("far")
        assert (disk / "inbox" / "far").read_bytes() == content
        assert files_below(disk / "staging") == []
        assert gateway.get("erp", "/inbox/far") == content
        gateway.shut_down()


def test_a_partial_read_is_no_delivery(source, gateway, new_wire):
    content = source.put("doc", os.urandom(100_000))
    gateway.start()
    gateway.settled("doc")
    wire = new_wire(gateway)
    handle = wire.open("/inbox/doc", wire.PF_READ)
    wire.read(handle, 0, 32768)
    assert wire.close(handle)[0] == 0
    wire.status(wire.REMOVE, wire.string("/nowhere"))
    assert gateway.trace("doc")[0]["state"] == "settled"
    assert gateway.get("erp", "/inbox/doc") == content
    wait_until(lambda: gateway.trace("doc")[0]["state"] == "delivered", "read whole: delivered")


def test_a_consumer_removes_what_it_took(source, gateway):
    source.put("doc", b"content")
    gateway.start()
    gateway.settled("doc")
    done = gateway.sftp("erp", "get /inbox/doc /dev/null", "rm /inbox/doc")
    assert done.returncode == 0, done.stderr
    assert gateway.published() == {}
    wait_until(lambda: gateway.trace("doc")[0]["events"][-1]["what"] == "removed", "it is noted")
    gateway.run()
    assert gateway.published() == {}, "what a consumer took away doesn't come back"


def test_what_vanishes_before_it_is_fetched_is_gone(source, gateway, new_relay):
    relay = new_relay(source.port, rate=60_000)
    gateway.config["remotes"] = {}
    gateway.add_remote("acme", source, port=relay.port)
    source.put("a-first", os.urandom(600_000), age=20)
    for i in range(40):
        source.put(f"later{i:02}", os.urandom(20_000))
    gateway.start()
    waiting = wait_until(lambda: gateway.transfers("--state", "ready"), "some wait")
    victim = max(os.path.basename(t["path"]) for t in waiting)
    (source.outbox / victim).unlink()
    relay.rate = None
    wait_until(lambda: source.names() == [], "the rest was taken")
    wait_until(lambda: gateway.trace(victim)[0]["state"] in ("gone", "settled"), "it is missed")
    assert len(gateway.published()) >= 40
