"""Whom the gateway talks to: host keys strictly, and its own private key."""

import os
import shutil
import socket
import subprocess
import threading

import pytest

from harness import fingerprint, new_key, public_half, wait_until

# What sshd logs of a client that has begun to say who it is.
SPOKEN = ("userauth-request", "Accepted", "Failed publickey", "service ssh-connection")


def assert_nothing_was_sent(source):
    """The connection ended at the host key: neither a service request nor a name came."""
    log = source.log_text()
    assert source.n_connections() > 0
    for word in SPOKEN:
        assert word not in log
    # The user's name is in sshd's own path messages at most after a userauth request.
    assert "user root" not in log


def test_an_unknown_host_key(source, gateway):
    gateway.known_hosts.write_text("# nobody\n")
    source.put("doc", b"content")
    gateway.start()
    remote = wait_until(lambda: gateway.remote_status()["trouble"] and gateway.remote_status(),
                        "the remote is stopped")
    assert remote["condition"] == "stopped: host key unknown"
    assert fingerprint(source.host_key) in remote["trouble"]
    assert "dray host scan acme" in remote["trouble"]
    assert gateway.dray_raw("run", "main", "--wait").returncode == 5
    stopped = gateway.wait_event("remote.stopped", remote="acme")
    assert fingerprint(source.host_key) in stopped["why"] and stopped["level"] == "error"
    page = gateway.dray_raw("status").stdout
    assert fingerprint(source.host_key) in page and "dray host scan acme" in page
    assert_nothing_was_sent(source)
    assert source.names() == ["doc"]

    # The command that the message names shows the very key, and trusting it sets things going.
    scanned = gateway.dray_raw("host", "scan", "acme")
    assert fingerprint(source.host_key) in scanned.stdout, scanned.stderr
    trusted = gateway.dray_raw("host", "trust", "acme", fingerprint(source.host_key))
    assert trusted.returncode == 0, trusted.stderr
    gateway.settled("doc")
    assert gateway.remote_status()["condition"] == "ok"


def test_known_hosts_of_another_port_is_not_this_host(source, gateway):
    gateway.known_hosts.write_text("127.0.0.1 " + public_half(source.host_key) + "\n")
    gateway.start()
    wait_until(lambda: gateway.remote_status()["condition"] == "stopped: host key unknown",
               "the remote is stopped")
    assert_nothing_was_sent(source)


def test_a_revoked_host_key(source, gateway):
    with open(gateway.known_hosts, "a") as f:
        f.write("@revoked * " + public_half(source.host_key) + "\n")
    gateway.start()
    remote = wait_until(lambda: gateway.remote_status()["trouble"] and gateway.remote_status(),
                        "the remote is stopped")
    assert remote["condition"].startswith("stopped")
    assert_nothing_was_sent(source)


def test_hashed_known_hosts(source, gateway):
    subprocess.run(["ssh-keygen", "-H", "-f", gateway.known_hosts], check=True,
                   capture_output=True, timeout=30)
    assert "127.0.0.1" not in gateway.known_hosts.read_text()
    source.put("doc", b"content")
    gateway.start()
    gateway.settled("doc")


@pytest.mark.parametrize("kind", ["rsa", "ecdsa"])
def test_the_pinned_kind_of_key_is_asked_for(source, gateway, kind):
    """The server has two keys, and only the one that it would not prefer is pinned."""
    other = new_key(source.directory / "host_other", kind)
    source.stop()
    source.more_config.append(f"HostKey {other}")
    source.start()
    gateway.known_hosts.write_text("")
    gateway.pin(source.port, other)
    source.put("doc", b"content")
    gateway.start()
    gateway.settled("doc")


def test_a_changed_host_key_stops_that_remote_alone(source, new_source, gateway):
    other = new_source("other")
    gateway.config["folders"]["orders"] = {"path": "folders/orders"}
    gateway.add_remote("beta", other)
    gateway.add_route("second", "beta", other, to=["orders"])
    source.put("before", b"before")
    gateway.start()
    gateway.settled("before")
    source.change_host_key()
    mark = len(source.log_text())
    source.put("after", b"after")
    remote = wait_until(lambda: "CHANGED" in gateway.remote_status()["condition"] and
                        gateway.remote_status(), "the remote is stopped")
    assert fingerprint(source.host_key) in remote["trouble"]
    assert "dray host scan acme" in remote["trouble"]
    assert "CHANGED" in gateway.dray_raw("status").stdout
    assert gateway.wait_event("remote.stopped", remote="acme")["level"] == "error"
    n_before = source.n_connections()

    # While it is stopped nobody calls there; the other remote's route goes on.
    for i in range(6):
        other.put(f"order{i}", b"order")
        gateway.settled(f"order{i}")
        gateway.run("second")
    assert source.n_connections() == n_before
    said = source.log_text()[mark:]
    assert "userauth-request" not in said
    assert source.names() == ["after"]
    assert gateway.remote_status("beta")["condition"] == "ok"

    # Somebody has looked, and pins the new key: it goes on by itself.
    gateway.known_hosts.write_text("".join(
        line for line in gateway.known_hosts.read_text().splitlines(True)
        if f":{source.port} " not in line))
    gateway.pin(source.port, source.host_key)
    gateway.settled("after")
    assert gateway.remote_status()["condition"] == "ok"
    assert gateway.published() == {"before": b"before", "after": b"after"}


def test_a_key_that_the_source_does_not_know(source, gateway):
    source.authorized.write_text("")
    source.put("doc", b"content")
    gateway.start()
    remote = wait_until(lambda: gateway.remote_status()["trouble"] and gateway.remote_status(),
                        "the login was refused")
    assert remote["condition"] == "our key was refused"
    assert gateway.dray_raw("run", "main", "--wait").returncode == 6
    assert source.names() == ["doc"]
    source.trust(gateway.identity)
    gateway.settled("doc")


def spoil_missing(path, _):
    path.unlink()


def spoil_garbage(path, _):
    path.write_bytes(os.urandom(400))


def spoil_empty(path, _):
    path.write_bytes(b"")


def spoil_truncated(path, _):
    path.write_text(path.read_text()[:120])


def spoil_encrypted(path, scratch):
    path.unlink()
    shutil.copy(new_key(scratch / "encrypted", passphrase="secret"), path)


def spoil_public(path, _):
    path.write_text(public_half(path))


def spoil_directory(path, _):
    path.unlink()
    path.mkdir()


@pytest.mark.parametrize("spoil, condition, words", [
    (spoil_missing, "trouble on our side", "private key"),
    (spoil_directory, "trouble on our side", "private key"),
    (spoil_garbage, "our private key can't be used", "key"),
    (spoil_empty, "our private key can't be used", "key"),
    (spoil_truncated, "our private key can't be used", "key"),
    (spoil_encrypted, "our private key can't be used", "passphrase"),
    (spoil_public, "our private key can't be used", "key"),
], ids=lambda p: getattr(p, "__name__", ""))
def test_a_private_key_that_cannot_be_used(source, gateway, scratch, spoil, condition, words):
    good = gateway.identity.read_bytes()
    spoil(gateway.identity, scratch)
    source.put("doc", b"content")
    gateway.start()
    remote = wait_until(lambda: gateway.remote_status()["trouble"] and gateway.remote_status(),
                        "the remote is in trouble")
    assert remote["condition"] == condition
    assert words in remote["trouble"].lower(), remote["trouble"]
    assert "BEGIN" not in gateway.log_text(), "no part of a key is ever logged"
    assert source.n_logins() == 0 and source.names() == ["doc"]
    assert gateway.dray_raw("check").returncode == 4
    # The right key is there again, and it goes on by itself.
    if gateway.identity.is_dir():
        gateway.identity.rmdir()
    gateway.identity.write_bytes(good)
    gateway.identity.chmod(0o600)
    gateway.settled("doc")


@pytest.mark.parametrize("instead", ["nothing", "a directory"])
def test_no_known_hosts_file(source, gateway, instead):
    gateway.known_hosts.unlink()
    if instead == "a directory":
        gateway.known_hosts.mkdir()
    source.put("doc", b"content")
    gateway.start()
    remote = wait_until(lambda: gateway.remote_status()["trouble"] and gateway.remote_status(),
                        "the remote is in trouble")
    assert "known_hosts" in remote["trouble"]
    assert instead == "a directory" or "dray host scan" in remote["trouble"]
    assert "userauth-request" not in source.log_text() and source.names() == ["doc"]
    if instead == "a directory":
        gateway.known_hosts.rmdir()
    gateway.known_hosts.write_text("")
    gateway.pin(source.port, source.host_key)
    gateway.settled("doc")


def test_no_algorithm_in_common(source, gateway):
    """A server that offers nothing but what is given up elsewhere: told apart from a dead one."""
    source.stop()
    source.more_config.append("KexAlgorithms diffie-hellman-group14-sha1")
    source.start()
    source.put("doc", b"content")
    gateway.start()
    remote = wait_until(lambda: gateway.remote_status()["trouble"] and gateway.remote_status(),
                        "the remote is in trouble")
    assert remote["condition"] == "no common algorithm"
    assert "diffie-hellman-group14-sha1" in remote["trouble"], "it says what the server offers"
    assert_nothing_was_sent(source)
    # The server's operator has done something about it, and it goes on by itself.
    source.stop()
    source.more_config.clear()
    source.start()
    gateway.settled("doc")


def test_a_remote_that_is_no_ssh_server(gateway, systems):
    class Liar:
        """Answers every connection with words of another protocol."""

        def __init__(self):
            self.listener = socket.create_server(("127.0.0.1", 0))
            self.port = self.listener.getsockname()[1]
            threading.Thread(target=self.serve, daemon=True).start()

        def serve(self):
            while True:
                try:
                    s, _ = self.listener.accept()
                except OSError:
                    return
                with s:
                    s.sendall(b"HTTP/1.1 400 Bad Request\r\n" + os.urandom(5000))

        def close(self):
            self.listener.shutdown(socket.SHUT_RDWR)
            self.listener.close()

    liar = Liar()
    systems.append(liar)
    gateway.config["remotes"]["acme"]["address"] = f"127.0.0.1:{liar.port}"
    gateway.start()
    remote = wait_until(lambda: gateway.remote_status()["trouble"] and gateway.remote_status(),
                        "the remote is in trouble")
    assert remote["condition"] == "unreachable"
