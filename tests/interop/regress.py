"""One of OpenSSH's regress scripts, run in a copy of theirs with some of the programs being ours."""

import os
import subprocess

import harness


def run_script(regress, script, programs, timeout):
    """programs: what the scripts call TEST_SSH_SFTP, TEST_SSH_SFTPSERVER, …"""
    env = {
        **os.environ,
        "TEST_SHELL": "sh",
        "TEST_SSH_SSH": "ssh",
        "TEST_SSH_SSHD": "/usr/sbin/sshd",
        "TEST_SSH_PORT": str(harness.free_port()),
        "TEST_SSH_ECC": "yes",
        "TEST_SSH_UNSAFE_PERMISSIONS": "1",
        **programs,
    }
    return subprocess.run(
        ["sh", regress / "test-exec.sh", regress, regress / script], cwd=regress, env=env,
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        errors="replace", timeout=timeout, check=False,
    )
