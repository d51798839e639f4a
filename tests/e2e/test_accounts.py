"""Who gets in, and how far: accounts, their keys, and the walls of their mounts."""

import os
import socket
import subprocess
import time

import pytest

from harness import WireClosed, fingerprint, new_key, public_half, wait_until

NOSUCH, DENIED, FAILURE = 2, 3, 4


@pytest.fixture
def ready(source, gateway):
    """A running gateway with /inbox/doc."""
    source.put("doc", b"content")

    def start():
        gateway.start()
        gateway.settled("doc")
        return gateway
    return start


def assert_refused(done):
    assert done.returncode != 0
    assert "Permission denied (publickey)" in done.stderr, done.stderr


def test_a_wrong_key(ready, scratch):
    gateway = ready()
    stranger = new_key(scratch / "stranger")
    assert_refused(gateway.sftp("erp", "ls /", key=stranger))
    refused = gateway.wait_event("session.refused", account="erp")
    assert refused["key"] == fingerprint(stranger)
    assert refused["from"].startswith("127.0.0.1:")
    assert gateway.list("erp", "/inbox") == ["doc"], "the right key still opens"


def test_an_unknown_account_looks_like_a_wrong_key(ready, scratch):
    gateway = ready()
    stranger = new_key(scratch / "stranger")
    unknown = gateway.sftp("nobody", "ls /", key=gateway.keys["erp"])
    wrong = gateway.sftp("erp", "ls /", key=stranger)
    assert_refused(unknown)
    assert_refused(wrong)
    assert unknown.stderr.replace("nobody", "erp") == wrong.stderr
    assert gateway.wait_event("session.refused", account="nobody")["why"] == "no such account"


@pytest.mark.parametrize("name", ["", "root", "ERP", "erp/", "../erp", "a" * 300, "erp\x01",
                                  "-oProxyCommand=x", "é"])
def test_names_that_are_no_accounts(gateway, name):
    gateway.start()
    done = subprocess.run(
        ["ssh", *gateway.ssh_options("erp"), "-p", str(gateway.port), "-o", f"User={name}", "-s",
         "127.0.0.1", "sftp"], capture_output=True, text=True, timeout=60,
        stdin=subprocess.DEVNULL)
    assert done.returncode != 0
    assert gateway.events("session.login") == []
    assert gateway.sftp("erp", "ls /").returncode == 0


def test_a_disabled_account(gateway):
    gateway.config["accounts"]["erp"]["disabled"] = True
    gateway.start()
    assert_refused(gateway.sftp("erp", "ls /"))
    assert gateway.wait_event("session.refused")["why"] == "the account is disabled"


def test_another_accounts_key(gateway):
    gateway.add_account("shop", gateway.config["accounts"]["erp"]["mounts"])
    gateway.start()
    assert_refused(gateway.sftp("erp", "ls /", key=gateway.keys["shop"]))
    assert gateway.sftp("shop", "ls /").returncode == 0


def test_no_password_no_shell_no_forwarding(gateway):
    gateway.start()
    options = gateway.ssh_options("erp")
    base = ["ssh", *options, "-p", str(gateway.port)]
    methods = subprocess.run([*base, "-o", "PreferredAuthentications=none", "erp@127.0.0.1"],
                             capture_output=True, text=True, timeout=60)
    assert "(publickey)." in methods.stderr
    for command in (["erp@127.0.0.1", "id"], ["-tt", "erp@127.0.0.1"],
                    ["-s", "erp@127.0.0.1", "netconf"], ["-W", "127.0.0.1:22", "erp@127.0.0.1"]):
        done = subprocess.run([*base, *command], capture_output=True, text=True, timeout=60,
                              stdin=subprocess.DEVNULL)
        assert done.returncode != 0 and "uid=" not in done.stdout, command
    assert gateway.sftp("erp", "ls /").returncode == 0


@pytest.mark.parametrize("options, works", [
    ("", True),
    ("restrict ", True),
    ("no-pty,no-port-forwarding ", True),
    ('from="127.0.0.1" ', True),
    ('from="127.0.0.0/8,!127.0.0.9" ', True),
    ('from="192.0.2.*" ', False),
    ('from="!127.0.0.1,*" ', False),
    ('expiry-time="20990101" ', True),
    ('expiry-time="20010101" ', False),
    ('restrict,from="127.*",expiry-time="209912312359" ', True),
    ('command="/bin/true" ', False),
    ('permitopen="x:1" ', False),
    ("cert-authority ", False),
    ("surprise ", False),
    ('from="127.0.0.1 ', False),
])
def test_options_of_authorized_keys(gateway, options, works):
    path = gateway.home / "accounts" / "erp.pub"
    path.write_text("# a comment\n\n" + options + path.read_text())
    gateway.start()
    done = gateway.sftp("erp", "ls /")
    if works:
        assert done.returncode == 0, done.stderr
    else:
        assert_refused(done)
        assert gateway.events("session.refused", account="erp")
    if options in ("surprise ", 'command="/bin/true" ', 'permitopen="x:1" '):
        told = gateway.wait_event("account.key-unusable")
        assert told["line"] == "3" and "option" in told["why"]


def test_from_sees_the_real_address(gateway):
    path = gateway.home / "accounts" / "erp.pub"
    path.write_text('from="127.0.0.7" ' + path.read_text())
    gateway.start()
    assert_refused(gateway.sftp("erp", "ls /"))
    done = gateway.sftp("erp", "ls /", source_address="127.0.0.7")
    assert done.returncode == 0, done.stderr


def test_a_key_taken_out_of_the_file_lets_nobody_in(gateway):
    gateway.start()
    path = gateway.home / "accounts" / "erp.pub"
    kept = path.read_text()
    assert gateway.sftp("erp", "ls /").returncode == 0
    path.write_text("")
    assert_refused(gateway.sftp("erp", "ls /"))
    second = new_key(gateway.directory / "second")
    path.write_text(kept + public_half(second) + "\n")
    assert gateway.sftp("erp", "ls /").returncode == 0
    assert gateway.sftp("erp", "ls /", key=second).returncode == 0
    path.unlink()
    assert_refused(gateway.sftp("erp", "ls /"))
    assert gateway.events("account.keys-unreadable")


ESCAPES = ["../../etc/passwd", "/etc/passwd", "/../etc/passwd", "/inbox/../../etc/passwd",
           "inbox/../../../../../../../../etc/passwd", "/inbox/..", "/inbox/link",
           "/inbox/dirlink/secret", "/inbox/dirlink/../secret", "/inbox/./link",
           "/inbox/loop", "/inbox//dirlink//secret", "/inbox/sub/uplink/secret",
           "/proc/self/root/etc/passwd", "/inbox/dirlink"]


@pytest.fixture
def trapped(ready, gateway):
    """Symlinks that lead out, planted in the folder by somebody who could."""
    outside = gateway.directory / "outside"
    outside.mkdir()
    (outside / "secret").write_bytes(b"SECRET")

    def start():
        ready()
        folder = gateway.folder()
        (folder / "link").symlink_to(outside / "secret")
        (folder / "dirlink").symlink_to(outside)
        (folder / "loop").symlink_to("loop")
        (folder / "inner").symlink_to("doc")
        (folder / "sub").mkdir()
        (folder / "sub" / "uplink").symlink_to("../../../../outside")
        return gateway
    start.outside = outside
    return start


def test_no_path_leads_out(trapped, new_wire):
    gateway = trapped()
    wire = new_wire(gateway)
    for path in ESCAPES:
        name = wire.string(path)
        kind, body = wire.ask(wire.OPEN, name + b"\0\0\0\x01\0\0\0\0")
        assert kind == wire.STATUS, path
        assert wire.split_status(body)[0] in (NOSUCH, DENIED, FAILURE)
        assert "SECRET" not in str(body)
        if path not in ("/inbox/..",):
            for request in (wire.STAT, wire.LSTAT, wire.OPENDIR):
                kind, body = wire.ask(request, name)
                assert kind == wire.STATUS, (path, request)
        if path == "/inbox/..":
            assert wire.ask(wire.OPENDIR, name)[0] == wire.HANDLE  # it is "/", ours
    # What isn't there and what is outside are the same to a client.
    words = {wire.status(wire.STAT, wire.string(p)) for p in
             ("/inbox/nowhere", "/inbox/link", "/etc/passwd", "/inbox/dirlink/secret")}
    assert len(words) == 1, words
    assert gateway.list("erp", "/inbox") == ["doc", "sub"], "symlinks are not shown"
    assert gateway.list("erp", "/") == ["inbox"]


def test_openssh_sftp_cannot_get_out_either(trapped, scratch):
    gateway = trapped()
    for path in ESCAPES:
        target = scratch / "stolen"
        done = gateway.sftp("erp", f'get "{path}" "{target}"')
        assert done.returncode != 0 and not target.exists(), path
        assert gateway.sftp("erp", "cd inbox/dirlink").returncode != 0
    assert gateway.get("erp", "/inbox/doc") == b"content"


def test_nothing_can_be_put_or_moved_outside(trapped, gateway, new_wire):
    full = ["list", "download", "upload", "overwrite", "delete", "rename", "mkdir", "rmdir",
            "setstat"]
    gateway.config["accounts"]["erp"]["mounts"][0]["allow"] = full
    trapped()
    outside = trapped.outside
    wire = new_wire(gateway)
    handle = wire.open("/inbox/own", wire.PF_WRITE | wire.PF_CREAT)
    assert wire.close(handle)[0] == 0
    for path in ESCAPES + ["/inbox/dirlink/new", "/new", "/../new", "/etc/new",
                           "/inbox/sub/uplink/new"]:
        if path in ("/inbox/..", "/inbox/dirlink/../secret"):
            continue  # ".." is resolved in the text, before any link could be: these are ours
        name, own = wire.string(path), wire.string("/inbox/own")
        kind, _ = wire.ask(wire.OPEN, name + b"\0\0\0\x1a\0\0\0\0")
        assert kind == wire.STATUS, path
        assert wire.status(wire.MKDIR, name + b"\0\0\0\0")[0] != 0, path
        assert wire.status(wire.RENAME, own + name)[0] != 0, path
        assert wire.status(wire.EXTENDED, wire.string("posix-rename@openssh.com") + own + name)[0] \
            != 0, path
        assert wire.status(wire.SYMLINK, name + wire.string("/inbox/made"))[0] != 0, path
        kind, body = wire.ask(wire.EXTENDED, wire.string("hardlink@openssh.com") + name +
                              wire.string("/inbox/made"))
        assert kind == wire.STATUS and wire.split_status(body)[0] != 0, path
    for path in ("/inbox/dirlink/secret", "/inbox/sub/uplink/secret", "/../outside/secret"):
        assert wire.status(wire.REMOVE, wire.string(path))[0] != 0
        assert wire.status(wire.RENAME, wire.string(path) + wire.string("/inbox/mine"))[0] != 0
        assert wire.status(9, wire.string(path) + b"\0\0\0\x04\0\0\x01\xff")[0] != 0  # SETSTAT
    assert os.listdir(outside) == ["secret"]
    assert (outside / "secret").read_bytes() == b"SECRET"
    assert (outside / "secret").stat().st_mode & 0o777 == 0o644
    assert not os.path.exists("/etc/new") and not os.path.exists("/new")


def test_a_read_only_consumer_changes_nothing(ready, gateway, new_wire):
    gateway.config["accounts"]["erp"]["mounts"][0]["allow"] = ["list", "download"]
    ready()
    (gateway.folder() / "sub").mkdir()
    local = gateway.directory / "local"
    local.write_bytes(b"mine")
    before = gateway.folder().stat().st_mtime_ns
    for command in (f"put {local} /inbox/new", f"put {local} /inbox/doc", "rm /inbox/doc",
                    "mkdir /inbox/dir", "rmdir /inbox/sub", "rename /inbox/doc /inbox/other",
                    "ln -s doc /inbox/link", "ln doc /inbox/link",
                    f"put {local} /new", "mkdir /dir", "rm /inbox", "rmdir /inbox",
                    "rename /inbox /other"):
        done = gateway.sftp("erp", command)
        assert done.returncode != 0, command
    wire = new_wire(gateway)
    doc = wire.string("/inbox/doc")
    for flags in (2, 2 | 16, 4, 1 | 2, 2 | 8, 2 | 8 | 32):
        kind, body = wire.ask(wire.OPEN, doc + flags.to_bytes(4, "big") + b"\0\0\0\0")
        assert kind == wire.STATUS and wire.split_status(body)[0] in (DENIED, FAILURE), flags
    # Size 0: the one attribute whose refusal must be told, as it would destroy the content.
    assert wire.status(9, doc + b"\0\0\0\x01" + b"\0" * 8)[0] == DENIED
    assert gateway.published()["doc"] == b"content"
    assert sorted(os.listdir(gateway.folder())) == ["doc", "sub"]
    assert gateway.folder().stat().st_mtime_ns == before
    assert gateway.staging_names() == []


def test_what_is_denied_is_logged(trapped, gateway, new_wire):
    """Why can't our partner upload? The log says it, by account and path."""
    gateway.config["accounts"]["erp"]["mounts"][0]["allow"] = ["list", "download"]
    trapped()
    local = gateway.directory / "local"
    local.write_bytes(b"mine")
    assert gateway.sftp("erp", f"put {local} '/inbox/new file'").returncode != 0
    told = gateway.wait_event("file.denied")
    login = gateway.events("session.login", account="erp")[-1]
    assert (told["level"], told["session"], told["account"]) == ("warn", login["session"], "erp")
    assert (told["verb"], told["folder"], told["path"]) == ("upload", "inbox", "new file")
    assert told["why"] == "the mount is read-only: it does not allow upload"
    for command, verb, folder, path, why in (
            ("rm /inbox/doc", "delete", "inbox", "doc", "read-only"),
            (f"put {local} /new", "upload", "", "new", "no folder is mounted there"),
            ("mkdir /dir", "make-directory", "", "dir", "no folder is mounted there"),
            ("get /inbox/dirlink/secret", "stat", "inbox", "dirlink/secret", "symbolic link")):
        assert gateway.sftp("erp", command).returncode != 0
        told = wait_until(lambda: gateway.events("file.denied", verb=verb, folder=folder,
                                                 path=path), command)
        assert why in told[-1]["why"]
    # What simply isn't there is no denial, nor is "..", which leads nowhere.
    wait_until(lambda: not gateway.status()["sessions"], "all of them have told all")
    before = len(gateway.events("file.denied"))
    assert gateway.sftp("erp", "get /inbox/nowhere").returncode != 0
    assert gateway.sftp("erp", "get /inbox/../../../etc/passwd").returncode != 0
    wire = new_wire(gateway)
    # Who tries for ever does not fill the disk with it, and is not hung up on.
    for _ in range(150):
        assert wire.status(wire.MKDIR, wire.string("/inbox/dir") + b"\0\0\0\0")[0] == DENIED
    told = wait_until(lambda: gateway.events("file.denied")[before + 100:], "the last is told")
    assert len(told) == 1 and told[0]["why"] == "more denials of this session are not told"
    assert wire.works()
    assert len(gateway.events("file.denied")) == before + 101


def test_each_right_is_needed(ready, gateway, new_wire):
    gateway.config["accounts"]["erp"]["mounts"][0]["allow"] = ["download"]
    ready()
    wire = new_wire(gateway)
    assert wire.status(wire.OPENDIR, wire.string("/inbox"))[0] == DENIED
    handle = wire.open("/inbox/doc", wire.PF_READ)
    assert wire.read(handle, 0, 100)[1][4:] == b"content"
    gateway.config["accounts"]["erp"]["mounts"][0]["allow"] = ["list"]
    gateway.write_config()
    gateway.reload()
    wire = new_wire(gateway)
    kind, body = wire.ask(wire.OPEN, wire.string("/inbox/doc") + b"\0\0\0\x01\0\0\0\0")
    assert kind == wire.STATUS and wire.split_status(body)[0] == DENIED


def test_too_many_attempts(gateway, scratch):
    gateway.config["limits"]["auth_attempts"] = 3
    gateway.start()
    # What is only asked about counts a quarter: agents offer all the keys that they hold.
    keys = [new_key(scratch / f"stranger{i}") for i in range(16)]
    more = [word for key in keys for word in ("-i", str(key))]
    done = subprocess.run(
        ["ssh", *gateway.ssh_options("erp", keys[0]), *more, "-p", str(gateway.port), "-s",
         "erp@127.0.0.1", "sftp"], capture_output=True, text=True, timeout=60,
        stdin=subprocess.DEVNULL)
    assert done.returncode != 0
    assert len(gateway.events("session.refused")) <= 3 * 4 + 1
    wait_until(lambda: gateway.events("session.end"), "that session has ended")
    assert gateway.sftp("erp", "ls /").returncode == 0


def read_until_closed(s, patience=20):
    s.settimeout(patience)
    said = b""
    try:
        while chunk := s.recv(65536):
            said += chunk
    except ConnectionResetError:
        pass
    return said


@pytest.mark.parametrize("said", [b"", b"SSH-2.0-slow\r\n", b"SSH-2.0-x\r\n\0\0\0\x0c"],
                         ids=["nothing", "version", "half a packet"])
def test_login_grace_ends_half_open_connections(gateway, new_wire, said):
    gateway.config["limits"]["login_grace"] = "1s"
    gateway.start()
    wire = new_wire(gateway)
    with socket.create_connection(("127.0.0.1", gateway.port)) as s:
        began = time.monotonic()
        s.sendall(said)
        read_until_closed(s)
        assert 0.5 < time.monotonic() - began < 10
    wait_until(lambda: len(gateway.status()["sessions"]) == 1, "only the logged-in one is left")
    assert wire.works(), "who is logged in has no such limit"


def test_a_crowd_of_strangers_keeps_nobody_out_for_long(gateway, new_wire):
    gateway.config["limits"].update(login_grace="2s", max_unauthenticated=5)
    gateway.start()
    wire = new_wire(gateway)
    crowd = [socket.create_connection(("127.0.0.1", gateway.port)) for _ in range(25)]
    wait_until(lambda: gateway.events("address.dropped"), "the limit was met")
    assert wire.works()
    wait_until(lambda: gateway.sftp("erp", "ls /").returncode == 0, "the next login works")
    for s in crowd:
        s.close()


def test_max_sessions(gateway, new_wire):
    gateway.config["limits"]["max_sessions"] = 2
    gateway.start()
    first, second = new_wire(gateway), new_wire(gateway)
    third = gateway.wire()
    third.wait_closed()
    third.end()
    assert first.works() and second.works()
    second.end()
    wait_until(lambda: gateway.sftp("erp", "ls /").returncode == 0, "there is room again")


GARBAGE = {
    "random": os.urandom(100_000),
    "zeros": b"\0" * 100_000,
    "http": b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
    "tls": bytes.fromhex("16030100c8010000c40303") + os.urandom(200),
    "endless line": b"SSH-2.0-" + b"A" * 1_000_000,
    "ssh 1": b"SSH-1.5-old\r\n" + os.urandom(1000),
    "garbage after version": b"SSH-2.0-x\r\n" + os.urandom(50_000),
    "huge packet": b"SSH-2.0-x\r\n\xff\xff\xff\xff" + b"\x14" * 1000,
    "empty packets": b"SSH-2.0-x\r\n" + b"\0\0\0\0" * 1000,
}


@pytest.mark.parametrize("garbage", GARBAGE.values(), ids=GARBAGE)
def test_garbage_on_the_port(gateway, new_wire, garbage):
    gateway.config["limits"]["login_grace"] = "3s"
    gateway.start()
    wire = new_wire(gateway)
    with socket.create_connection(("127.0.0.1", gateway.port)) as s:
        try:
            s.sendall(garbage)
            s.shutdown(socket.SHUT_WR)
        except OSError:
            pass  # it was hung up on already
        read_until_closed(s)
    wait_until(lambda: len(gateway.status()["sessions"]) == 1, "that session has ended")
    assert wire.works()
    assert gateway.sftp("erp", "ls /").returncode == 0


def test_a_broken_handshake_at_every_length(gateway, new_relay, new_wire):
    """The line breaks after so many bytes of the server's side of a good client's login."""
    gateway.start()
    wire = new_wire(gateway)
    for cut in (1, 22, 100, 600, 1100, 1500, 1900, 2300, 2700):
        relay = new_relay(gateway.port, cuts=[cut])
        options = ["-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null"]
        subprocess.run(["ssh", *options, *gateway.ssh_options("erp"), "-p", str(relay.port), "-s",
                        "erp@127.0.0.1", "sftp"], capture_output=True, timeout=60,
                       stdin=subprocess.DEVNULL)
        relay.close()
    assert wire.works()
    wait_until(lambda: len(gateway.status()["sessions"]) == 1, "all of them have ended")


def test_wire_tells_closed(gateway, new_wire):
    gateway.start()
    wire = new_wire(gateway)
    wire.send(99, b"")
    with pytest.raises(WireClosed):
        while True:
            wire.receive()
