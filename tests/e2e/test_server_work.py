"""What the gateway does for an account without its line: copies and hashes of files."""

import hashlib
import os
import threading

import pytest

from harness import wait_until

RIGHTS = ["list", "download", "upload", "overwrite", "delete"]
EXTENDED, EXTENDED_REPLY = 200, 201
MIB = 1 << 20


@pytest.fixture
def box(gateway):
    """maker may do everything in /box; sender may send and see, and not read."""
    gateway.config["folders"]["box"] = {"path": "folders/box"}
    gateway.add_account("maker", [{"at": "/box", "folder": "box", "allow": RIGHTS}])
    gateway.add_account("sender", [{"at": "/box", "folder": "box", "allow": ["list", "upload"]}])
    gateway.start()
    return gateway


def u32(number):
    return number.to_bytes(4, "big")


def u64(number):
    return number.to_bytes(8, "big")


def data(value):
    return u32(len(value)) + value


def check(what, who, length=0, block=0):
    return data(what) + data(who) + data(b"sha256") + u64(0) + u64(length) + u32(block)


def copy(source, target):
    return data(b"copy-data") + data(source) + u64(0) + u64(0) + data(target) + u64(0)


def test_a_hash_is_no_delivery(box, new_wire):
    content = os.urandom(3 * MIB)
    (box.folder("box") / "f").write_bytes(content)
    maker = new_wire(box, "maker")
    handle = maker.open("/box/f", maker.PF_READ)
    for request in (check(b"check-file-handle", handle), check(b"check-file-name", b"/box/f")):
        kind, body = maker.ask(EXTENDED, request)
        assert kind == EXTENDED_REPLY
        assert body == data(b"sha256") + hashlib.sha256(content).digest()
    assert maker.close(handle)[0] == 0
    # What is read in the ordinary way is one, and shows that the first would have been told by now.
    assert box.get("maker", "/box/f") == content
    box.wait_event("file.taken", path="f")
    assert len(box.events("file.taken")) == 1


def test_a_hash_needs_the_right_to_download(box, new_wire):
    (box.folder("box") / "f").write_bytes(b"secret")
    sender = new_wire(box, "sender")
    assert sender.status(EXTENDED, check(b"check-file-name", b"/box/f"))[0] == 3
    assert sender.status(EXTENDED, check(b"check-file-name", b"/box/../../etc/passwd"))[0] in (2, 3)
    box.expect("file.denied")


def test_a_copy_is_private_until_it_is_closed(box, new_wire):
    content = os.urandom(40 * MIB)
    (box.folder("box") / "f").write_bytes(content)
    maker = new_wire(box, "maker")
    source = maker.open("/box/f", maker.PF_READ)
    target = maker.open("/box/g", maker.PF_WRITE | maker.PF_CREAT | maker.PF_TRUNC)
    assert maker.status(EXTENDED, copy(source, target))[0] == 0
    assert os.listdir(box.folder("box")) == ["f"]
    assert maker.close(target)[0] == 0
    assert (box.folder("box") / "g").read_bytes() == content
    assert maker.close(source)[0] == 0
    assert box.events("file.taken") == []


def test_work_for_one_session_holds_up_no_other(box, new_wire):
    """A session that has much hashed, over and over, beside one that wants little."""
    with open(box.folder("box") / "large", "wb") as f:
        f.truncate(256 * MIB)
    busy, quick = new_wire(box, "maker"), new_wire(box, "maker")
    kinds = []

    def work():
        kinds.append(busy.ask(EXTENDED, check(b"check-file-name", b"/box/large"))[0])

    worker = threading.Thread(target=work)
    worker.start()
    for _ in range(20):
        assert quick.works()
    worker.join()
    assert kinds == [EXTENDED_REPLY]


def test_the_line_breaks_during_a_copy(box, new_wire):
    """It ends with it: nothing is published, and nothing of it is left open."""
    with open(box.folder("box") / "large", "wb") as f:
        f.truncate(512 * MIB)
    maker = new_wire(box, "maker")
    source = maker.open("/box/large", maker.PF_READ)
    target = maker.open("/box/g", maker.PF_WRITE | maker.PF_CREAT | maker.PF_TRUNC)
    maker.send(EXTENDED, u32(77) + copy(source, target))
    maker.lose()
    wait_until(lambda: box.events("session.end"), "the session is over")
    assert os.listdir(box.folder("box")) == ["large"]
