"""Quotas, of folders and of accounts: enforced while it is written, given back when it is over."""

import os
import signal

import pytest

from harness import wait_until

RIGHTS = ["list", "download", "upload", "overwrite", "delete", "rename", "mkdir", "rmdir",
          "setstat"]
CHUNK = 32768
FAILURE = 4


@pytest.fixture
def room(gateway):
    """maker and other upload to /out, of one folder. Not started yet."""
    def make(folder=None, maker=None):
        gateway.config["folders"]["room"] = {"path": "folders/room"}
        if folder is not None:
            gateway.config["folders"]["room"]["quota"] = folder
        for name in ("maker", "other"):
            gateway.add_account(name, [{"at": "/out", "folder": "room", "allow": RIGHTS}])
        if maker is not None:
            gateway.config["accounts"]["maker"]["quota"] = maker
        return gateway.start()
    return make


def fill(wire, path, n_chunks):
    """Uploads as much as it may: the handle, and the first refusal, or None."""
    handle = wire.open(path, wire.PF_WRITE | wire.PF_CREAT | wire.PF_TRUNC)
    for i in range(n_chunks):
        code, words = wire.write(handle, i * CHUNK, b"x" * CHUNK)
        if code != 0:
            return handle, (code, words)
    return handle, None


def upload(wire, path, n_chunks):
    """True when it was published."""
    handle, refusal = fill(wire, path, n_chunks)
    return wire.close(handle)[0] == 0 and refusal is None


def used(gateway, what="folders", name="room"):
    row = next(r for r in gateway.status()[what] if r["name"] == name)
    return row["used_bytes"], row["used_files"]


def wait_used(gateway, amount, what="folders", name="room"):
    wait_until(lambda: used(gateway, what, name) == amount, f"{name} uses {amount}")


@pytest.mark.parametrize("whose", ["folder", "maker"])
def test_bytes(room, new_wire, whose):
    gateway = room(**{whose: {"bytes": str(10 * CHUNK)}})
    what, name = ("folders", "room") if whose == "folder" else ("accounts", "maker")
    wire = new_wire(gateway, "maker")
    assert upload(wire, "/out/a", 6)
    wait_used(gateway, (6 * CHUNK, 1), what, name)
    assert not gateway.events("quota.refused"), "there was room"
    handle, refusal = fill(wire, "/out/b", 5)
    assert refusal is not None and refusal[0] == FAILURE and "quota" in refusal[1]
    assert wire.close(handle)[0] != 0, "what is not whole is not published"
    assert sorted(os.listdir(gateway.folder("room"))) == ["a"]
    assert gateway.events("quota.refused", account="maker", folder="room")
    # Just what is left can be had, and what is freed.
    assert upload(wire, "/out/c", 4)
    wait_used(gateway, (10 * CHUNK, 2), what, name)
    assert wire.status(wire.REMOVE, wire.string("/out/a"))[0] == 0
    wait_used(gateway, (4 * CHUNK, 1), what, name)
    assert upload(wire, "/out/d", 6)
    # Replacing needs room for both, as long as both are there.
    assert not upload(wire, "/out/d", 1)
    assert wire.works()


@pytest.mark.parametrize("whose", ["folder", "maker"])
def test_files(room, new_wire, whose):
    gateway = room(**{whose: {"files": 2}})
    what, name = ("folders", "room") if whose == "folder" else ("accounts", "maker")
    wire = new_wire(gateway, "maker")
    assert upload(wire, "/out/a", 1) and upload(wire, "/out/b", 1)
    kind, body = wire.ask(wire.OPEN, wire.string("/out/c") +
                          (wire.PF_WRITE | wire.PF_CREAT).to_bytes(4, "big") + bytes(4))
    if kind == wire.HANDLE:
        assert wire.write(body[4:], 0, b"x")[0] != 0 and wire.close(body[4:])[0] != 0
    else:
        assert "quota" in wire.split_status(body)[1]
    wait_used(gateway, (2 * CHUNK, 2), what, name)
    assert wire.status(wire.RENAME, wire.string("/out/a") + wire.string("/out/moved"))[0] == 0
    assert wire.status(wire.REMOVE, wire.string("/out/moved"))[0] == 0
    wait_used(gateway, (CHUNK, 1), what, name)
    assert upload(wire, "/out/c", 1)


def test_an_account_is_not_charged_for_others(room, new_wire):
    gateway = room(maker={"bytes": str(4 * CHUNK)})
    maker, other = new_wire(gateway, "maker"), new_wire(gateway, "other")
    assert upload(other, "/out/others", 50)
    assert upload(maker, "/out/mine", 4)
    # Whoever replaces a file holds it from then on.
    assert upload(other, "/out/mine", 4)
    wait_used(gateway, (0, 0), "accounts", "maker")
    assert upload(maker, "/out/again", 4)


def test_two_sessions_at_once(room, new_wire):
    """Together they get no more than there is, and who gives up makes room."""
    gateway = room(folder={"bytes": str(300 * CHUNK)})
    one, two = new_wire(gateway, "maker"), new_wire(gateway, "other")
    handle_one, refusal = fill(one, "/out/one", 200)
    assert refusal is None
    handle_two, refusal = fill(two, "/out/two", 200)
    assert refusal is not None and "quota" in refusal[1]
    assert used(gateway)[0] <= 300 * CHUNK
    assert one.close(handle_one)[0] == 0
    assert two.close(handle_two)[0] != 0
    wait_used(gateway, (200 * CHUNK, 1))
    assert upload(two, "/out/two", 100)
    assert sum(p.stat().st_size for p in gateway.folder("room").iterdir()) == 300 * CHUNK


@pytest.mark.parametrize("how", ["killed", "line lost"])
def test_released_when_the_session_is_gone(room, new_wire, how):
    gateway = room(folder={"bytes": str(10 * CHUNK)}, maker={"files": 1})
    gateway.expect("session.crashed")
    wire = new_wire(gateway, "maker")
    fill(wire, "/out/doc", 8)
    assert used(gateway)[0] >= 8 * CHUNK
    if how == "killed":
        pid = int(gateway.events("session.connected")[-1]["process"])
        os.kill(pid, signal.SIGKILL)
    else:
        wire.lose()
    wait_used(gateway, (0, 0))
    wait_used(gateway, (0, 0), "accounts", "maker")
    other = new_wire(gateway, "other")
    assert upload(other, "/out/whole", 10)


def test_counted_at_the_start_and_again_when_it_is_full(room, new_wire):
    gateway = room(folder={"bytes": str(10 * CHUNK)})
    (gateway.folder("room") / "sub").mkdir()
    by_hand = gateway.folder("room") / "sub" / "by hand"
    by_hand.write_bytes(b"x" * (9 * CHUNK))
    # A reload doesn't count again what it has counted before.
    gateway.reload()
    wait_used(gateway, (0, 0))
    gateway.restart()
    wait_used(gateway, (9 * CHUNK, 1))
    wire = new_wire(gateway, "maker")
    assert not upload(wire, "/out/a", 2)
    by_hand.unlink()
    # Noticed without a reload, when somebody needs the room.
    wait_until(lambda: upload(new_wire(gateway, "maker"), "/out/a", 2), "there is room again")
    gateway.restart()
    wait_used(gateway, (2 * CHUNK, 1))


def test_what_accounts_hold_outlives_a_restart(room, new_wire):
    gateway = room(maker={"files": 2})
    wire = new_wire(gateway, "maker")
    assert upload(wire, "/out/a", 1) and upload(wire, "/out/b", 1)
    gateway.kill9()
    gateway.launch()
    wait_used(gateway, (2 * CHUNK, 2), "accounts", "maker")
    # One that a person has taken away meanwhile is held no more.
    gateway.stop()
    (gateway.folder("room") / "a").unlink()
    gateway.launch()
    wait_used(gateway, (CHUNK, 1), "accounts", "maker")


def test_a_route_waits_for_room(gateway, source):
    gateway.config["folders"]["inbox"]["quota"] = {"files": 1}
    gateway.expect("transfer.not-published")
    gateway.start()
    source.put("a.csv", b"first")
    gateway.settled("a.csv")
    source.put("b.csv", b"second")
    stuck = wait_until(lambda: [t for t in gateway.transfers() if t["path"].endswith("b.csv") and
                                t["trouble"]], "it waits")[0]
    assert "quota is used up" in stuck["trouble"] and stuck["state"] == "processed"
    assert source.names() == ["b.csv"], "the source keeps it"
    assert sorted(gateway.published()) == ["a.csv"]
    done = gateway.sftp("erp", "rm /inbox/a.csv")
    assert done.returncode == 0, done.stderr
    gateway.settled("b.csv")
    assert gateway.published() == {"b.csv": b"second"}
    assert source.names() == []
