"""What accounts send us: private until it is closed, whole when it is seen, and recorded."""

import os
import signal

import pytest

from harness import Watcher, sha256, unread_sockets, wait_until

RIGHTS = ["list", "download", "upload", "overwrite", "delete", "rename", "mkdir", "rmdir",
          "setstat"]


@pytest.fixture
def uploads(gateway):
    """maker may do everything in /out; reader sees the same folder as /in."""
    gateway.config["folders"]["box"] = {"path": "folders/box"}
    gateway.add_account("maker", [{"at": "/out", "folder": "box", "allow": RIGHTS}])
    gateway.add_account("reader", [{"at": "/in", "folder": "box",
                                    "allow": ["list", "download"]}])
    gateway.start()
    return gateway


def upload_rows(gateway, name=None):
    return [t for t in gateway.transfers() if t["route"] == "" and
            (name is None or t["path"].endswith(name))]


def test_an_upload_is_private_until_it_is_closed(uploads, new_wire):
    maker, reader = new_wire(uploads, "maker"), new_wire(uploads, "reader")
    handle = maker.open("/out/doc", maker.PF_WRITE | maker.PF_CREAT | maker.PF_TRUNC)
    assert maker.write(handle, 0, b"first half ")[0] == 0
    # Its own session sees it, growing; nobody else does, by no way.
    kind, body = maker.ask(maker.STAT, maker.string("/out/doc"))
    assert kind == maker.ATTRS and body[4:12] == (11).to_bytes(8, "big")
    assert uploads.list("reader", "/in") == []
    assert uploads.list("maker", "/out") == [], "nor does another session of the same account"
    assert reader.status(reader.STAT, reader.string("/in/doc"))[0] == 2
    assert os.listdir(uploads.folder("box")) == []
    assert upload_rows(uploads) == []

    assert maker.write(handle, 11, b"second half")[0] == 0
    assert maker.close(handle)[0] == 0
    assert uploads.list("reader", "/in") == ["doc"]
    assert uploads.get("reader", "/in/doc") == b"first half second half"
    row = wait_until(lambda: upload_rows(uploads, "doc"), "it is in the ledger")[0]
    assert row["source"] == "maker" and row["published"] == "box/doc" and row["size"] == 22
    wait_until(lambda: upload_rows(uploads, "doc")[0]["state"] == "delivered", "and delivered")
    [told] = uploads.trace("doc")
    assert [e["what"] for e in told["events"]][:1] == ["uploaded"]
    assert {"placed", "told", "taken"} <= {e["what"] for e in told["events"]}
    assert uploads.staging_names() == []


def test_openssh_puts_and_gets(uploads, scratch):
    local = scratch / "local file"
    content = os.urandom(3_000_000)
    local.write_bytes(content)
    with Watcher(uploads.folder("box"), {sha256(content)}):
        done = uploads.sftp("maker", "cd /out", f'put "{local}" "big file"', "ls -l",
                            "rename \"big file\" renamed", "mkdir sub", "rename renamed sub/moved",
                            "rename sub/moved back", "rmdir sub")
    assert done.returncode == 0, done.stderr
    assert uploads.get("reader", "/in/back") == content
    assert uploads.list("reader", "/in") == ["back"]
    assert wait_until(lambda: upload_rows(uploads, "big file"), "it is recorded")[0]["size"] == \
        len(content)


@pytest.mark.parametrize("how", ["lose the line", "orderly end", "kill the session"])
def test_what_was_not_closed_is_never_seen(uploads, new_wire, how):
    uploads.expect("session.crashed")
    wire = new_wire(uploads, "maker")
    handle = wire.open("/out/doc", wire.PF_WRITE | wire.PF_CREAT)
    for i in range(20):
        assert wire.write(handle, i * 32768, b"x" * 32768)[0] == 0
    if how == "lose the line":
        wire.lose()
    elif how == "orderly end":
        wire.process.stdin.close()
        wire.wait_closed()
    else:
        os.kill(int(uploads.events("session.connected")[-1]["process"]), signal.SIGKILL)
        wire.wait_closed()
    wait_until(lambda: uploads.status()["sessions"] == [], "the session has ended")
    assert uploads.list("reader", "/in") == []
    assert os.listdir(uploads.folder("box")) == []
    assert upload_rows(uploads) == []
    why = uploads.wait_event("session.end", account="maker")["why"]
    assert why.startswith({"lose the line": "the connection was lost: ",
                           "orderly end": "the client closed the connection",
                           "kill the session": "the line to its process broke"}[how])
    # What came of it is told by the session, and stays; one that was killed tells nothing.
    told = uploads.events("upload.abandoned")
    assert len(told) == (0 if how == "kill the session" else 1)
    for event in told:
        assert (event["level"], event["account"]) == ("warn", "maker")
        assert (event["folder"], event["path"]) == ("box", "doc")
        assert event["bytes"] == str(20 * 32768)
        assert uploads.staging_names() == [event["file"]]
    # The same name can be sent again, from its beginning, and is whole then.
    again = new_wire(uploads, "maker")
    handle = again.open("/out/doc", again.PF_WRITE | again.PF_CREAT | again.PF_TRUNC)
    assert again.write(handle, 0, b"whole")[0] == 0
    assert again.close(handle)[0] == 0
    assert uploads.get("reader", "/in/doc") == b"whole"


def test_an_overwrite_is_one_step_and_a_reader_keeps_its_version(uploads, new_wire):
    maker, reader = new_wire(uploads, "maker"), new_wire(uploads, "reader")

    def put(content):
        handle = maker.open("/out/doc", maker.PF_WRITE | maker.PF_CREAT | maker.PF_TRUNC)
        for offset in range(0, len(content), 32768):
            assert maker.write(handle, offset, content[offset:offset + 32768])[0] == 0
        return handle

    old, new = os.urandom(200_000), os.urandom(150_000)
    with Watcher(uploads.folder("box"), {sha256(old), sha256(new)}):
        assert maker.close(put(old))[0] == 0
        held = reader.open("/in/doc", reader.PF_READ)
        assert reader.read(held, 0, 1000)[1][4:] == old[:1000]
        handle = put(new)
        assert uploads.get("reader", "/in/doc") == old, "not before it is closed"
        assert maker.close(handle)[0] == 0
        assert uploads.get("reader", "/in/doc") == new
        assert reader.read(held, 1000, 1000)[1][4:] == old[1000:2000]


def test_without_the_right_to_overwrite_the_first_one_stays(gateway, new_wire):
    gateway.config["folders"]["box"] = {"path": "folders/box"}
    gateway.add_account("maker", [{"at": "/out", "folder": "box", "allow": ["list", "upload"]}])
    gateway.start()
    one, two = new_wire(gateway, "maker"), new_wire(gateway, "maker")
    first = one.open("/out/doc", one.PF_WRITE | one.PF_CREAT)
    second = two.open("/out/doc", two.PF_WRITE | two.PF_CREAT)
    one.write(first, 0, b"first")
    two.write(second, 0, b"second")
    assert one.close(first)[0] == 0
    code, words = two.close(second)
    assert code == 4 and "already" in words
    assert gateway.published("box") == {"doc": b"first"}
    assert two.works()
    kind, body = two.ask(two.OPEN, two.string("/out/doc") + (2 | 8).to_bytes(4, "big") +
                         b"\0\0\0\0")
    assert kind == two.STATUS and two.split_status(body)[0] in (3, 4)
    # It may write and list there, but not read.
    kind, body = two.ask(two.OPEN, two.string("/out/doc") + b"\0\0\0\x01\0\0\0\0")
    assert kind == two.STATUS and two.split_status(body)[0] == 3


def test_what_a_lost_session_left_is_not_forgotten(gateway, new_wire):
    """Recorded, and its session gone, while another one of the account is recording, too."""
    gateway.config["folders"]["box"] = {"path": "folders/box"}
    gateway.add_account("maker", [{"at": "/out", "folder": "box", "allow": ["list", "upload"]}])
    gateway.config["routes"] = {}  # nobody else is to speak to core
    gateway.start()
    gateway.expect("session.crashed")
    one, two = new_wire(gateway, "maker"), new_wire(gateway, "maker")
    pids = [int(e["process"]) for e in gateway.events("session.connected")]
    handles = [(one, one.open("/out/doc", one.PF_WRITE | one.PF_CREAT)),
               (two, two.open("/out/left", two.PF_WRITE | two.PF_CREAT))]
    assert one.works() and two.works() and gateway.status()["sessions"], "core has heard all so far"
    os.kill(gateway.process.pid, signal.SIGSTOP)
    before = unread_sockets(gateway.process.pid)
    for wire, handle in handles:
        wire.send(wire.CLOSE, (1 << 20).to_bytes(4, "big") + wire.string(handle))
    wait_until(lambda: unread_sockets(gateway.process.pid) == before + 2, "both ask to be recorded")
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    os.kill(gateway.process.pid, signal.SIGCONT)
    wait_until(lambda: len(upload_rows(gateway)) == 2, "they are recorded")
    # Recorded, but not put in place.
    os.kill(pids[1], signal.SIGKILL)
    gateway.wait_event("session.crashed")
    assert {t["state"] for t in upload_rows(gateway)} == {"processed"}
    os.kill(pids[0], signal.SIGCONT)
    wait_until(lambda: upload_rows(gateway, "doc")[0]["state"] == "settled", "it is in place")
    wait_until(lambda: upload_rows(gateway, "left")[0]["state"] == "failed", "it is looked at")
    [folder] = [f for f in gateway.status()["folders"] if f["name"] == "box"]
    assert folder["partials"] == 1
    assert one.receive()[0] == one.STATUS


def test_many_uploads_at_once(uploads, new_wire):
    wires = [new_wire(uploads, "maker") for _ in range(4)]
    handles = []
    for n, wire in enumerate(wires):
        for i in range(25):
            name = f"w{n}-{i}"
            handle = wire.open(f"/out/{name}", wire.PF_WRITE | wire.PF_CREAT)
            assert wire.write(handle, 0, name.encode())[0] == 0
            handles.append((wire, handle, name))
    assert uploads.list("reader", "/in") == []
    for wire, handle, _ in handles:
        assert wire.close(handle)[0] == 0
    assert uploads.published("box") == {name: name.encode() for _, _, name in handles}
    wait_until(lambda: {t["state"] for t in upload_rows(uploads)} == {"settled"} and
               len(upload_rows(uploads)) == 100, "all are recorded")


def test_an_acknowledged_upload_survives_a_kill(uploads, new_wire):
    """CLOSE was answered: the file is there and recorded, whatever happens then."""
    for i in range(5):
        wire = new_wire(uploads, "maker")
        handle = wire.open(f"/out/doc{i}", wire.PF_WRITE | wire.PF_CREAT)
        wire.write(handle, 0, f"content {i}".encode())
        assert wire.close(handle)[0] == 0
        uploads.kill9()
        uploads.launch()
    assert uploads.published("box") == {f"doc{i}": f"content {i}".encode() for i in range(5)}
    rows = wait_until(lambda: len(upload_rows(uploads)) == 5 and upload_rows(uploads),
                      "all are recorded")
    assert {t["state"] for t in rows} == {"settled"}
    assert uploads.staging_names() == []
