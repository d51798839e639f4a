"""A full disk: files wait and come through, sessions are told, nothing is lost or doubled."""

import os

import pytest

from harness import files_below, fill_disk, sha256, small_disk, wait_until


@pytest.fixture
def on_small_disk(new_gateway, source, scratch):
    """A gateway whose home is on a file system of 24 MiB."""
    with small_disk(scratch / "disk", "24m") as disk:
        gateway = new_gateway(source, "disk/gw")
        gateway.disk = disk
        gateway.log_path = scratch / "drayd.log"  # the log must not be stopped by it
        gateway.log_path.write_bytes(b"")
        gateway.config_path = scratch / "dray.yaml"
        yield gateway
        gateway.shut_down()


def test_a_file_waits_for_room(source, on_small_disk):
    gateway = on_small_disk
    gateway.start()
    ballast = fill_disk(gateway.disk, leave=4 << 20)
    content = source.put("big", os.urandom(8 << 20))
    small = source.put("small", b"small")
    trouble = wait_until(lambda: gateway.route_status()["trouble"], "status says why it waits")
    assert "disk space" in trouble and "big" in trouble
    assert gateway.events("route.waits-for-space")
    gateway.settled("small")
    assert gateway.published() == {"small": small}, "what fits goes on meanwhile"
    assert gateway.route_status()["waiting"] == 1
    ballast.unlink()
    gateway.settled("big")
    assert gateway.published() == {"small": small, "big": content}
    wait_until(lambda: not gateway.route_status()["trouble"], "the trouble is over")


def test_the_disk_fills_up_during_a_fetch(source, on_small_disk, new_relay):
    gateway = on_small_disk
    gateway.expect("ledger.stuck")
    gateway.config["limits"]["min_free"] = "0B"
    relay = new_relay(source.port, rate=2_000_000)
    gateway.config["remotes"] = {}
    gateway.add_remote("acme", source, port=relay.port)
    content = source.put("big", os.urandom(8 << 20))
    gateway.start()
    wait_until(lambda: gateway.transfers("--state", "fetching"), "the fetch has begun")
    ballast = fill_disk(gateway.disk)
    wait_until(lambda: gateway.events("transfer.not-fetched", "ledger.stuck"),
               "the full disk was met")
    relay.rate = None
    assert gateway.published() == {}
    ballast.unlink()
    gateway.settled("big")
    assert gateway.published() == {"big": content}
    assert len(gateway.transfers()) == 1
    assert gateway.staging_names() == []


def test_nothing_at_all_can_be_written(source, on_small_disk):
    """The ledger itself stands on the full disk."""
    gateway = on_small_disk
    gateway.expect("ledger.stuck")
    gateway.config["limits"]["min_free"] = "0B"
    gateway.start()
    source.put("first", b"first")
    gateway.settled("first")
    ballast = fill_disk(gateway.disk)
    contents = {f"f{i:02}": source.put(f"f{i:02}", os.urandom(40_000)) for i in range(20)}
    wait_until(lambda: gateway.events("ledger.stuck"), "the ledger can't be written")
    status = gateway.status()
    if status["gateway"]["trouble"]:
        assert "ledger" in status["gateway"]["trouble"]
        assert "space" in status["gateway"]["trouble"]
    # A restart on the full disk changes nothing of that, whether it succeeds or not.
    gateway.kill9()
    gateway.launch_early()
    wait_until(lambda: gateway.process.poll() is not None or
               gateway.events("listener.ready", all_runs=False), "it started, or said no")
    ballast.unlink()
    if gateway.process.poll() is not None:
        gateway.launch()
    wait_until(lambda: source.names() == [], "everything came through")
    assert gateway.published() == {"first": b"first", **contents}
    for name in contents:
        assert gateway.settled(name)["sha256"] == sha256(contents[name])
    assert len(gateway.transfers()) == 21
    assert gateway.staging_names() == []


def test_the_disk_is_full_and_free_again_and_again(source, on_small_disk):
    gateway = on_small_disk
    gateway.expect("ledger.stuck")
    gateway.config["limits"]["min_free"] = "0B"
    gateway.start()
    contents = {}
    met = ("ledger.stuck", "transfer.not-fetched", "transfer.published", "route.waits-for-space")
    for i, leave in enumerate((0, 4096, 100_000, 30_000)):
        ballast = fill_disk(gateway.disk, leave)
        mark = len(gateway.events(*met))
        for k in range(6):
            name = f"f{i}{k}"
            contents[name] = source.put(name, os.urandom(60_000))
        wait_until(lambda: len(gateway.events(*met)) > mark, "it has tried")
        ballast.unlink()
        wait_until(lambda: source.names() == [], "everything came through")
        assert gateway.published() == contents
    assert gateway.status()["gateway"]["trouble"] == ""


@pytest.fixture
def small_folder(gateway, scratch):
    """An account that uploads into a folder on a small file system; the ledger has room."""
    with small_disk(scratch / "disk", "4m") as disk:
        gateway.config["folders"]["up"] = {"path": str(disk / "up"),
                                           "staging": str(disk / "staging")}
        gateway.add_account("maker", [{"at": "/up", "folder": "up",
                                       "allow": ["list", "download", "upload"]}])
        gateway.disk = disk
        yield gateway
        gateway.shut_down()


def test_an_upload_on_a_full_disk_is_told_and_the_session_goes_on(small_folder, new_wire):
    gateway = small_folder
    gateway.start()
    wire = new_wire(gateway, "maker")
    handle = wire.open("/up/big", wire.PF_WRITE | wire.PF_CREAT)
    codes = []
    for i in range(200):
        code, words = wire.write(handle, i * 32768, b"x" * 32768)
        codes.append(code)
        if code:
            assert code == 4 and "space" in words.lower(), words
            break
    assert codes[-1] == 4, "the disk has 4 MiB"
    assert wire.works(), "the session goes on"
    code, words = wire.close(handle)
    assert code == 4 and words, "a file with a hole is never published"
    assert os.listdir(gateway.disk / "up") == []
    # What came stays private: its owner sees it, and can make room by removing it.
    assert gateway.list("maker", "/up") == ["big"]
    assert wire.status(wire.REMOVE, wire.string("/up/big"))[0] == 0
    assert files_below(gateway.disk / "staging") == []
    handle = wire.open("/up/big", wire.PF_WRITE | wire.PF_CREAT)
    assert wire.write(handle, 0, b"whole")[0] == 0
    assert wire.close(handle)[0] == 0
    assert (gateway.disk / "up" / "big").read_bytes() == b"whole"


def test_openssh_sftp_on_a_full_disk(small_folder):
    gateway = small_folder
    local = gateway.directory / "local"
    local.write_bytes(os.urandom(8 << 20))
    gateway.start()
    done = gateway.sftp("maker", f"-put {local} /up/big", "ls -1 /up", "pwd")
    # It shows the code's words alone; the message is in the test above.
    assert 'write remote "/up/big": Failure' in done.stderr, done.stderr
    assert "Remote working directory: /" in done.stdout and done.returncode == 0
    assert os.listdir(gateway.disk / "up") == []


def test_outputs_on_a_full_disk_wait(source, small_folder):
    """The staging of the folder is full, the ledger and incoming are not."""
    gateway = small_folder
    gateway.config["folders"]["inbox"] = {"path": str(gateway.disk / "inbox"),
                                          "staging": str(gateway.disk / "inbox-staging")}
    gateway.start()
    ballast = fill_disk(gateway.disk, leave=100_000)
    content = source.put("doc", os.urandom(1_000_000))
    row = wait_until(lambda: [t for t in gateway.transfers() if t["trouble"]],
                     "the transfer says why it waits")[0]
    assert row["state"] == "staged" and "space" in row["trouble"]
    assert source.names() == ["doc"], "the source isn't told"
    assert os.listdir(gateway.disk / "inbox") == []
    ballast.unlink()
    gateway.settled("doc")
    assert (gateway.disk / "inbox" / "doc").read_bytes() == content
