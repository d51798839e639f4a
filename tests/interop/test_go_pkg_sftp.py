"""The integration tests of Go's pkg/sftp (Debian's golang-github-pkg-sftp-dev) against
dray-sftp-server: its client, which rclone and many others are made of.

The suite is built and run once; each of its tests is a case here. DRAY_BUILD names the build
directory.
"""

import os
import re
import subprocess
from pathlib import Path

import pytest

SERVER = Path(os.environ["DRAY_BUILD"]).resolve() / "src" / "stdio" / "dray-sftp-server"
OPENSSH_SERVER = Path("/usr/lib/openssh/sftp-server")
GOPATH = Path("/usr/share/gocode")
SOURCE = GOPATH / "src/github.com/pkg/sftp"

# The files whose tests talk to the program that -sftp names.
FILES = ["client_integration_test.go", "client_integration_linux_test.go",
         "server_integration_test.go"]
TESTS = [name for file in FILES
         for name in re.findall(r"^func (Test(?!Main\()\w+)\(", (SOURCE / file).read_text(), re.MULTILINE)]

# They ask for more than any other server can have, and skip themselves. What they say is checked.
WITHOUT_US = {name: (why, "skipping without -testserver") for name, why in {
    "TestClientReadFromDeadlock": "needs a Go server in its own process, to break its line",
    "TestClientWriteDeadlock": "needs a Go server in its own process, to break its line",
    "TestClientReadDeadlock": "needs a Go server in its own process, to break its line",
    "TestClientWriteToDeadlock": "needs a Go server in its own process, to break its line",
    "TestClientSyncGo": "is about Go's own server; TestClientSyncSFTP is the one for others",
}.items()}

# Fails by design: see test_compare_subsystems.
COMPARE = "TestServerCompareSubsystems"


@pytest.fixture(scope="module")
def program(tmp_path_factory):
    directory = tmp_path_factory.mktemp("go")
    env = {**os.environ, "GO111MODULE": "off", "GOPATH": str(GOPATH), "GOFLAGS": "",
           "GOCACHE": str(directory / "cache")}
    subprocess.run(["go", "test", "-c", "-o", directory / "sftp.test", "."], cwd=SOURCE, env=env,
                   stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=110, check=True)
    return directory / "sftp.test"


def run_tests(program, server, names, tmp_path):
    """Name -> (outcome, what was said before it)."""
    # TestClientReadDir wants to find something in it.
    (tmp_path / "something").touch()
    done = subprocess.run(
        [program, "-test.v", "-test.timeout=100s", f"-test.run=^({'|'.join(names)})$",
         "-integration", f"-sftp={server}"],
        cwd=SOURCE, env={**os.environ, "TMPDIR": str(tmp_path)}, stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace", timeout=110,
        check=False,
    )
    results, said = {}, []
    for line in done.stdout.splitlines():
        match = re.match(r"--- (PASS|FAIL|SKIP): (\w+) ", line)
        if match:
            results[match[2]] = (match[1], "\n".join(said))
            said = []
        else:
            said.append(line)
    results[None] = ("", "\n".join(said))  # behind the last one: a crash
    return results


@pytest.fixture(scope="module")
def results(program, tmp_path_factory):
    return run_tests(program, SERVER, TESTS, tmp_path_factory.mktemp("tmp"))


def test_there_are_tests():
    assert len(TESTS) > 60 and {*WITHOUT_US, COMPARE} <= set(TESTS)


@pytest.mark.parametrize("name", [n for n in TESTS if n not in {*WITHOUT_US, COMPARE}])
def test_suite(results, name):
    assert name in results, results[None][1]
    outcome, said = results[name]
    assert outcome == "PASS", said


@pytest.mark.parametrize("name", sorted(WITHOUT_US))
def test_skips_itself(results, name):
    outcome, said = results[name]
    assert outcome == "SKIP" and WITHOUT_US[name][1] in said


def listed(line):
    """What `ls -l` says of a file, but for what the two servers may tell in their own way: the
    number of links, owners, times, and the directory before the name."""
    words = line.split()
    return words[:1] + words[4:5] + [word.rpartition("/")[2] for word in words[8:]]


def differences(said):
    return re.findall(r'outputs differ\s+go: "(.*)"\s+openssh: "(.*)"', said)


def test_compare_subsystems(program, results, tmp_path):
    """It compares what OpenSSH's sftp prints of two servers, word by word. A server that names
    owners (users-groups-by-id@openssh.com), as ours does and as OpenSSH's does since 9.0, makes
    sftp print lines of its own instead of the server's, with "?" for the number of links and with
    the path before the name; Go's server doesn't. So OpenSSH's server fails it, too."""
    outcome, said = results[COMPARE]
    assert outcome == "FAIL"
    assert differences(said) and said.count("outputs differ") == len(differences(said))
    for go_line, our_line in differences(said):
        if "dev/" not in our_line:  # whose entries come and go
            assert listed(go_line) == listed(our_line)
    assert run_tests(program, OPENSSH_SERVER, [COMPARE], tmp_path)[COMPARE][0] == "FAIL"
