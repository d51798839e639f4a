"""curl, by way of libssh2."""

import pytest
from conftest import content, tree_of


@pytest.fixture
def curl(box):
    def run(*words):
        return box.run("curl", "-sS", "--fail", "--user", f"{box.user}:", "--key", box.key,
                       "--pubkey", f"{box.key}.pub", "--hostpubsha256",
                       box.host_fingerprint.removeprefix("SHA256:"), *words)
    return run


@pytest.fixture
def url(box):
    return f"sftp://{box.host}:{box.port}"


def test_both_ways(curl, url, box, tmp_path):
    whole = content("curl", 5_000_003)
    (tmp_path / "file").write_bytes(whole)
    curl("-T", tmp_path / "file", f"{url}/box/dir/file", "--ftp-create-dirs")
    curl("-o", tmp_path / "back", f"{url}/box/dir/file")
    assert (box.folder() / "dir" / "file").read_bytes() == whole
    assert (tmp_path / "back").read_bytes() == whole


def test_resumed_both_ways(curl, url, box, tmp_path):
    whole = content("curl -C", 2_000_000)
    (tmp_path / "file").write_bytes(whole)
    (tmp_path / "back").write_bytes(whole[:600_000])
    (box.folder() / "file").write_bytes(whole[:900_000])
    curl("-C", "-", "-T", tmp_path / "file", f"{url}/box/file")
    curl("-C", "-", "-o", tmp_path / "back", f"{url}/box/file")
    assert (box.folder() / "file").read_bytes() == whole
    assert (tmp_path / "back").read_bytes() == whole


def test_listing_and_commands(curl, url, box):
    (box.folder() / "name.csv").write_bytes(b"1")
    assert "name.csv" in curl("--list-only", f"{url}/box/")
    curl("-Q", "rename /box/name.csv /box/other.csv", "-Q", "mkdir /box/d", "-Q", "rmdir /box/d",
         f"{url}/box/")
    assert tree_of(box.folder()).keys() == {"other.csv"}
    curl("-Q", "rm /box/other.csv", f"{url}/box/")
    assert tree_of(box.folder()) == {}
