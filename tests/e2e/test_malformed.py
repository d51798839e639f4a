"""Packets that are none: that session ends, and the one beside it doesn't notice."""

import os
import random
import struct

import pytest

from harness import Wire, WireClosed, wait_until

OK, EOF, NOSUCH, DENIED, FAILURE, BAD, _, _, UNSUPPORTED = range(9)
INIT = struct.pack(">IBI", 5, Wire.INIT, 3)


def packet(kind, payload):
    return struct.pack(">IB", len(payload) + 1, kind) + payload


def numbered(kind, payload, number=7):
    return packet(kind, struct.pack(">I", number) + payload)


@pytest.fixture
def running(source, gateway):
    source.put("doc", b"content" * 1000)
    gateway.start()
    gateway.settled("doc")
    return gateway


@pytest.fixture
def bystander(running, new_wire):
    wire = new_wire(running)
    yield wire
    assert wire.works(), "the session beside it doesn't notice"
    handle = wire.open("/inbox/doc", wire.PF_READ)
    assert wire.read(handle, 0, 7) == (wire.DATA, struct.pack(">I", 7) + b"content")
    wait_until(lambda: len(running.status()["sessions"]) == 1, "the other has ended")


# After each of these nothing that follows could be told from garbage: the session ends.
FATAL = {
    "length zero": INIT + struct.pack(">I", 0),
    "length 2^32-1": INIT + b"\xff\xff\xff\xff" + b"\0" * 100,
    "length 1 GiB": INIT + struct.pack(">IB", 1 << 30, Wire.WRITE) + b"\0" * 5000,
    "length just too large": INIT + struct.pack(">IB", (256 << 10) + 4096, Wire.WRITE) +
    b"\0" * 1000,
    "no init": numbered(Wire.STAT, Wire.string("/")),
    "init twice": INIT + INIT,
    "init too short": struct.pack(">IBH", 3, Wire.INIT, 0),
    "random": os.urandom(2000),
    "text": b"GET / HTTP/1.0\r\n\r\n",
}


@pytest.mark.parametrize("data", FATAL.values(), ids=FATAL)
def test_what_ends_the_session(running, bystander, data):
    with running.wire() as wire:
        try:
            wire.raw(data)
        except BrokenPipeError:
            pass
        wire.wait_closed(20)


# Well framed, but wrong inside. Either it is answered with an error, or the session ends; never
# with success.
WRONG = {
    "open without a name": numbered(Wire.OPEN, b""),
    "open with half a name": numbered(Wire.OPEN, struct.pack(">I", 100) + b"abc"),
    "open with a name of 2^32-1": numbered(Wire.OPEN, b"\xff\xff\xff\xff" + b"a" * 50),
    "open without flags": numbered(Wire.OPEN, Wire.string("/inbox/doc")),
    "open with bytes left over": numbered(Wire.OPEN, Wire.string("/inbox/doc") +
                                          struct.pack(">II", 1, 0) + b"more"),
    "attributes that claim more": numbered(Wire.OPEN, Wire.string("/inbox/doc") +
                                           struct.pack(">II", 1, 0x8000000F)),
    "extended attributes without end": numbered(
        Wire.MKDIR, Wire.string("/inbox/x") + struct.pack(">II", 0x80000000, 0xFFFFFFFF)),
    "read without a handle": numbered(Wire.READ, b""),
    "read with half an offset": numbered(Wire.READ, Wire.string("h") + b"\0\0\0"),
    "write that claims more data": numbered(Wire.WRITE, Wire.string("h") +
                                            struct.pack(">QI", 0, 1 << 20) + b"x"),
    "stat with bytes left over": numbered(Wire.STAT, Wire.string("/") + b"\0"),
    "no number": packet(Wire.STAT, b"\0\0"),
    "type alone": packet(Wire.READDIR, b""),
    "name with a zero byte": numbered(Wire.STAT, Wire.string(b"/inbox\0/doc")),
    "name too long": numbered(Wire.STAT, Wire.string(b"/" + b"a" * 100_000)),
    "handle too long": numbered(Wire.CLOSE, Wire.string(b"h" * 10_000)),
    "extended without a name": numbered(Wire.EXTENDED, b""),
    "extended of no known kind": numbered(Wire.EXTENDED, Wire.string("no@such") + b"abc"),
    "posix-rename cut off": numbered(Wire.EXTENDED, Wire.string("posix-rename@openssh.com") +
                                     Wire.string("/inbox/doc")),
    "answer instead of a request": numbered(Wire.STATUS, b"\0" * 12),
    "type 0": numbered(0, b"abc"),
    "type 255": numbered(255, b"abc"),
    "type 30": numbered(30, b""),
}


@pytest.mark.parametrize("data", WRONG.values(), ids=WRONG)
def test_what_is_wrong_inside(running, bystander, data):
    with running.wire() as wire:
        wire.start()
        wire.raw(data)
        try:
            kind, body = wire.receive(20)
        except WireClosed:
            return
        assert kind == wire.STATUS
        assert wire.split_status(body[4:])[0] in (NOSUCH, DENIED, FAILURE, BAD, UNSUPPORTED)
        assert wire.works(), "answered: then the session goes on"


def test_handles_that_were_never_given(running, bystander):
    with running.wire() as wire:
        wire.start()
        for handle in (b"", b"0", b"\0\0\0\0", b"\xff" * 4, b"\0" * 8, b"h" * 256, b"/inbox/doc"):
            name = wire.string(handle)
            assert wire.status(wire.READ, name + struct.pack(">QI", 0, 10))[0] == FAILURE
            assert wire.status(wire.WRITE, name + struct.pack(">Q", 0) + wire.string("x"))[0] \
                == FAILURE
            assert wire.status(wire.READDIR, name)[0] == FAILURE
            assert wire.status(wire.FSTAT, name)[0] == FAILURE
            assert wire.status(wire.CLOSE, name)[0] == FAILURE
        assert wire.works()


def test_a_handle_of_the_wrong_kind_and_a_closed_one(running, bystander):
    with running.wire() as wire:
        wire.start()
        file = wire.open("/inbox/doc", wire.PF_READ)
        kind, body = wire.ask(wire.OPENDIR, wire.string("/inbox"))
        assert kind == wire.HANDLE
        directory = body[4:]
        assert wire.status(wire.READDIR, wire.string(file))[0] == FAILURE
        assert wire.read(directory, 0, 10)[0] == wire.STATUS
        assert wire.close(file)[0] == OK
        assert wire.close(file)[0] == FAILURE
        assert wire.read(file, 0, 10)[0] == wire.STATUS


def test_offsets_and_lengths_at_the_edges(running, bystander):
    with running.wire() as wire:
        wire.start()
        handle = wire.open("/inbox/doc", wire.PF_READ)
        top = (1 << 64) - 1
        for offset, length in ((top, 1), (top, 0xFFFFFFFF), (1 << 63, 1), ((1 << 63) - 1, 65536),
                               (7000, 1)):
            kind, body = wire.read(handle, offset, length)
            assert kind == wire.STATUS and wire.split_status(body)[0] in (EOF, FAILURE)
        kind, body = wire.read(handle, 0, 0xFFFFFFFF)
        assert kind == wire.DATA and len(body) - 4 <= 7000


@pytest.mark.parametrize("length", [1, 3, 4, 5, 9, 12, 20, 26])
def test_a_request_that_is_cut_off(running, bystander, length):
    """The client goes away in the middle of a packet."""
    request = numbered(Wire.OPEN, Wire.string("/inbox/doc") + struct.pack(">II", 1, 0))
    with running.wire() as wire:
        wire.start()
        wire.raw(request[:length])
        wire.process.stdin.close()
        wire.wait_closed(20)


def test_more_handles_than_there_are(running, bystander):
    with running.wire() as wire:
        wire.start()
        name = wire.string("/inbox/doc") + struct.pack(">II", 1, 0)
        for number in range(20_000):
            kind, body = wire.ask(wire.OPEN, name)
            if kind == wire.STATUS:
                code, words = wire.split_status(body)
                assert code == FAILURE and words
                break
        else:
            raise AssertionError("there is no limit")
        assert wire.works(), "the limit is an answer, not an end"


def test_a_client_that_asks_and_never_reads(running, bystander):
    """Its answers can't be sent: it is made to wait, and memory stays bounded."""
    with running.wire() as wire:
        wire.start()
        handle = wire.open("/inbox/doc", wire.PF_READ)
        os.set_blocking(wire.process.stdin.fileno(), False)
        request = numbered(Wire.READ, wire.string(handle) + struct.pack(">QI", 0, 7000))
        sent = 0
        try:
            for _ in range(100_000):
                n = wire.process.stdin.write(request)
                if n is None:
                    break
                sent += n
        except BlockingIOError:
            pass
        assert bystander.works()
        pid = int(running.events("session.connected")[-1]["process"])
        with open(f"/proc/{pid}/status") as f:
            peak = next(int(line.split()[1]) for line in f if line.startswith("VmRSS"))
        if "asan" not in os.environ.get("DRAY_BUILD", ""):
            assert peak < 200_000, f"{peak} KiB"


def test_mutated_conversations(running, bystander):
    """A whole conversation with bits flipped and bytes cut; the seed is fixed, so are the cases."""
    dice = random.Random(20260301)
    good = INIT + numbered(Wire.REALPATH, Wire.string("."), 1) + \
        numbered(Wire.STAT, Wire.string("/inbox/doc"), 2) + \
        numbered(Wire.OPENDIR, Wire.string("/inbox"), 3) + \
        numbered(Wire.READDIR, Wire.string(b"\0\0\0\0"), 4) + \
        numbered(Wire.OPEN, Wire.string("/inbox/doc") + struct.pack(">II", 1, 0), 5) + \
        numbered(Wire.READ, Wire.string(b"\0\0\0\1") + struct.pack(">QI", 0, 100), 6) + \
        numbered(Wire.EXTENDED, Wire.string("statvfs@openssh.com") + Wire.string("/inbox"), 7)
    for _ in range(12):
        data = bytearray(good)
        for _ in range(dice.randrange(1, 12)):
            data[dice.randrange(len(data))] ^= 1 << dice.randrange(8)
        with running.wire() as wire:
            try:
                wire.raw(bytes(data[:dice.randrange(20, len(data))]))
                wire.process.stdin.close()
            except OSError:
                pass
            wire.wait_closed(20)
