"""OpenSSH's sftp against dray-sftp-server, over a pipe (sftp -D) and, as Subsystem, under sshd.

DRAY_BUILD names the build directory that holds the program.
"""

import hashlib
import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import time
from pathlib import Path

import pytest

SERVER = Path(os.environ["DRAY_BUILD"]).resolve() / "src" / "stdio" / "dray-sftp-server"

# Lengths around the sizes of blocks, requests and packets.
SIZES = [0, 1, 4095, 4096, 32767, 32768, 32769, 261120, 262144, 1048577, 20_000_003]


def content(size):
    """Bytes that differ at every place, so that a moved block is seen."""
    seed = hashlib.sha256(str(size).encode()).digest()
    return hashlib.shake_256(seed).digest(size)


def sftp(cwd, *lines, flags=(), fails=False):
    """Runs a batch; lines that begin with '-' may fail."""
    done = subprocess.run(
        ["sftp", "-q", "-D", " ".join([str(SERVER), *flags]), "-b", "-"],
        input="\n".join(lines) + "\n",
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert (done.returncode != 0) == fails, done.stdout + done.stderr
    return done.stdout + done.stderr


def server(*flags, data=b"", cwd=None):
    return subprocess.run(
        [SERVER, *flags], input=data, cwd=cwd, capture_output=True, timeout=60, check=False
    )


@pytest.fixture
def remote(tmp_path):
    path = tmp_path / "remote"
    path.mkdir()
    return path


@pytest.mark.parametrize("size", SIZES)
def test_put_and_get(tmp_path, remote, size):
    (tmp_path / "local").write_bytes(content(size))
    sftp(tmp_path, "put local remote/copy", "get remote/copy back")
    assert (remote / "copy").read_bytes() == content(size)
    assert (tmp_path / "back").read_bytes() == content(size)


@pytest.mark.parametrize("block,depth", [(1000, 1), (32768, 64), (261120, 256)])
def test_request_sizes(tmp_path, remote, block, depth):
    (tmp_path / "local").write_bytes(content(3_000_001))
    batch = tmp_path / "batch"
    batch.write_text("put local remote/copy\nget remote/copy back\n")
    subprocess.run(
        ["sftp", "-q", "-D", SERVER, "-B", str(block), "-R", str(depth), "-b", batch],
        cwd=tmp_path, capture_output=True, timeout=120, check=True,
    )
    assert (remote / "copy").read_bytes() == content(3_000_001)
    assert (tmp_path / "back").read_bytes() == content(3_000_001)


def test_overwrite_shrinks(tmp_path, remote):
    (remote / "copy").write_bytes(content(100_000))
    (tmp_path / "local").write_bytes(b"short")
    sftp(tmp_path, "put local remote/copy")
    assert (remote / "copy").read_bytes() == b"short"


def test_resume_both_ways(tmp_path, remote):
    whole = content(500_000)
    (tmp_path / "local").write_bytes(whole)
    (remote / "copy").write_bytes(whole[:123_457])
    sftp(tmp_path, "reput local remote/copy")
    assert (remote / "copy").read_bytes() == whole
    (tmp_path / "back").write_bytes(whole[:200_001])
    sftp(tmp_path, "reget remote/copy back")
    assert (tmp_path / "back").read_bytes() == whole


def test_trees(tmp_path, remote):
    tree = tmp_path / "tree"
    (tree / "a" / "b").mkdir(parents=True)
    for i in range(150):
        (tree / "a" / f"f {i}").write_bytes(content(i))
    (tree / "a" / "b" / "deep").write_bytes(b"deep")
    sftp(tmp_path, "put -R tree remote/", "get -R remote/tree back")
    subprocess.run(["diff", "-r", tree, remote / "tree"], check=True)
    subprocess.run(["diff", "-r", tree, tmp_path / "back"], check=True)


def test_listing(tmp_path, remote):
    names = [f"n{i:05}" for i in range(5000)]
    for name in names:
        (remote / name).touch()
    assert sftp(tmp_path, "ls -1 remote").split()[-5000:] == [f"remote/{n}" for n in names]


def test_listing_shows_kinds(tmp_path, remote):
    (remote / "file").write_bytes(b"12345")
    (remote / "file").chmod(0o640)
    (remote / "dir").mkdir(mode=0o750)
    (remote / "link").symlink_to("file")
    shown = {line.split()[-1]: line for line in sftp(tmp_path, "ls -ln remote").splitlines()[1:]}
    assert shown["remote/file"].startswith("-rw-r-----")
    assert shown["remote/file"].split()[4] == "5"
    assert shown["remote/dir"].startswith("drwxr-x---")
    assert shown["remote/link"].startswith("lrwxrwxrwx")


def test_names(tmp_path, remote):
    (remote / "a").write_bytes(b"a")
    (remote / "b").write_bytes(b"b")
    sftp(
        tmp_path,
        "mkdir remote/d",
        "rename remote/a remote/d/c",
        "symlink d/c remote/link",
        "rm remote/b",
        "-rm remote/nothing",
        "-mkdir remote/d",
        "-rmdir remote/d",
    )
    assert (remote / "d" / "c").read_bytes() == b"a"
    assert os.readlink(remote / "link") == "d/c"
    assert not (remote / "b").exists()
    sftp(tmp_path, "rm remote/link", "rm remote/d/c", "rmdir remote/d")
    assert list(remote.iterdir()) == []


def test_rename_overwrites_only_by_posix_rename(tmp_path, remote):
    (remote / "a").write_bytes(b"a")
    (remote / "b").write_bytes(b"b")
    sftp(tmp_path, "rename -l remote/a remote/b", fails=True)
    assert (remote / "b").read_bytes() == b"b"
    sftp(tmp_path, "rename remote/a remote/b")
    assert (remote / "b").read_bytes() == b"a"


def test_attributes(tmp_path, remote):
    (tmp_path / "local").write_bytes(b"x")
    os.utime(tmp_path / "local", (1_000_000_000, 1_100_000_000))
    (tmp_path / "local").chmod(0o604)
    sftp(tmp_path, "put -p local remote/f", "get -p remote/f back", "chmod 0711 remote/f")
    assert int((remote / "f").stat().st_mtime) == 1_100_000_000
    assert int((tmp_path / "back").stat().st_mtime) == 1_100_000_000
    assert (tmp_path / "back").stat().st_mode & 0o777 == 0o604
    assert (remote / "f").stat().st_mode & 0o777 == 0o711


def test_symbolic_links_are_the_users_own(tmp_path, remote):
    (tmp_path / "elsewhere").write_bytes(b"followed")
    (remote / "link").symlink_to(tmp_path / "elsewhere")
    (remote / "loop").symlink_to("loop")
    sftp(tmp_path, "get remote/link back")
    assert (tmp_path / "back").read_bytes() == b"followed"
    sftp(tmp_path, "get remote/loop back2", fails=True)


def test_absolute_paths_and_start_dir(tmp_path, remote):
    (remote / "f").write_bytes(b"f")
    sftp("/", f"get {remote}/f {tmp_path}/one")
    sftp("/", f"get f {tmp_path}/two", flags=("-d", str(remote)))
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes() == b"f"
    assert str(remote) in sftp("/", "pwd", flags=("-d", str(remote)))


def test_read_only(tmp_path, remote):
    (remote / "f").write_bytes(b"f")
    (tmp_path / "local").write_bytes(b"x")
    for line in ("put local remote/g", "put local remote/f", "rm remote/f", "mkdir remote/d",
                 "rename remote/f remote/g", "chmod 777 remote/f", "symlink f remote/l"):
        sftp(tmp_path, line, flags=("-R",), fails=True)
    sftp(tmp_path, "get remote/f back", flags=("-R",))
    assert [p.name for p in remote.iterdir()] == ["f"]
    assert (remote / "f").read_bytes() == b"f"


def test_links(tmp_path, remote):
    (remote / "f").write_bytes(b"f")
    sftp(tmp_path, "ln remote/f remote/g", "ln -s f remote/l")
    assert (remote / "f").stat().st_ino == (remote / "g").stat().st_ino
    assert os.readlink(remote / "l") == "f"
    sftp(tmp_path, "ln remote/f remote/g", fails=True)


@pytest.mark.parametrize("size", [0, 1, 8 << 20, (8 << 20) + 1, 20_000_003])
def test_copies_on_the_server(tmp_path, remote, size):
    """copy-data, in slices of 8 MiB."""
    (remote / "f").write_bytes(content(size))
    sftp(tmp_path, "cp remote/f remote/g")
    assert (remote / "g").read_bytes() == content(size)


def test_copies_to_another_file_system(tmp_path, remote):
    """Where the kernel can't copy by itself."""
    (remote / "f").write_bytes(content(300_001))
    with tempfile.NamedTemporaryFile(dir="/dev/shm") as other:
        sftp(tmp_path, f"cp remote/f {other.name}")
        assert Path(other.name).read_bytes() == content(300_001)


def test_copies_within_a_file(tmp_path):
    """Under two handles: what overlaps is refused, however far apart the pieces are."""
    (tmp_path / "f").write_bytes(content(20_000_000))
    opened = b"\x03" + bytes(4) + text(b"f") + (3).to_bytes(4, "big") + bytes(4)
    first, second = (text(slot.to_bytes(4, "big") + (slot + 1).to_bytes(4, "big"))
                     for slot in (0, 1))

    def copy(number, length, to):
        return b"\xc8" + number.to_bytes(4, "big") + text(b"copy-data") + first + bytes(8) + \
            length.to_bytes(8, "big") + second + to.to_bytes(8, "big")

    answers = server(cwd=tmp_path, data=packets(
        b"\x01\0\0\0\x03", opened, opened, copy(7, 19_000_000, 18_000_000),
        copy(8, 10_000_000, 20_000_000))).stdout
    assert b"\x65" + (7).to_bytes(4, "big") + (4).to_bytes(4, "big") in answers
    assert b"\x65" + (8).to_bytes(4, "big") + (0).to_bytes(4, "big") in answers
    assert (tmp_path / "f").read_bytes() == content(20_000_000) + content(20_000_000)[:10_000_000]


def test_owners_have_names(tmp_path, remote):
    (remote / "f").touch()
    me = pwd.getpwuid(os.geteuid())
    assert f" {me.pw_name} " in sftp(tmp_path, "ls -l remote")
    assert f" {me.pw_uid} " in sftp(tmp_path, "ls -ln remote")


def packets(*bodies):
    return b"".join(len(body).to_bytes(4, "big") + body for body in bodies)


def text(value):
    return len(value).to_bytes(4, "big") + value


@pytest.mark.parametrize("algorithm", ["sha256", "sha1", "md5"])
def test_hashes(tmp_path, algorithm):
    """check-file-name: as WinSCP asks for it, and in blocks."""
    (tmp_path / "f").write_bytes(content(10_000_001))
    ask = [b"\xc8" + n.to_bytes(4, "big") + text(b"check-file-name") + text(b"f") +
           text(b"crc32," + algorithm.encode()) + bytes(16) + block.to_bytes(4, "big")
           for n, block in ((1, 0), (2, 1 << 20))]
    answers = server(data=packets(b"\x01\0\0\0\x03", *ask), cwd=tmp_path).stdout
    for n, size in ((1, 10_000_001), (2, 1 << 20)):
        hashes = b"".join(hashlib.new(algorithm, content(10_000_001)[at:at + size]).digest()
                          for at in range(0, 10_000_001, size))
        answer = b"\xc9" + n.to_bytes(4, "big") + text(algorithm.encode()) + hashes
        assert packets(answer) in answers


def test_requests_can_be_queried():
    ours = server("-Q", "requests").stdout.split()
    theirs = subprocess.run(["/usr/lib/openssh/sftp-server", "-Q", "requests"],
                            capture_output=True, check=True).stdout.split()
    assert set(theirs) <= set(ours) and len(ours) == len(set(ours))


def test_denied_requests(tmp_path, remote):
    (remote / "f").write_bytes(b"f")
    sftp(tmp_path, "rm remote/f", flags=("-P", "mkdir,remove"), fails=True)
    sftp(tmp_path, "rename remote/f remote/g", flags=("-P", "mkdir,remove"))
    allowed = "realpath,stat,lstat,open,read,close"
    sftp(tmp_path, "get remote/g back", flags=("-p", allowed))
    sftp(tmp_path, "get remote/g back", flags=("-p", allowed, "-P", "read"), fails=True)
    sftp(tmp_path, "rm remote/g", flags=("-p", allowed), fails=True)
    assert (remote / "g").exists()


def test_start_dir_tokens(tmp_path):
    me = pwd.getpwuid(os.getuid())
    (tmp_path / f"{me.pw_name}%").mkdir()
    assert f"{tmp_path}/{me.pw_name}%" in sftp("/", "pwd", flags=("-d", f"{tmp_path}/%u%%"))
    home = str(Path(me.pw_dir).resolve())
    assert home in sftp("/", "pwd", flags=("-d", "%d"))


def test_homes(tmp_path):
    """"~" is the user's home, wherever the server was started."""
    me = pwd.getpwuid(os.getuid())
    home = Path(me.pw_dir).resolve()
    ask = [b"\xc8" + n.to_bytes(4, "big") + text(name) + text(path) for n, (name, path) in
           enumerate([(b"expand-path@openssh.com", b"~"),
                      (b"expand-path@openssh.com", b"~/x"),
                      (b"expand-path@openssh.com", b"~" + me.pw_name.encode() + b"/y"),
                      (b"home-directory", me.pw_name.encode()),
                      (b"home-directory", b"nobody-has-this-name")])]
    answers = server(data=packets(b"\x01\0\0\0\x03", *ask), cwd=tmp_path).stdout
    for n, path in enumerate([str(home), f"{home}/x", f"{home}/y", me.pw_dir]):
        assert b"\x68" + n.to_bytes(4, "big") + bytes([0, 0, 0, 1]) + text(path.encode()) in answers
    assert b"\x65" + (4).to_bytes(4, "big") + (2).to_bytes(4, "big") in answers


def test_operands_are_passed_over(tmp_path, remote):
    """scp -D gives the server the host's name."""
    (tmp_path / "local").write_bytes(b"x")
    subprocess.run(["scp", "-q", "-s", "-D", SERVER, "local", f"somehost:{remote}/f"], cwd=tmp_path,
                   capture_output=True, timeout=60, check=True)
    assert (remote / "f").read_bytes() == b"x"


def test_umask(tmp_path, remote):
    sftp(tmp_path, "mkdir remote/d", flags=("-u", "0077"))
    assert (remote / "d").stat().st_mode & 0o777 == 0o700


def test_df(tmp_path, remote):
    assert "%Capacity" in sftp(tmp_path, "df remote")


def test_help():
    done = server("-h")
    assert done.returncode == 0 and done.stdout.startswith(b"usage: dray-sftp-server")


@pytest.mark.parametrize("flags", [
    ("-P", "opem"), ("-p", "read,wrote"), ("-Q", "answers"), ("-Q",), ("-x",), ("-d",),
    ("-d", "/no/such/dir"), ("-d", "%x"), ("-d", "%"), ("-l", "LOUD"), ("-f", "NOWHERE"), ("-u", "8"), ("-u", "77777"),
    ("-u", "-1"), ("-u", ""),
])
def test_bad_command_lines(flags):
    done = server(*flags)
    assert done.returncode == 1 and done.stdout == b"" and done.stderr != b""


@pytest.mark.parametrize("level", ["QUIET", "fatal", "ERROR", "INFO", "VERBOSE", "DEBUG3"])
def test_log_levels(level):
    done = server("-e", "-l", level)
    told = level in ("INFO", "VERBOSE", "DEBUG3")
    assert done.returncode == 0 and (b"session opened" in done.stderr) == told


@pytest.mark.parametrize("garbage", [
    b"GET / HTTP/1.0\r\n\r\n", b"\xff" * 64, b"\0" * 64, b"\0\0\0\x05\x01\0\0\0\x03" + b"\xff" * 9,
])
def test_garbage_ends_the_session(garbage):
    assert server("-e", data=garbage).returncode == 1


def test_end_in_the_middle_of_a_packet():
    assert server(data=b"\0\0\0\x05\x01\0\0").returncode == 0


def test_client_that_never_reads(tmp_path):
    """The server stops taking requests; its memory is bounded."""
    (tmp_path / "f").write_bytes(content(300_000))
    init = b"\0\0\0\x05\x01\0\0\0\x03"
    opened = b"\x03" + b"\0\0\0\x01" + b"\0\0\0\x01f" + b"\0\0\0\x01" + b"\0\0\0\0"
    child = subprocess.Popen([SERVER], cwd=tmp_path, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    os.set_blocking(child.stdin.fileno(), False)
    listed = b"\x10" + b"\0\0\0\x02" + b"\0\0\0\x01."
    request = len(listed).to_bytes(4, "big") + listed
    os.write(child.stdin.fileno(), init + len(opened).to_bytes(4, "big") + opened)
    sent, quiet_since = 0, time.monotonic()
    while time.monotonic() - quiet_since < 1 and sent < 64 << 20:
        try:
            sent += os.write(child.stdin.fileno(), request * 1000)
            quiet_since = time.monotonic()
        except BlockingIOError:
            time.sleep(0.01)
    resident = [line for line in Path(f"/proc/{child.pid}/status").read_text().splitlines()
                if line.startswith("VmRSS")][0].split()[1]
    child.kill()
    child.wait()
    child.stdin.close()
    child.stdout.close()
    assert sent < 64 << 20
    assert int(resident) < 64 * 1024


@pytest.fixture
def sshd(tmp_path):
    """An sshd of this user's with our program as its Subsystem; yields the port."""
    for key in ("host", "user"):
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", tmp_path / key],
                       check=True)
    shutil.copy(tmp_path / "user.pub", tmp_path / "authorized")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    # Where our password is locked (root's, on many machines), sshd takes our key only with PAM.
    me = pwd.getpwuid(os.geteuid()).pw_name
    shadow = subprocess.run(["getent", "shadow", me], capture_output=True, text=True).stdout
    pam = "yes" if ":!" in shadow else "no"
    (tmp_path / "sshd_config").write_text(
        f"ListenAddress 127.0.0.1:{port}\nHostKey {tmp_path}/host\nPidFile none\nUsePAM {pam}\n"
        f"AuthorizedKeysFile {tmp_path}/authorized\nStrictModes no\nPermitRootLogin yes\n"
        f"Subsystem sftp {SERVER}\n"
    )
    if os.geteuid() == 0:
        Path("/run/sshd").mkdir(exist_ok=True)
    child = subprocess.Popen(["/usr/sbin/sshd", "-D", "-e", "-f", tmp_path / "sshd_config"],
                             stderr=(tmp_path / "sshd.log").open("wb"))
    for _ in range(100):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                break
        time.sleep(0.05)
    yield port
    child.terminate()
    child.wait()


def test_as_subsystem_of_sshd(tmp_path, remote, sshd):
    (tmp_path / "local").write_bytes(content(5_000_001))
    subprocess.run(
        ["sftp", "-q", "-b", "-", "-P", str(sshd), "-i", tmp_path / "user",
         "-o", "StrictHostKeyChecking=no", "-o", f"UserKnownHostsFile={tmp_path}/known",
         "-o", "IdentitiesOnly=yes", "127.0.0.1"],
        input=f"put {tmp_path}/local {remote}/copy\nget {remote}/copy {tmp_path}/back\n".encode(),
        capture_output=True, timeout=60, check=True,
    )
    assert (remote / "copy").read_bytes() == content(5_000_001)
    assert (tmp_path / "back").read_bytes() == content(5_000_001)
