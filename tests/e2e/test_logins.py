"""How accounts prove who they are, and when they may: keys, certificates, passwords, hours; and
what ends a session that is under way."""

import os
import pty
import shlex
import subprocess
import time

import pytest

import harness
from harness import fingerprint, new_key, public_half, wait_until

# Of "secret", in the slowest of the kinds that are easily made slow.
SLOW_HASH = ("$6$rounds=20000000$abcdefgh$"
             "anlfnl4XyIaZfh5gSyH.JnPnpq1qe79N0s0ekNgff4EkdFY7UaFPCCjKM4dT6gWCMtHTougtsGDDirDytwlYv0")

PASSWORD = "correct horse £ \"battery\" staple"


@pytest.fixture(autouse=True)
def failures_are_not_counted(gateway):
    """What is tested here are refusals, not what many of them lead to."""
    gateway.config["limits"]["ban"] = {"after": 0}


class Login:
    """One try of OpenSSH's sftp, with the keys and the password that are given."""

    def __init__(self, gateway, account="erp", keys=(), cert=None, password=None, **options):
        self.gateway = gateway
        self.account = account
        self.options = ["-F", "none", "-o", "IdentitiesOnly=yes", "-o", "IdentityAgent=none",
                        "-o", "StrictHostKeyChecking=yes",
                        "-o", f"UserKnownHostsFile={gateway.own_known_hosts}",
                        "-o", "GlobalKnownHostsFile=none", "-o", "ConnectTimeout=20",
                        "-o", "NumberOfPasswordPrompts=1"]
        for key in keys:
            self.options += ["-i", str(key)]
        if not keys:
            self.options += ["-o", "PubkeyAuthentication=no"]
        if cert:
            self.options += ["-o", f"CertificateFile={cert}"]
        for name, value in options.items():
            self.options += ["-o", f"{name}={value}"]
        self.environment = {**os.environ, "SSH_ASKPASS_REQUIRE": "never"}
        if password is None:
            self.options += ["-o", "BatchMode=yes"]
        else:
            script = gateway.directory / f"askpass-{time.monotonic_ns()}"
            script.write_text(f"#!/bin/sh\nprintf '%s\\n' {shlex.quote(password)}\n")
            script.chmod(0o700)
            self.environment |= {"SSH_ASKPASS": str(script), "SSH_ASKPASS_REQUIRE": "force"}

    def command(self):
        return ["ssh", *self.options, "-p", str(self.gateway.port), "-s",
                f"{self.account}@127.0.0.1", "sftp"]

    def sftp(self):
        return subprocess.run(
            ["sftp", *self.options, "-P", str(self.gateway.port), f"{self.account}@127.0.0.1"],
            input="ls /\n", capture_output=True, text=True, timeout=harness.PATIENCE,
            env=self.environment)

    def works(self):
        done = self.sftp()
        assert done.returncode == 0, done.stderr
        assert "inbox" in done.stdout
        return self.gateway.events("session.login")[-1]

    def is_refused(self, why):
        """The client hears nothing of why; the log does."""
        before = len(self.gateway.events("session.refused"))
        done = self.sftp()
        assert done.returncode != 0
        assert "Permission denied (" in done.stderr, done.stderr
        assert why not in done.stderr
        refused = self.gateway.events("session.refused")[before:]
        assert refused and refused[-1]["why"] == why, refused
        return refused[-1]


@pytest.fixture
def new_session(systems):
    """A session that stays."""
    def make(login):
        wire = harness.Wire.__new__(harness.Wire)
        wire.process = subprocess.Popen(
            login.command(), stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, bufsize=0, env=login.environment)
        wire.seen, wire.next_id = b"", 0
        systems.append(wire)
        return wire.start()
    return make


def ends(gateway, wire, why):
    wire.wait_closed()
    revoked = gateway.wait_event("session.revoked", why=why)
    end = gateway.wait_event("session.end", session=revoked["session"])
    assert end["why"] == f"ended by the gateway: {why}"


def erp(gateway):
    return gateway.config["accounts"]["erp"]


def hash_of(gateway, password):
    gateway.write_config()
    done = subprocess.run([harness.DRAY, "key", "password"], input=password + "\n",
                          capture_output=True, text=True, timeout=30, check=True)
    return done.stdout.strip()


def local_hours(begin, end):
    """Hours from now on, in minutes: as a configuration writes them."""
    def clock(minutes):
        return time.strftime("%H:%M", time.localtime(time.time() + 60 * minutes))
    return f"{clock(begin)}-{clock(end)}"


# Keys.


def test_several_keys_from_files_and_inline(gateway, scratch):
    one, two, three, four = (new_key(scratch / f"key{i}", kind) for i, kind in
                             enumerate(["ed25519", "ecdsa", "rsa", "ed25519"]))
    (gateway.home / "accounts" / "more").write_text(
        "# the partner's other machine\n" + public_half(two) + "\n")
    erp(gateway)["authorized_keys"] = ["accounts/erp.pub", "accounts/more"]
    erp(gateway)["keys"] = [public_half(three), f'from="192.0.2.1" {public_half(four)}']
    gateway.start()
    for key in (gateway.keys["erp"], two, three):
        login = Login(gateway, keys=[key]).works()
        assert (login["by"], login["key"]) == ("key", fingerprint(key))
    Login(gateway, keys=[one]).is_refused("the key is not among the account's keys")
    Login(gateway, keys=[four]).is_refused("the key's from= does not allow this address")
    # One file that is gone keeps nobody out who is in another.
    (gateway.home / "accounts" / "erp.pub").unlink()
    Login(gateway, keys=[two]).works()
    assert gateway.events("account.keys-unreadable", account="erp")
    Login(gateway, keys=[gateway.keys["erp"]]).is_refused(
        "the key is not among the account's keys")


def test_a_pipe_is_no_file_of_keys(gateway):
    """Core would wait for its other end, and everybody for core."""
    gateway.add_account("shop", erp(gateway)["mounts"])
    gateway.start()
    path = gateway.home / "accounts" / "erp.pub"
    path.unlink()
    os.mkfifo(path)
    Login(gateway, keys=[gateway.keys["erp"]]).is_refused("the key is not among the account's keys")
    assert gateway.events("account.keys-unreadable", account="erp")
    Login(gateway, "shop", keys=[gateway.keys["shop"]]).works()


def test_a_file_of_keys_that_others_may_write_lets_nobody_in(gateway):
    gateway.start()
    login = Login(gateway, keys=[gateway.keys["erp"]])
    login.works()
    path = gateway.home / "accounts" / "erp.pub"
    path.chmod(0o664)
    login.is_refused("the key is not among the account's keys")
    assert "chmod go-w" in gateway.wait_event("account.keys-unreadable", account="erp")["error"]
    path.chmod(0o644)
    login.works()


def test_a_pipe_is_no_list_of_revoked_keys(gateway, scratch):
    revoked = scratch / "revoked"
    revoked.write_text("")
    gateway.config["revoked_keys"] = str(revoked)
    gateway.start()
    login = Login(gateway, keys=[gateway.keys["erp"]])
    login.works()
    revoked.unlink()
    os.mkfifo(revoked)
    login.is_refused("the list of revoked keys can't be used")


def test_a_removed_key_ends_its_session_alone(gateway, scratch, new_session):
    other = new_key(scratch / "other")
    erp(gateway)["keys"] = [public_half(other)]
    gateway.start()
    by_file = new_session(Login(gateway, keys=[gateway.keys["erp"]]))
    inline = new_session(Login(gateway, keys=[other]))
    (gateway.home / "accounts" / "erp.pub").write_text("# nobody\n")
    assert by_file.works(), "a file is looked at when somebody logs in, and at a reload"
    gateway.reload()
    ends(gateway, by_file, "the key is not among the account's keys")
    assert inline.works()
    del erp(gateway)["keys"]
    gateway.write_config()
    gateway.reload()
    ends(gateway, inline, "the key is not among the account's keys")


# When, and from where.


def test_an_account_is_disabled_while_it_works(gateway, new_session):
    gateway.start()
    wire = new_session(Login(gateway, keys=[gateway.keys["erp"]]))
    erp(gateway)["disabled"] = True
    gateway.write_config()
    gateway.reload()
    ends(gateway, wire, "the account is disabled")
    Login(gateway, keys=[gateway.keys["erp"]]).is_refused("the account is disabled")


def test_an_account_expires_while_it_works(gateway, new_session):
    at = int(time.time()) + 10
    erp(gateway)["expires"] = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(at))
    gateway.start()
    wire = new_session(Login(gateway, keys=[gateway.keys["erp"]]))
    assert wire.works()
    ends(gateway, wire, "the account has expired")
    assert at <= time.time() < at + 5, "not before, and at once"
    Login(gateway, keys=[gateway.keys["erp"]]).is_refused("the account has expired")


def test_networks(gateway, new_session):
    erp(gateway)["networks"] = ["192.0.2.0/24", "127.0.0.0/8"]
    gateway.start()
    login = Login(gateway, keys=[gateway.keys["erp"]])
    wire = new_session(login)
    assert wire.works()
    erp(gateway)["networks"] = ["127.0.0.2", "2001:db8::/32"]
    gateway.write_config()
    gateway.reload()
    ends(gateway, wire, "the account may not log in from this address")
    login.is_refused("the account may not log in from this address")
    Login(gateway, keys=[gateway.keys["erp"]], BindAddress="127.0.0.2").works()


def test_hours(gateway, new_session):
    erp(gateway)["hours"] = ["mon-sun 00:00-24:00"]
    gateway.start()
    login = Login(gateway, keys=[gateway.keys["erp"]])
    wire = new_session(login)
    erp(gateway)["hours"] = [local_hours(120, 180)]
    gateway.write_config()
    gateway.reload()
    ends(gateway, wire, "it is outside of the account's hours")
    login.is_refused("it is outside of the account's hours")
    erp(gateway)["hours"] = [local_hours(120, 180), local_hours(-60, 60)]
    gateway.write_config()
    gateway.reload()
    login.works()


def test_max_sessions(gateway, new_session):
    erp(gateway)["max_sessions"] = 2
    gateway.start()
    login = Login(gateway, keys=[gateway.keys["erp"]])
    first, second = new_session(login), new_session(login)
    login.is_refused("the account has as many sessions as it may have")
    assert first.works() and second.works()
    # That which was refused ends, too.
    wait_until(lambda: len(gateway.status()["sessions"]) == 2, "two are left")
    first.end()
    wait_until(lambda: len(gateway.status()["sessions"]) == 1, "a place is free again")
    login.works()


def test_another_idle_timeout_reaches_the_session(gateway, new_session):
    gateway.start()
    wire = new_session(Login(gateway, keys=[gateway.keys["erp"]]))
    assert wire.works()
    erp(gateway)["idle_timeout"] = "1s"
    gateway.write_config()
    gateway.reload()
    wire.wait_closed()
    assert "idle" in gateway.wait_event("session.end")["why"]
    assert not gateway.events("session.revoked")


# Certificates.


class Authority:
    def __init__(self, scratch, name="ca"):
        self.directory = scratch
        self.key = new_key(scratch / name)
        self.n_signed = 0

    def sign(self, key, *options, principals="erp", valid="-1h:+1h", serial=7, host=False):
        """A certificate for the key, in a file of its own."""
        self.n_signed += 1
        public = self.directory / f"{key.name}-{self.key.name}{self.n_signed}.pub"
        public.write_text(public_half(key) + "\n")
        subprocess.run(
            ["ssh-keygen", "-q", "-s", self.key, "-I", "the partner's id", "-V", valid, "-z",
             str(serial), *(["-n", principals] if principals else []), *(["-h"] if host else []),
             *options, public], check=True, timeout=30, stdin=subprocess.DEVNULL)
        return public.with_name(public.stem + "-cert.pub")


@pytest.fixture
def authority(scratch):
    return Authority(scratch)


@pytest.fixture
def user_key(scratch):
    return new_key(scratch / "user")


@pytest.fixture
def by_certificate(gateway, authority):
    """An account that has nothing but the authority."""
    (gateway.home / "ca.pub").write_text(public_half(authority.key) + "\n")
    del erp(gateway)["authorized_keys"]
    erp(gateway)["trusted_user_ca"] = "ca.pub"
    return gateway


def test_a_certificate(by_certificate, authority, user_key):
    gateway = by_certificate.start()
    login = Login(gateway, keys=[user_key], cert=authority.sign(user_key)).works()
    assert login["certificate"] == "the partner's id"
    assert login["serial"] == "7"
    assert login["authority"] == fingerprint(authority.key)
    assert login["key"] == fingerprint(user_key)
    Login(gateway, keys=[user_key]).is_refused("the key is not among the account's keys")


@pytest.mark.parametrize("options, how, why", [
    ([], {"valid": "-2h:-1h"}, "the certificate is not valid at this time"),
    ([], {"valid": "+1h:+2h"}, "the certificate is not valid at this time"),
    ([], {"principals": "shop,root"}, "the certificate names none of the account's principals"),
    ([], {"principals": None}, "the certificate names no principal"),
    (["-O", "source-address=192.0.2.0/24"], {},
     "the certificate's source-address does not allow this address"),
    (["-O", "force-command=/bin/true"], {}, "the certificate forces a command"),
], ids=["past", "future", "principal", "no principal", "source-address", "force-command"])
def test_certificates_that_are_refused(by_certificate, authority, user_key, options, how, why):
    gateway = by_certificate.start()
    cert = authority.sign(user_key, *options, **how)
    refused = Login(gateway, keys=[user_key], cert=cert)
    refused.sftp()
    whys = {e["why"] for e in gateway.events("session.refused") if "certificate" in e}
    assert whys == {why}
    assert not gateway.events("session.login")


def test_another_authority_and_a_host_certificate(by_certificate, authority, user_key, scratch):
    gateway = by_certificate.start()
    other = Authority(scratch, "other_ca")
    Login(gateway, keys=[user_key], cert=other.sign(user_key)).sftp()
    assert gateway.events("session.refused",
                          why="the certificate's authority is not trusted")
    # OpenSSH's client shows no host certificate for a user: it may, and then isn't let in.
    Login(gateway, keys=[user_key], cert=authority.sign(user_key, host=True)).sftp()
    assert not gateway.events("session.login")


def test_principals_and_a_source_address_that_fits(by_certificate, authority, user_key):
    erp(by_certificate)["principals"] = ["invoices@partner", "backup"]
    gateway = by_certificate.start()
    Login(gateway, keys=[user_key], cert=authority.sign(
        user_key, "-O", "source-address=192.0.2.0/24,127.0.0.0/8",
        principals="x,backup")).works()
    Login(gateway, keys=[user_key], cert=authority.sign(user_key)).sftp()
    assert gateway.events("session.refused",
                          why="the certificate names none of the account's principals")


def test_the_servers_authority_and_an_accounts_own_line(gateway, authority, user_key, scratch):
    (gateway.home / "ca.pub").write_text(public_half(authority.key) + "\n")
    gateway.config["trusted_user_ca"] = "ca.pub"
    own = Authority(scratch, "own_ca")
    erp(gateway)["keys"] = [f'cert-authority,principals="x,y" {public_half(own.key)}']
    gateway.start()
    Login(gateway, keys=[user_key], cert=authority.sign(user_key)).works()
    Login(gateway, keys=[user_key], cert=own.sign(user_key, principals="y")).works()
    Login(gateway, keys=[user_key], cert=own.sign(user_key, principals="erp")).sftp()
    assert gateway.events("session.refused",
                          why="the certificate names none of the account's principals")
    Login(gateway, keys=[own.key]).is_refused("the key is not among the account's keys")


def test_revocation(by_certificate, authority, user_key, scratch, new_session):
    revoked = by_certificate.home / "revoked"
    revoked.write_text("# nobody yet\nserial: 100-200\n")
    by_certificate.config["revoked_keys"] = "revoked"
    gateway = by_certificate.start()
    login = Login(gateway, keys=[user_key], cert=authority.sign(user_key))
    other = new_key(scratch / "other")
    other_login = Login(gateway, keys=[other],
                        cert=authority.sign(other, principals="erp", serial=8))
    wire = new_session(login)
    other_wire = new_session(other_login)
    Login(gateway, keys=[user_key], cert=authority.sign(user_key, serial=150)).sftp()
    assert gateway.events("session.refused", why="the certificate is revoked")
    revoked.write_text("serial: 7\n")
    gateway.reload()
    ends(gateway, wire, "the certificate is revoked")
    assert other_wire.works()
    login.sftp()
    other_login.works()
    revoked.write_text(public_half(other) + "\n")
    other_login.sftp()
    assert gateway.events("session.refused", why="the key is revoked")
    revoked.write_text(public_half(authority.key) + "\n")
    other_login.sftp()
    assert gateway.events("session.refused", why="the certificate's authority is revoked")
    # A list that can't be understood might hold anything.
    revoked.write_text("seriell: 7\n")
    other_login.sftp()
    assert gateway.events("session.refused", why="the list of revoked keys can't be used")
    assert gateway.events("revoked-keys.unreadable")
    revoked.unlink()
    other_login.sftp()
    assert gateway.dray_raw("check").returncode != 0


# Passwords.


@pytest.fixture
def by_password(gateway):
    del erp(gateway)["authorized_keys"]
    erp(gateway).update(login="password", password=hash_of(gateway, PASSWORD))
    gateway.add_account("shop", erp(gateway)["mounts"])
    return gateway


def test_a_password(by_password):
    gateway = by_password.start()
    login = Login(gateway, password=PASSWORD).works()
    assert login["by"] == "password" and "key" not in login
    Login(gateway, password=PASSWORD + "x").is_refused("the password is wrong")
    Login(gateway, password="").is_refused("the password is wrong")
    Login(gateway, "nobody", password=PASSWORD).is_refused("no such account")
    Login(gateway, "shop", password=PASSWORD).is_refused(
        "the account does not log in by password")
    Login(gateway, keys=[gateway.keys["erp"]]).is_refused(
        "the account does not log in by key")
    Login(gateway, "shop", keys=[gateway.keys["shop"]]).works()
    assert PASSWORD not in gateway.log_text()
    wait_until(lambda: "dray-checker" not in map(harness.comm, harness.children_of(
        gateway.process.pid)), "a checker answers once, and ends")


def test_without_any_password_none_is_asked_for(gateway):
    gateway.start()
    done = Login(gateway, password="x").sftp()
    assert "Permission denied (publickey)" in done.stderr, done.stderr
    assert not gateway.events("session.refused")


def test_a_changed_password_ends_the_session(by_password, new_session):
    gateway = by_password.start()
    wire = new_session(Login(gateway, password=PASSWORD))
    assert wire.works()
    erp(gateway)["password"] = hash_of(gateway, "another")
    gateway.write_config()
    gateway.reload()
    ends(gateway, wire, "the account's password was changed")
    Login(gateway, password=PASSWORD).is_refused("the password is wrong")
    Login(gateway, password="another").works()


def test_passwords_at_once(by_password):
    """More than are checked at a time: each gets its answer."""
    gateway = by_password.start()
    logins = [Login(gateway, password=PASSWORD if i % 2 else "wrong") for i in range(12)]
    running = [subprocess.Popen(
        ["sftp", *login.options, "-P", str(gateway.port), "erp@127.0.0.1"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        env=login.environment) for login in logins]
    done = [p.communicate("ls /\n", timeout=harness.PATIENCE) for p in running]
    for i, (process, (out, err)) in enumerate(zip(running, done)):
        assert (process.returncode == 0) == bool(i % 2), err
    assert len(gateway.events("session.login", account="erp")) == 6
    assert not gateway.events("checker.no-answer")


def test_a_client_that_leaves_while_its_password_is_checked(by_password):
    gateway = by_password.start()
    for _ in range(5):
        login = Login(gateway, password=PASSWORD)
        process = subprocess.Popen(login.command(), stdin=subprocess.DEVNULL,
                                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                                   env=login.environment)
        time.sleep(0.15)
        process.kill()
        process.wait(10)
    Login(gateway, password=PASSWORD).works()


def test_who_checks_a_password_reaches_nothing(by_password):
    # A hash that costs seconds, so that there is something to look at.
    erp(by_password)["password"] = SLOW_HASH
    gateway = by_password.start()
    login = Login(gateway, password="secret")
    process = subprocess.Popen(login.command(), stdin=subprocess.DEVNULL,
                               stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                               env=login.environment)
    pid = wait_until(lambda: [p for p in harness.children_of(gateway.process.pid)
                              if harness.comm(p) == "dray-checker"], "a checker is at work")[0]
    status = f"/proc/{pid}/status"

    def facts():
        with open(status) as f:
            return {key: value.strip() for key, _, value in (line.partition(":") for line in f)}

    wait_until(lambda: facts()["Seccomp"] == "2", "it is confined")
    told = facts()
    assert told["NoNewPrivs"] == "1"
    assert int(told["CapEff"], 16) == int(told["CapPrm"], 16) == 0
    targets = [os.readlink(f"/proc/{pid}/fd/{n}") for n in os.listdir(f"/proc/{pid}/fd")]
    assert sum(t.startswith("socket:") for t in targets) == 1, targets
    assert not [t for t in targets if str(gateway.home) in t]
    with open(f"/proc/{pid}/cmdline", "rb") as f:
        assert b"secret" not in f.read()
    # Others log in meanwhile: core waits for nobody.
    Login(gateway, "shop", keys=[gateway.keys["shop"]]).works()
    # A checker that dies is a no.
    gateway.expect("role.crashed")
    os.kill(pid, 9)
    process.wait(harness.PATIENCE)
    assert gateway.wait_event("checker.no-answer")["account"] == "erp"
    assert gateway.wait_event("session.refused")["why"] == "the password is wrong"


# Both.


@pytest.fixture
def by_both(gateway):
    erp(gateway).update(login="key+password", password=hash_of(gateway, PASSWORD))
    return gateway


def test_both_are_needed(by_both, scratch):
    gateway = by_both.start()
    key = gateway.keys["erp"]
    login = Login(gateway, keys=[key], password=PASSWORD).works()
    assert (login["by"], login["key"]) == ("key+password", fingerprint(key))
    half = gateway.events("session.half-login")[-1]
    assert (half["by"], half["key"]) == ("key", fingerprint(key))
    n = len(gateway.events("session.login"))
    assert Login(gateway, keys=[key]).sftp().returncode != 0
    assert Login(gateway, password=PASSWORD).sftp().returncode != 0
    Login(gateway, keys=[key], password="wrong").is_refused("the password is wrong")
    assert Login(gateway, keys=[new_key(scratch / "other")],
                 password=PASSWORD).sftp().returncode != 0
    assert len(gateway.events("session.login")) == n


def test_the_password_first(by_both):
    gateway = by_both.start()
    login = Login(gateway, keys=[gateway.keys["erp"]], password=PASSWORD,
                  PreferredAuthentications="password,publickey").works()
    assert login["by"] == "key+password"
    assert gateway.events("session.half-login")[-1]["by"] == "password"


def test_a_half_login_is_for_one_account(by_both):
    """The key of one account and the password of another open neither (RFC 4252 section 5)."""
    import paramiko
    by_both.add_account("shop", erp(by_both)["mounts"], login="key+password",
                        password=hash_of(by_both, "another"))
    gateway = by_both.start()
    transport = paramiko.Transport(("127.0.0.1", gateway.port))
    try:
        transport.start_client(timeout=20)
        key = paramiko.Ed25519Key.from_private_key_file(str(gateway.keys["erp"]))
        assert transport.auth_publickey("erp", key) == ["password"]
        with pytest.raises(paramiko.SSHException):
            transport.auth_password("shop", "another", fallback=False)
        assert not transport.is_authenticated()
    finally:
        transport.close()
    assert not gateway.events("session.login")
    assert (gateway.wait_event("session.end")["why"] ==
            "the user's name was changed between two tries")


@pytest.mark.parametrize("first", ["key", "password"])
def test_half_a_login_is_worth_nothing_after_a_reload(by_both, scratch, first):
    """What was taken out of the configuration between the two steps lets nobody in."""
    import paramiko
    gateway = by_both.start()
    key = paramiko.Ed25519Key.from_private_key_file(str(gateway.keys["erp"]))
    transport = paramiko.Transport(("127.0.0.1", gateway.port))
    try:
        transport.start_client(timeout=20)
        if first == "key":
            assert transport.auth_publickey("erp", key) == ["password"]
            other = public_half(new_key(scratch / "other"))
            (gateway.home / "accounts" / "erp.pub").write_text(other + "\n")
        else:
            assert transport.auth_password("erp", PASSWORD, fallback=False) == ["publickey"]
            erp(gateway)["password"] = hash_of(gateway, "another")
        gateway.write_config()
        gateway.reload()
        if first == "key":
            assert transport.auth_password("erp", PASSWORD, fallback=False) == ["publickey"]
        else:
            assert transport.auth_publickey("erp", key) == ["password"]
        assert not transport.is_authenticated()
    finally:
        transport.close()
    assert not gateway.events("session.login")


def test_a_key_taken_out_in_the_middle_of_a_login(by_both):
    import paramiko
    gateway = by_both.start()
    key = paramiko.Ed25519Key.from_private_key_file(str(gateway.keys["erp"]))
    transport = paramiko.Transport(("127.0.0.1", gateway.port))
    try:
        transport.start_client(timeout=20)
        assert transport.auth_publickey("erp", key) == ["password"]
        (gateway.home / "accounts" / "erp.pub").write_text("")
        with pytest.raises(paramiko.AuthenticationException):
            transport.auth_password("erp", PASSWORD, fallback=False)
    finally:
        transport.close()
    assert (gateway.events("session.refused")[-1]["why"] ==
            "the key is not among the account's keys")


def test_another_way_to_log_in_ends_the_session(gateway, new_session):
    gateway.start()
    wire = new_session(Login(gateway, keys=[gateway.keys["erp"]]))
    erp(gateway).update(login="key+password", password=hash_of(gateway, PASSWORD))
    gateway.write_config()
    gateway.reload()
    ends(gateway, wire, "the account's way to log in was changed")


def test_the_password_command_asks_on_a_terminal(scratch):
    master, slave = pty.openpty()
    process = subprocess.Popen([harness.DRAY, "key", "password"], stdin=slave,
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    os.close(slave)

    def expect(prompt):
        said = b""
        while not said.endswith(prompt):
            byte = os.read(process.stderr.fileno(), 1)
            assert byte, said
            said += byte

    def run(first, second):
        expect(b"Password: ")
        os.write(master, first)
        expect(b"Once more: ")
        os.write(master, second)
        out, err = process.communicate(timeout=30)
        os.set_blocking(master, False)
        try:
            echoed = os.read(master, 1000)
        except OSError:
            echoed = b""
        os.close(master)
        return out.decode(), err.decode(), echoed

    out, err, echoed = run(b"secret\n", b"other\n")
    assert (out, process.returncode) == ("", 1)
    assert err == "\ndray: these are two different passwords\n"
    assert b"secret" not in echoed and b"other" not in echoed
