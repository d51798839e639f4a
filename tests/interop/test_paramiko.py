"""Paramiko: the library behind most Python scripts."""

import io
import stat

import paramiko
import pytest
from conftest import content, tree_of


@pytest.fixture
def sftp(box):
    client = paramiko.SSHClient()
    client.load_host_keys(str(box.known_hosts))
    client.connect(box.host, box.port, box.user, key_filename=str(box.key), allow_agent=False,
                   look_for_keys=False)
    yield client.open_sftp()
    client.close()


def test_put_and_get(sftp, box, tree, tmp_path):
    for path in sorted(tree.rglob("*")):
        remote = f"/box/{path.relative_to(tree)}"
        sftp.mkdir(remote) if path.is_dir() else sftp.put(str(path), remote)
    assert tree_of(box.folder()) == tree_of(tree)
    sftp.get("/box/sub/large.bin", str(tmp_path / "back"))
    assert (tmp_path / "back").read_bytes() == (tree / "sub/large.bin").read_bytes()


def test_file_objects(sftp, box):
    with sftp.open("/box/log", "wb") as f:
        f.set_pipelined(True)
        for i in range(100):
            f.write(content(str(i), 1000))
    want = b"".join(content(str(i), 1000) for i in range(100))
    assert (box.folder() / "log").read_bytes() == want
    with sftp.open("/box/log", "rb") as f:
        assert f.readv([(0, 10), (99_990, 10), (50_000, 100)]).__next__() == want[:10]
        f.seek(-5, io.SEEK_END)
        assert f.read() == want[-5:]
    with sftp.open("/box/log", "ab") as f:
        f.write(b"more")
    assert (box.folder() / "log").read_bytes() == want + b"more"


def test_server_computes_hashes(sftp, box):
    """check-file, as Paramiko's SFTPFile.check asks for it."""
    import hashlib
    whole = content("hash", 1_000_000)
    (box.folder() / "file").write_bytes(whole)
    with sftp.open("/box/file", "rb") as f:
        assert f.check("sha256") == hashlib.sha256(whole).digest()
        assert f.check("md5", 100, 1000) == hashlib.md5(whole[100:1100]).digest()
        blocks = f.check("sha1", 0, 0, 65536)
    assert blocks == b"".join(hashlib.sha1(whole[i:i + 65536]).digest()
                              for i in range(0, len(whole), 65536))


def test_namespace_and_attributes(sftp, box):
    sftp.mkdir("/box/dir")
    with sftp.open("/box/dir/a", "wx") as f:
        f.write(b"a")
    with pytest.raises(OSError):
        sftp.open("/box/dir/a", "wx")
    sftp.chmod("/box/dir/a", 0o600)
    sftp.utime("/box/dir/a", (1_600_000_000, 1_600_000_000))
    attrs = sftp.stat("/box/dir/a")
    assert stat.S_ISREG(attrs.st_mode) and attrs.st_mode & 0o777 == 0o600
    assert (attrs.st_size, attrs.st_mtime) == (1, 1_600_000_000)
    assert sftp.normalize("/box/./dir/../dir") == "/box/dir"
    assert [e.filename for e in sftp.listdir_iter("/box/dir")] == ["a"]
    sftp.rename("/box/dir/a", "/box/dir/b")
    with sftp.open("/box/dir/c", "wb") as f:
        f.write(b"c")
    with pytest.raises(OSError):
        sftp.rename("/box/dir/b", "/box/dir/c")
    sftp.posix_rename("/box/dir/b", "/box/dir/c")
    sftp.truncate("/box/dir/c", 0)
    sftp.remove("/box/dir/c")
    with pytest.raises(FileNotFoundError):
        sftp.stat("/box/dir/c")
    sftp.rmdir("/box/dir")
