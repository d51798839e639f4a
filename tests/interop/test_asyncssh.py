"""AsyncSSH: many requests under way, several handles at once, and most extensions."""

import asyncio

import asyncssh
import pytest
from conftest import content, tree_of


@pytest.fixture
def session(box):
    """Runs a coroutine function with an SFTP client."""
    def run(work):
        async def main():
            async with asyncssh.connect(
                    box.host, box.port, username=box.user, client_keys=[str(box.key)],
                    known_hosts=str(box.known_hosts), agent_path=None, config=None) as connection:
                async with connection.start_sftp_client() as sftp:
                    return await work(sftp)
        return asyncio.run(asyncio.wait_for(main(), 90))
    return run


def test_tree_both_ways(session, box, tree, tmp_path):
    async def work(sftp):
        await sftp.put(str(tree), "/box/tree", recurse=True, preserve=True)
        await sftp.get("/box/tree", str(tmp_path / "back"), recurse=True)
    session(work)
    assert tree_of(box.folder() / "tree") == tree_of(tree)
    assert tree_of(tmp_path / "back") == tree_of(tree)


def test_many_files_at_once(session, box):
    async def one(sftp, i):
        async with sftp.open(f"/box/f{i}", "wb") as f:
            await f.write(content(str(i), 10_000))
        async with sftp.open(f"/box/f{i}", "rb") as f:
            return await f.read() == content(str(i), 10_000)

    async def work(sftp):
        return await asyncio.gather(*(one(sftp, i) for i in range(100)))
    assert all(session(work))
    assert len(tree_of(box.folder())) == 100


def test_extensions(session, box):
    async def work(sftp):
        async with sftp.open("/box/a", "wb") as f:
            await f.write(b"0123456789")
            await f.fsync()
        vfs = await sftp.statvfs("/box")
        assert vfs.bsize > 0 and vfs.namemax > 0
        await sftp.link("/box/a", "/box/b")
        await sftp.posix_rename("/box/b", "/box/c")
        async with sftp.open("/box/c", "rb") as f:
            assert (await f.stat()).size == 10
            assert (await f.statvfs()).bsize > 0
        assert sorted(await sftp.glob("/box/*")) == ["/box/a", "/box/c"]
    session(work)
    assert tree_of(box.folder()).keys() == {"a", "c"}
