"""What strangers can take, and how the gateway stops: limits, bans, proxies, bandwidth, drain."""

import contextlib
import os
import resource
import signal
import socket
import subprocess
import threading
import time

import pytest

from harness import PATIENCE, Wire, children_of, files_below, sha256, wait_until

V2 = b"\r\n\r\n\0\r\nQUIT\n"


@pytest.fixture
def plain(new_gateway):
    """A gateway without a route, not started: one account that may do all, in /up."""
    gateway = new_gateway()
    gateway.config["folders"]["up"] = {"path": "folders/up"}
    gateway.add_account("all", [{"at": "/up", "folder": "up", "allow": [
        "list", "download", "upload", "overwrite", "delete"]}])
    return gateway


def connect(gateway, source="127.0.0.1"):
    return socket.create_connection(("127.0.0.1", gateway.port), timeout=PATIENCE,
                                    source_address=(source, 0))


def is_let_in(s):
    """An SSH server says who it is; where we are turned away the line just ends."""
    try:
        return s.recv(4) == b"SSH-"
    except ConnectionError:
        return False


def knock(gateway, source="127.0.0.1"):
    with connect(gateway, source) as s:
        return is_let_in(s)


def knock_until_banned(gateway, source, most=60):
    """Connections that end without a login, until one is turned away; how many that took."""
    for n in range(most):
        before = len(gateway.events("session.end"))
        if not knock(gateway, source):
            return n
        # Core counts it when it hears of the end, and then tells the listener.
        wait_until(lambda: len(gateway.events("session.end")) > before, "its session ends")
        time.sleep(0.02)
    raise AssertionError("never banned")


# Limits on connections.

def test_one_address_has_its_share(plain):
    plain.config["limits"].update(max_per_address=3)
    plain.start()
    held = [connect(plain, "127.0.0.2") for _ in range(3)]
    assert all(is_let_in(s) for s in held)
    assert not knock(plain, "127.0.0.2"), "its share is used up"
    assert knock(plain, "127.0.0.3"), "others have theirs"
    dropped = plain.wait_event("address.dropped", address="127.0.0.2")
    assert dropped["limit"] == "limits.max_per_address"
    held.pop().close()
    wait_until(lambda: knock(plain, "127.0.0.2"), "a place that is free again is given away")
    for s in held:
        s.close()


def test_who_has_logged_in_is_no_stranger(plain, new_wire):
    plain.config["limits"].update(max_unauthenticated=3, drop={"from": 3})
    plain.start()
    wires = [new_wire(plain, "all") for _ in range(5)]
    assert all(w.works() for w in wires)
    strangers = [connect(plain) for _ in range(3)]
    assert all(is_let_in(s) for s in strangers)
    assert not knock(plain)
    assert plain.wait_event("address.dropped")["limit"] == "limits.max_unauthenticated"
    for s in strangers:
        s.close()


def test_strangers_are_dropped_early_by_chance(plain):
    plain.config["limits"].update(max_unauthenticated=200, drop={"from": 2, "percent": 50})
    plain.start()
    held = [connect(plain) for _ in range(2)]
    assert all(is_let_in(s) for s in held), "below the beginning nobody is dropped"
    n_in = 0
    for _ in range(60):
        s = connect(plain)
        if is_let_in(s):
            n_in += 1
            held.append(s)
        else:
            s.close()
    # About half at first, and fewer later; neither all nor none, but once in 10^11 runs.
    assert 5 < n_in < 55
    assert plain.wait_event("address.dropped")["limit"] == "limits.drop"
    for s in held:
        s.close()


def test_a_flood_of_connections_is_no_flood_of_the_log(plain):
    plain.config["limits"].update(max_per_address=1)
    plain.start()
    with connect(plain, "127.0.0.2") as held:
        assert is_let_in(held)
        for _ in range(300):
            assert not knock(plain, "127.0.0.2")
        assert len(plain.events("address.dropped")) <= 3
        assert knock(plain, "127.0.0.3"), "and the listener is as quick as before"


def listener_of(gateway):
    # Core's own child: a session has its parent's name for an instant.
    found = subprocess.run(["pgrep", "-P", str(gateway.process.pid), "-x", "dray-listener"],
                           capture_output=True, text=True, check=True)
    return int(found.stdout)


def test_a_listener_without_descriptors_waits_for_better_times(plain):
    plain.start()
    listener = listener_of(plain)
    before = resource.prlimit(listener, resource.RLIMIT_NOFILE)

    def rests():
        """It has made its spares, and opens nothing more."""
        looks = [len(os.listdir(f"/proc/{listener}/fd")), time.sleep(0.1),
                 len(os.listdir(f"/proc/{listener}/fd"))]
        return looks[0] == looks[2] and len(children_of(listener)) == 2
    wait_until(rests, "the listener has its spares")
    n_open = len(os.listdir(f"/proc/{listener}/fd"))
    resource.prlimit(listener, resource.RLIMIT_NOFILE, (n_open, before[1]))
    with connect(plain) as waiting:
        plain.wait_event("listener.short-of-resources", what="accept")
        used = cpu_seconds(listener)
        time.sleep(1)
        assert cpu_seconds(listener) - used < 0.3, "it does not spin"
        assert plain.status()["addresses"][0]["listening"], "the others are not concerned"
        resource.prlimit(listener, resource.RLIMIT_NOFILE, before)
        assert is_let_in(waiting), "who has waited is let in"
    assert len(plain.events("listener.short-of-resources")) == 1


def cpu_seconds(pid):
    with open(f"/proc/{pid}/stat") as f:
        fields = f.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def test_two_hundred_sessions_and_one_more(plain):
    plain.config["limits"].update(max_per_address=400, max_unauthenticated=400,
                                  drop={"from": 400})
    plain.start()
    held = [connect(plain) for _ in range(200)]
    assert all(is_let_in(s) for s in held)
    began = time.monotonic()
    assert plain.list("all", "/") == ["up"], "the next one is still answered"
    assert time.monotonic() - began < 10
    for s in held:
        s.close()
    wait_until(lambda: not plain.status()["sessions"], "every session has ended")
    assert plain.events("session.crashed") == []


# Bans.

def test_bans_grow_are_listed_and_lifted(plain):
    plain.config["limits"].update(ban={"after": 1, "time": "6s"})
    plain.start()
    # Ten that leave without a login are one failure.
    assert 9 <= knock_until_banned(plain, "127.0.0.2") <= 11
    assert plain.wait_event("address.banned", address="127.0.0.2")["for"] == "6s"
    assert knock(plain, "127.0.0.3"), "others are let in"
    banned = plain.dray("bans")["bans"]
    assert [(b["address"], b["bans"]) for b in banned] == [("127.0.0.2", 1)]
    # The end is told by the clock on the wall, and differs by the microseconds between two looks.
    told = plain.status()["bans"]
    assert [{**b, "until": ""} for b in told] == [{**b, "until": ""} for b in banned]
    assert plain.wait_event("address.dropped")["limit"] == "banned"
    wait_until(lambda: knock(plain, "127.0.0.2"), "the ban is over")
    assert plain.dray("bans")["bans"] == []
    knock_until_banned(plain, "127.0.0.2")
    assert plain.wait_event("address.banned", **{"for": "12s"})["address"] == "127.0.0.2"
    assert plain.dray_raw("bans", "--lift", "127.0.0.3").returncode != 0
    assert plain.dray("bans", "--lift", "127.0.0.2")["message"] == "1 lifted"
    assert knock(plain, "127.0.0.2")
    plain.wait_event("address.unbanned", address="127.0.0.2")


def test_a_ban_survives_the_listener(plain):
    plain.expect("listener.gone")
    plain.config["limits"].update(ban={"after": 1, "time": "1h"})
    plain.start()
    knock_until_banned(plain, "127.0.0.2")
    listener = listener_of(plain)
    n_ready = len(plain.events("listener.ready"))
    os.kill(listener, signal.SIGKILL)
    wait_until(lambda: len(plain.events("listener.ready")) > n_ready, "there is a new listener")
    assert not knock(plain, "127.0.0.2")
    assert knock(plain, "127.0.0.3")
    plain.config["limits"]["ban"]["never"] = ["127.0.0.2/31"]
    plain.write_config()
    plain.reload()
    wait_until(lambda: knock(plain, "127.0.0.2"), "a reload that exempts it lifts the ban")


def test_some_are_never_banned(plain):
    plain.config["limits"].update(ban={"after": 1, "never": ["127.0.0.2"]})
    plain.start()
    for _ in range(25):
        assert knock(plain, "127.0.0.2")
    wait_until(lambda: len(plain.events("session.end")) >= 25, "all have ended")
    assert knock(plain, "127.0.0.2")
    assert plain.events("address.banned") == []


def test_a_ban_ends_strangers_but_no_session(plain, new_wire):
    plain.config["limits"].update(ban={"after": 1})
    plain.start()
    wire = new_wire(plain, "all")
    with connect(plain) as stranger:
        assert is_let_in(stranger)
        knock_until_banned(plain, "127.0.0.1")
        with contextlib.suppress(ConnectionError):
            while stranger.recv(4096):
                pass
    assert wire.works()


# The PROXY protocol.

def through_proxy(gateway, header, source="127.0.0.1"):
    s = connect(gateway, source)
    s.sendall(header)
    return s


@pytest.fixture
def proxied(plain):
    plain.config["listen"][0]["proxy_protocol"] = ["127.0.0.1", "192.0.2.0/24"]
    return plain


V2_TCP4 = V2 + b"\x21\x11\0\x0c" + bytes([198, 51, 100, 7, 127, 0, 0, 1]) + b"\x30\x39\0\x16"


@pytest.mark.parametrize("header,address", [
    (b"PROXY TCP4 198.51.100.7 127.0.0.1 12345 22\r\n", "198.51.100.7:12345"),
    (b"PROXY TCP6 2001:db8::7 2001:db8::1 12345 22\r\n", "[2001:db8::7]:12345"),
    (V2_TCP4, "198.51.100.7:12345"),
], ids=["v1", "v1 over IPv6", "v2"])
def test_a_proxy_says_for_whom_it_is(proxied, header, address):
    proxied.start()
    for pieces in (1, len(header)):
        with connect(proxied) as s:
            step = -(-len(header) // pieces)
            for at in range(0, len(header), step):
                s.sendall(header[at:at + step])
                if pieces > 1:
                    time.sleep(0.002)
            assert is_let_in(s)
            said = proxied.wait_event("session.proxied")
            assert said["from"] == address and said["proxy"].startswith("127.0.0.1:")


@pytest.mark.parametrize("header", [b"PROXY UNKNOWN\r\n", V2 + b"\x20\0\0\0"],
                         ids=["v1", "v2"])
def test_a_proxys_own_connection(proxied, header):
    proxied.config["limits"].update(ban={"after": 1})
    proxied.start()
    for _ in range(15):
        with through_proxy(proxied, header) as s:
            assert is_let_in(s)
    wait_until(lambda: len(proxied.events("session.end")) >= 15, "all have ended")
    assert proxied.events("session.proxied", "address.banned") == []


def test_the_clients_first_bytes_are_its_own(proxied):
    """A header and a client's version in one packet: a whole login through a proxy."""
    proxied.start()
    front = socket.create_server(("127.0.0.1", 0))

    def shovel(near, far):
        with contextlib.suppress(OSError):
            while data := near.recv(65536):
                far.sendall(data)
        with contextlib.suppress(OSError):
            far.shutdown(socket.SHUT_WR)

    def serve():
        client, _ = front.accept()
        first = client.recv(65536)
        back = through_proxy(proxied, V2_TCP4 + first)
        threading.Thread(target=shovel, args=(back, client), daemon=True).start()
        shovel(client, back)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    port = front.getsockname()[1]
    done = subprocess.run(
        ["sftp", "-b", "-", *proxied.ssh_options("all"), "-o",
         f"HostKeyAlias=[127.0.0.1]:{proxied.port}", "-P", str(port), "all@127.0.0.1"],
        input="ls -1 /\n", capture_output=True, text=True, timeout=PATIENCE)
    front.close()
    assert done.returncode == 0, done.stderr
    assert proxied.wait_event("session.login", account="all")["from"] == "198.51.100.7:12345"


@pytest.mark.parametrize("header", [
    b"SSH-2.0-impatient\r\n", b"PROXY TCP4 198.51.100.7 127.0.0.1 12345\r\n",
    b"PROXY TCP4 198.51.100.300 127.0.0.1 1 2\r\n", b"PROXY " + b"x" * 200,
    V2 + b"\x21\x11\0\x04" + b"\0" * 4, V2 + b"\x21\x11\xff\xff", V2 + b"\x31\x11\0\0"],
    ids=["none", "short", "no address", "endless", "v2 short", "v2 long", "v3"])
def test_what_is_no_header_ends_the_connection(proxied, header):
    proxied.start()
    with through_proxy(proxied, header) as s:
        assert not is_let_in(s)
    why = proxied.wait_event("session.end")["why"]
    assert ("no PROXY header comes" if header.startswith(b"SSH-") else "header is malformed") in why
    with through_proxy(proxied, V2_TCP4) as s:
        assert is_let_in(s), "and nobody else suffers"


def test_a_header_that_never_comes(proxied):
    proxied.config["limits"]["login_grace"] = "1s"
    proxied.start()
    began = time.monotonic()
    with through_proxy(proxied, b"PROXY TCP4 ") as s:
        assert not is_let_in(s)
    assert 0.5 < time.monotonic() - began < 10


def test_strangers_are_no_proxies(proxied):
    proxied.start()
    with contextlib.suppress(ConnectionError):
        with through_proxy(proxied, V2_TCP4, "127.0.0.9") as s:
            assert not is_let_in(s)
    dropped = proxied.wait_event("address.dropped", address="127.0.0.9")
    assert dropped["limit"] == "listen.proxy_protocol"
    assert proxied.events("session.connected") == []


def test_bans_and_shares_behind_a_proxy(proxied):
    proxied.config["limits"].update(max_per_address=3, ban={"after": 1})
    proxied.start()
    other = V2_TCP4.replace(bytes([198, 51, 100, 7]), bytes([198, 51, 100, 8]))

    def is_served(header):
        """A session that core has turned away is closed, at the latest after its version."""
        with through_proxy(proxied, header) as s:
            s.settimeout(0.5)
            try:
                while s.recv(4096):
                    pass
            except TimeoutError:
                return True
            except ConnectionError:
                pass
            return False

    def is_turned_away(header):
        with through_proxy(proxied, header) as s, contextlib.suppress(ConnectionError):
            while s.recv(4096):
                pass
        return True  # or recv has timed out

    def wait_alone():
        wait_until(lambda: not proxied.status()["sessions"], "no session is left")

    held = [through_proxy(proxied, V2_TCP4) for _ in range(3)]
    assert all(is_let_in(s) for s in held)
    assert is_turned_away(V2_TCP4)
    dropped = proxied.wait_event("address.dropped", address="198.51.100.7")
    assert dropped["limit"] == "limits.max_per_address"
    assert is_served(other)
    for s in held:
        s.close()
    for _ in range(12):
        # Those that are over the share are no failures.
        wait_alone()
        with through_proxy(proxied, V2_TCP4) as s:
            is_let_in(s)
    proxied.wait_event("address.banned", address="198.51.100.7")
    assert is_turned_away(V2_TCP4)
    assert is_served(other)


# Pace.

def test_who_asks_for_nothing_is_sent_away(plain, new_wire):
    plain.config["limits"]["idle_timeout"] = "3s"
    plain.start()
    wire, busy = new_wire(plain, "all"), new_wire(plain, "all")
    wait_until(lambda: busy.works() and plain.events("session.end"), "the idle one has ended")
    wire.wait_closed()
    began = time.monotonic()
    while time.monotonic() - began < 3.5:
        assert busy.works()
        time.sleep(0.2)
    assert [e["why"] for e in plain.events("session.end")] == ["the client was idle for 3s"]


def timed(what):
    began = time.monotonic()
    what()
    return time.monotonic() - began


def test_bandwidth_is_kept_and_shared(plain):
    """Ratios, not absolute times: a slow machine is only slower."""
    plain.config["accounts"]["all"]["bandwidth"] = {"upload": "1MiB/s", "download": "2MiB/s"}
    plain.start()
    content = os.urandom(3 << 20)
    local = plain.directory / "big"
    local.write_bytes(content)

    def put(name):
        done = plain.sftp("all", f"put {local} /up/{name}")
        assert done.returncode == 0, done.stderr

    assert 2.2 < timed(lambda: put("one")) < 12
    assert 1.0 < timed(lambda: plain.get("all", "/up/one")) < 8
    threads = [threading.Thread(target=put, args=(f"two{i}",)) for i in range(2)]
    began = time.monotonic()
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert 4.5 < time.monotonic() - began < 24, "two sessions share what one would have"
    assert sha256((plain.home / "folders/up/two1").read_bytes()) == sha256(content)


# The stop.

def refuses(gateway):
    try:
        connect(gateway).close()
    except OSError:
        return True
    return False


def begin_stop(gateway):
    gateway.process.send_signal(signal.SIGTERM)
    gateway.wait_event("core.stopping")


def ended(gateway, patience=PATIENCE):
    gateway.process.wait(patience)
    gateway.wait_for_the_end_of_roles()
    return gateway.process.returncode


def test_a_stop_lets_uploads_and_downloads_finish(plain, new_wire):
    plain.start()
    up, down, idle = (new_wire(plain, "all") for _ in range(3))
    folder = plain.home / "folders/up"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "old").write_bytes(b"y" * 5000)
    writing = up.open("/up/new", Wire.PF_WRITE | Wire.PF_CREAT)
    reading = down.open("/up/old", Wire.PF_READ)
    assert up.write(writing, 0, b"x" * 1000)[0] == 0
    begin_stop(plain)
    idle.wait_closed()
    wait_until(lambda: refuses(plain), "nobody new is let in")
    assert up.write(writing, 1000, b"z" * 1000)[0] == 0
    assert down.read(reading, 0, 5000)[0] == Wire.DATA
    assert plain.process.poll() is None, "it waits for them"
    assert up.close(writing)[0] == 0
    assert down.close(reading)[0] == 0
    up.wait_closed()
    down.wait_closed()
    assert ended(plain) == 0
    assert (folder / "new").read_bytes() == b"x" * 1000 + b"z" * 1000
    assert all("the gateway is stopping" in e["why"] for e in plain.events("session.end"))


def test_a_stop_waits_no_longer_than_it_should(plain, new_wire):
    plain.config["limits"]["drain"] = "1s"
    plain.start()
    wire = new_wire(plain, "all")
    handle = wire.open("/up/new", Wire.PF_WRITE | Wire.PF_CREAT)
    assert wire.write(handle, 0, b"x" * 1000)[0] == 0
    began = time.monotonic()
    begin_stop(plain)
    wire.wait_closed()
    assert ended(plain) == 0
    assert 0.8 < time.monotonic() - began < 8
    assert not (plain.home / "folders/up/new").exists(), "what was not closed stays private"
    assert b"x" * 1000 in [p.read_bytes() for p in files_below(plain.home / "staging")]


def test_a_second_signal_does_not_wait(plain, new_wire):
    plain.config["limits"]["drain"] = "1h"
    plain.start()
    wire = new_wire(plain, "all")
    wire.open("/up/new", Wire.PF_WRITE | Wire.PF_CREAT)
    begin_stop(plain)
    time.sleep(0.3)
    assert plain.process.poll() is None
    plain.process.send_signal(signal.SIGTERM)
    assert ended(plain) == 0
    wire.wait_closed()
