"""Lines that break and files that grow: what is published is whole, always."""

import os
import threading
import time

import pytest

from harness import Watcher, sha256, wait_until


@pytest.fixture
def far(source, gateway, new_relay):
    """A gateway whose source is behind a relay."""
    def make(**how):
        relay = new_relay(source.port, **how)
        gateway.config["remotes"] = {}
        gateway.add_remote("acme", source, port=relay.port)
        return relay
    return make


def push(gateway, done):
    """Runs the route again and again (a person asks: no delay between the tries)."""
    def look():
        gateway.dray_raw("run", "main")
        return done()
    wait_until(look, "it came through in the end")


def test_the_line_breaks_at_many_offsets(source, gateway, far):
    """In the key exchange, in the login, at the listing, and all through a file of 6 MiB."""
    content = os.urandom(6 << 20)
    cuts = [400_000, 150_000, 36_000, 5_000, 1, 700, 1500, 2200, 2800, 3300, 3700, 4200,
            1_500_000, 1_000_000, 200_000, 2_000_000, 140_000]
    relay = far(cuts=cuts)
    source.put("big.bin", content)
    gateway.folder().mkdir(parents=True)
    with Watcher(gateway.folder(), {sha256(content)}) as watcher:
        gateway.start()
        push(gateway, lambda: source.names() == [])
        assert watcher.n_looks > 10
    assert relay.n_cut >= 14
    assert gateway.published() == {"big.bin": content}
    assert gateway.settled("big.bin")["sha256"] == sha256(content)
    assert len(gateway.transfers()) == 1
    assert gateway.staging_names() == []


def test_what_was_fetched_is_not_fetched_again(source, gateway, far):
    """A broken line costs what was under way, not the file: 24 MiB in steps of 5."""
    content = os.urandom(24 << 20)
    # The rate keeps what is under way small: a reset throws away what nobody has read yet.
    relay = far(cuts=[5 << 20] * 8, rate=40_000_000)
    source.put("big.bin", content)
    gateway.start()
    push(gateway, lambda: source.names() == [])
    assert gateway.published() == {"big.bin": content}
    assert relay.n_cut < 8, "it was resumed: without that no connection is long enough"


def test_a_prefix_of_another_file_is_not_continued(source, gateway, far):
    """The file is replaced while the line is down: same size, another content."""
    size = 4 << 20
    relay = far(cuts=[2 << 20])
    first, second = os.urandom(size), os.urandom(size)
    stamp = 1_700_000_000
    source.put("doc", first, mtime=stamp)
    gateway.config["limits"]["retry_after"] = "3s"
    gateway.start()
    wait_until(lambda: relay.n_cut == 1, "the line broke")
    source.put("doc", second, mtime=stamp)  # the same version, for all that STAT tells
    gateway.settled("doc")
    assert gateway.published() == {"doc": second}


@pytest.mark.parametrize("n_files", [30])
def test_many_small_files_over_a_breaking_line(source, gateway, far, n_files):
    contents = {f"f{i:02}": os.urandom(30_000 + i) for i in range(n_files)}
    relay = far(cuts=[4_000 + 90_000 * i for i in range(8)])
    for name, content in contents.items():
        source.put(name, content)
    gateway.folder().mkdir(parents=True)
    with Watcher(gateway.folder(), {sha256(c) for c in contents.values()}):
        gateway.start()
        push(gateway, lambda: source.names() == [])
    assert relay.n_cut >= 4
    assert gateway.published() == contents


def test_a_silent_line_times_out(source, gateway, far):
    """Nothing comes any more, and nothing ends the line either."""
    relay = far(rate=200_000)
    gateway.config["remotes"]["acme"]["timeout"] = "3s"
    content = source.put("doc", os.urandom(1_000_000))
    gateway.start()
    wait_until(lambda: gateway.transfers("--state", "fetching"), "the fetch has begun")
    relay.rate = 1  # the next chunk takes hours
    wait_until(lambda: gateway.remote_status()["condition"] == "unreachable", "the time is up")
    assert "time" in gateway.remote_status()["trouble"]
    relay.break_all()
    relay.rate = None
    gateway.settled("doc")
    assert gateway.published() == {"doc": content}


def test_the_source_dies_in_the_middle(source, gateway, far):
    relay = far(rate=300_000)
    content = source.put("doc", os.urandom(3_000_000))
    gateway.start()
    wait_until(lambda: gateway.transfers("--state", "fetching"), "the fetch has begun")
    source.stop()
    relay.break_all()
    wait_until(lambda: gateway.remote_status()["condition"] == "unreachable", "it is noticed")
    assert gateway.published() == {}
    relay.rate = None
    source.start()
    gateway.settled("doc")
    assert gateway.published() == {"doc": content}


class Grower:
    """Appends to a file in small steps, until it is stopped."""

    def __init__(self, path, step=5_000, pause=0.02):
        self.path, self.step, self.pause = path, step, pause
        self.stopping = threading.Event()
        self.thread = threading.Thread(target=self._grow, daemon=True)

    def _grow(self):
        with open(self.path, "ab", buffering=0) as f:
            while not self.stopping.wait(self.pause):
                f.write(os.urandom(self.step))

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.stopping.set()
        self.thread.join(20)


def test_a_growing_file_is_not_published_half(source, gateway, far):
    """It looked ripe, and is appended to while its bytes travel."""
    relay = far(rate=150_000)
    gateway.route["match"] = {"min_age": "2s"}
    path = source.outbox / "log.csv"
    source.put("log.csv", os.urandom(1_500_000), age=60)
    gateway.start()
    wait_until(lambda: gateway.transfers("--state", "fetching"), "the fetch has begun")
    with Grower(path):
        wait_until(lambda: path.stat().st_size > 1_500_000, "it grows")
        relay.rate = None
        wait_until(lambda: [t for t in gateway.transfers() if t["state"] == "gone"],
                   "the growth was noticed")
        assert gateway.published() == {}
    final = path.read_bytes()
    assert len(final) > 1_500_000
    gateway.settled("log.csv")
    assert gateway.published() == {"log.csv": final}
    assert "longer" in str(gateway.trace("log.csv")) or "changed" in str(gateway.trace("log.csv"))


def test_a_file_that_grows_all_the_time_waits(source, gateway):
    gateway.route["match"] = {"min_age": "2s"}
    path = source.outbox / "log.csv"
    with Grower(path):
        wait_until(path.exists, "it began")
        gateway.start()
        source.put("other", b"other", age=60)
        gateway.settled("other")
        gateway.run()
        assert "log.csv" not in gateway.published()
        assert gateway.route_status()["waiting"] == 1, "status counts it"
    final = path.read_bytes()
    gateway.settled("log.csv")
    assert gateway.published()["log.csv"] == final
    assert len(gateway.transfers()) == 2, "a growing file leaves no rows"


def test_a_file_that_shrinks(source, gateway, far):
    relay = far(rate=150_000)
    path = source.outbox / "doc"
    source.put("doc", os.urandom(2_000_000), age=60)
    gateway.start()
    wait_until(lambda: gateway.transfers("--state", "fetching"), "the fetch has begun")
    os.truncate(path, 10_000)
    final = path.read_bytes()
    relay.rate = None
    gateway.settled("doc")
    assert gateway.published() == {"doc": final}


def test_a_file_that_was_replaced_is_not_deleted(source, gateway, far):
    """Between its publication and the deletion somebody has put another under its name."""
    far()
    contents = set()
    gateway.start()
    for i in range(25):
        contents.add(source.put("doc", f"version {i} {'x' * i}".encode()))
        deadline = time.monotonic() + 20
        # As soon as it is published, and before it is surely deleted.
        while not any(c in contents for c in gateway.published().values()) and \
                time.monotonic() < deadline:
            pass
    last = source.put("doc", b"the last version of all")
    wait_until(lambda: source.names() == [], "all is settled")
    wait_until(lambda: last in gateway.published().values(), "the last is there")
    assert set(gateway.published().values()) <= contents | {last}
