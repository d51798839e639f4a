"""An AsyncSSH server: asyncssh_server.py PORT HOME ROOT."""

import asyncio
import sys

import asyncssh


async def main(port, home, root):
    def sftp(channel):
        return asyncssh.SFTPServer(channel, chroot=root)

    server = await asyncssh.listen(
        "127.0.0.1", int(port), server_host_keys=[f"{home}/host_key"],
        authorized_client_keys=f"{home}/user_key.pub", sftp_factory=sftp)
    await server.wait_closed()


asyncio.run(main(*sys.argv[1:]))
