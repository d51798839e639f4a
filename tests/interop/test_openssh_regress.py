"""OpenSSH's own regress scripts (Debian's openssh-tests), with dray-sftp-server as the server.

Every script that can be pointed at a server by TEST_SSH_SFTPSERVER is run; the package's list is
read, so a script that a later version adds is run, too. DRAY_BUILD names the build directory.
"""

import os
import re
import shutil
from pathlib import Path

import pytest
from regress import run_script

SERVER = Path(os.environ["DRAY_BUILD"]).resolve() / "src" / "stdio" / "dray-sftp-server"
REGRESS = Path("/usr/lib/openssh/regress")

SCRIPTS = sorted(path.name for pattern in ("sftp*.sh", "scp*.sh") for path in REGRESS.glob(pattern))

# Not run: they have no place for another server than the one inside of sshd.
INTERNAL_SFTP = {
    "sftp-chroot.sh": "ForceCommand internal-sftp in a ChrootDirectory: sshd alone",
    "sftp-uri.sh": "ForceCommand internal-sftp: sftp's command line alone",
}
# Not tests, but what tests use.
HELPERS = {"scp-ssh-wrapper.sh"}


@pytest.fixture(scope="module")
def regress(tmp_path_factory):
    """A copy of the scripts, with the keys and configurations that the first one makes."""
    directory = tmp_path_factory.mktemp("openssh") / "regress"
    shutil.copytree(REGRESS, directory, symlinks=True)
    if os.geteuid() == 0:
        Path("/run/sshd").mkdir(exist_ok=True)
    return directory


def test_there_are_scripts():
    assert {"sftp.sh", "sftp-cmds.sh", "sftp-batch.sh", "sftp-badcmds.sh", "sftp-glob.sh",
            "sftp-perm.sh", "scp.sh", "scp3.sh"} <= set(SCRIPTS)


@pytest.mark.parametrize("script", [s for s in SCRIPTS if s not in {*INTERNAL_SFTP, *HELPERS}])
def test_script(regress, script):
    assert "SFTPSERVER" in (REGRESS / script).read_text()
    done = run_script(regress, script, {"TEST_SSH_SFTPSERVER": str(SERVER)}, 110)
    assert done.returncode == 0, done.stdout
    # A script that finds something missing says so, and succeeds.
    assert "skip" not in done.stdout.lower(), done.stdout
    assert re.search(r"^ok ", done.stdout, re.MULTILINE), done.stdout


@pytest.mark.parametrize("script", sorted(INTERNAL_SFTP))
def test_reason_not_to_run(script):
    text = (REGRESS / script).read_text()
    assert "internal-sftp" in text and "SFTPSERVER" not in text
