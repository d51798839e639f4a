"""What was read whole is delivered, once; and what then becomes of it."""

import os
import subprocess

import pytest

from harness import PATIENCE, wait_until

CHUNK = 32768


@pytest.fixture
def shelf(gateway):
    """erp and bank read /in. Not started yet; folder: its configuration."""
    def make(**folder):
        gateway.config["folders"]["shelf"] = {"path": "folders/shelf", **folder}
        mounts = [{"at": "/in", "folder": "shelf", "allow": ["list", "download", "delete"]}]
        gateway.config["accounts"]["erp"]["mounts"] = mounts
        gateway.add_account("bank", mounts)
        gateway.folder("shelf").mkdir(parents=True)
        return gateway.start()
    return make


def put(gateway, name, content):
    path = gateway.folder("shelf") / name
    path.parent.mkdir(exist_ok=True)
    part = gateway.directory / "part"
    part.write_bytes(content)
    part.rename(path)
    return path


def archive(gateway):
    root = gateway.home / "archive" / "shelf"
    return {str(p.relative_to(root)): p.read_bytes() for p in root.rglob("*") if p.is_file()}


def n_taken(gateway, name):
    return len(gateway.events("file.taken", path=name))


def read_ranges(wire, path, ranges):
    """Through one handle; what was read."""
    handle = wire.open(path, wire.PF_READ)
    parts = []
    for offset, length in ranges:
        kind, body = wire.read(handle, offset, length)
        assert kind == wire.DATA, wire.split_status(body)
        parts.append(body[4:])
    assert wire.close(handle)[0] == 0
    return b"".join(parts)


def whole(size):
    return [(at, min(CHUNK, size - at)) for at in range(0, size, CHUNK)]


def test_kept_and_counted(shelf):
    gateway = shelf()
    put(gateway, "doc", b"content")
    for n in (1, 2):
        assert gateway.get("erp", "/in/doc") == b"content"
        wait_until(lambda: n_taken(gateway, "doc") == n, "it is taken")
    assert (gateway.folder("shelf") / "doc").exists()


def test_removed_when_delivered(shelf, new_wire):
    gateway = shelf(on_delivered="delete")
    path = put(gateway, "dir/doc", os.urandom(3 * CHUNK))
    # Who has it open keeps it.
    slow = new_wire(gateway, "bank")
    held = slow.open("/in/dir/doc", slow.PF_READ)
    content = path.read_bytes()
    assert gateway.get("erp", "/in/dir/doc") == content
    gateway.wait_event("file.delivered-removed", folder="shelf", path="dir/doc")
    assert not path.exists()
    assert gateway.list("erp", "/in/dir") == []
    kind, body = slow.read(held, CHUNK, CHUNK)
    assert kind == slow.DATA and body[4:] == content[CHUNK:2 * CHUNK]
    assert slow.close(held)[0] == 0
    assert gateway.staging_names() == []


def test_archived_under_the_next_free_name(shelf):
    gateway = shelf(on_delivered="archive")
    for n in (1, 2, 3):
        path = put(gateway, "doc.csv", b"content %d" % n)
        assert gateway.get("erp", "/in/doc.csv") == b"content %d" % n
        # It is told after the file has moved, and done with what it left.
        wait_until(lambda: len(gateway.events("file.archived")) == n, "it is in the archive")
        assert not path.exists()
    assert archive(gateway) == {"doc.csv": b"content 1", "doc.2.csv": b"content 2",
                                "doc.3.csv": b"content 3"}
    assert [e["as"] for e in gateway.events("file.archived")] == \
        ["doc.csv", "doc.2.csv", "doc.3.csv"]


def test_all_consumers_must_have_taken_it(shelf):
    gateway = shelf(on_delivered="delete", consumers=["erp", "bank"])
    path = put(gateway, "doc", b"content")
    for _ in range(2):
        assert gateway.get("erp", "/in/doc") == b"content"
    wait_until(lambda: n_taken(gateway, "doc") == 2, "it is taken")
    assert path.exists()
    # Another version is another file.
    put(gateway, "doc", b"newer")
    assert gateway.get("bank", "/in/doc") == b"newer"
    wait_until(lambda: n_taken(gateway, "doc") == 3, "it is taken")
    assert path.exists()
    assert gateway.get("erp", "/in/doc") == b"newer"
    wait_until(lambda: not path.exists(), "both have taken this one")


def test_what_is_no_delivery(shelf, new_wire):
    gateway = shelf(on_delivered="delete")
    size = 4 * CHUNK
    path = put(gateway, "doc", os.urandom(size))
    wire = new_wire(gateway, "erp")
    kind, _ = wire.ask(wire.STAT, wire.string("/in/doc"))
    assert kind == wire.ATTRS
    read_ranges(wire, "/in/doc", [])  # OPEN and CLOSE
    read_ranges(wire, "/in/doc", whole(size)[:-1])
    read_ranges(wire, "/in/doc", [(0, CHUNK), (0, CHUNK)])
    # Read whole, but never closed: the line breaks.
    broken = new_wire(gateway, "bank")
    handle = broken.open("/in/doc", broken.PF_READ)
    for offset, length in whole(size):
        assert broken.read(handle, offset, length)[0] == broken.DATA
    broken.lose()
    gateway.wait_event("session.end", account="bank")
    assert wire.works()
    assert n_taken(gateway, "doc") == 0 and path.exists()


def test_pieces_of_several_handles_and_sessions(shelf, new_wire):
    gateway = shelf(on_delivered="delete")
    size = 6 * CHUNK + 17
    path = put(gateway, "doc", os.urandom(size))
    one, two, other = (new_wire(gateway, who) for who in ("erp", "erp", "bank"))
    parts = whole(size)
    read_ranges(one, "/in/doc", parts[4:])
    read_ranges(other, "/in/doc", parts[:4])  # another account's reading is not this one's
    read_ranges(two, "/in/doc", reversed(parts[1:4]))
    assert one.works() and two.works() and other.works()
    assert n_taken(gateway, "doc") == 0 and path.exists()
    read_ranges(one, "/in/doc", parts[:1])
    taken = gateway.wait_event("file.taken", path="doc")
    assert taken["account"] == "erp" and taken["bytes"] == str(size)
    wait_until(lambda: not path.exists(), "it is delivered")
    assert n_taken(gateway, "doc") == 1


def test_pieces_of_two_versions_are_nothing(shelf, new_wire):
    gateway = shelf(on_delivered="delete")
    path = put(gateway, "doc", b"a" * (2 * CHUNK))
    wire = new_wire(gateway, "erp")
    read_ranges(wire, "/in/doc", [(0, CHUNK)])
    put(gateway, "doc", b"b" * (2 * CHUNK))
    read_ranges(wire, "/in/doc", [(CHUNK, CHUNK)])
    assert wire.works()
    assert n_taken(gateway, "doc") == 0 and path.exists()


def test_lftp_fetches_in_parallel(shelf, scratch):
    gateway = shelf(on_delivered="archive")
    content = os.urandom(CHUNK) * 256
    put(gateway, "big", content)
    local = scratch / "local"
    local.mkdir()
    connect = "ssh -a -x " + " ".join(gateway.ssh_options("erp"))
    done = subprocess.run(
        ["lftp", "-c", f"set sftp:connect-program '{connect}'; set net:max-retries 1; "
         f"open -p {gateway.port} -u erp, sftp://127.0.0.1; "
         f"set pget:min-chunk-size 64k; set net:limit-rate 1M; pget -n 4 /in/big -o {local}/big; cls /in"],
        capture_output=True, text=True, timeout=PATIENCE, stdin=subprocess.DEVNULL,
        env={**os.environ, "HOME": str(scratch)})
    assert done.returncode == 0, done.stderr
    assert (local / "big").read_bytes() == content
    wait_until(lambda: archive(gateway) == {"big": content}, "it is delivered and archived")
    assert n_taken(gateway, "big") == 1
    assert len(gateway.events("session.login", account="erp")) > 1, "it came in pieces"


def test_what_a_route_published_is_traced(gateway, source):
    gateway.config["folders"]["inbox"]["on_delivered"] = "archive"
    gateway.start()
    source.put("a.csv", b"from afar")
    gateway.settled("a.csv")
    assert gateway.get("erp", "/inbox/a.csv") == b"from afar"
    # First the file leaves its folder, then it is said in the ledger.
    wait_until(lambda: gateway.trace("a.csv")[0]["events"][-1]["what"] == "archived",
               "it is archived")
    assert gateway.published() == {}
    [told] = gateway.trace("a.csv")
    assert told["state"] == "delivered"
    last = [(e["what"], e["detail"]) for e in told["events"]][-2:]
    assert last[0][0] == "taken" and "inbox/a.csv by erp" in last[0][1] and \
        "9 bytes" in last[0][1]
    assert last[1] == ("archived", "inbox/a.csv")
    assert "moved to the archive" in gateway.dray_raw("trace", "a.csv").stdout


def test_finished_after_a_crash(shelf):
    """The row of what is to be done is there; the gateway was killed before it was done."""
    gateway = shelf(on_delivered="archive")
    archive_dir = gateway.home / "archive" / "shelf"
    # No file can come into the archive: it is tried again by the next start.
    (archive_dir / "dir").write_bytes(b"in the way")
    path = put(gateway, "dir/doc", b"content")
    assert gateway.get("erp", "/in/dir/doc") == b"content"
    gateway.wait_event("file.not-disposed", path="dir/doc")
    assert not path.exists()
    gateway.kill9()
    (archive_dir / "dir").unlink()
    gateway.launch()
    wait_until(lambda: archive(gateway) == {"dir/doc": b"content"}, "the next start does it")
    gateway.kill9()
    gateway.launch()
    assert archive(gateway) == {"dir/doc": b"content"}
    assert gateway.staging_names() == []
