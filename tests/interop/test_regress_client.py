"""dray sftp in the place of OpenSSH's sftp.

OpenSSH's own regress scripts for that program (Debian's openssh-tests) run ours, against OpenSSH's
server and against dray-sftp-server; and both programs do the same batches and must leave the same
files, exit in the same way and say the same. DRAY_BUILD names the build directory.
"""

import os
import pty
import re
import select
import shutil
import signal
import subprocess
import time
from pathlib import Path

import pytest
from regress import run_script

BUILD = Path(os.environ["DRAY_BUILD"]).resolve()
DRAY = BUILD / "src" / "cli" / "dray"
SERVERS = {
    "openssh": "/usr/lib/openssh/sftp-server",
    "dray": str(BUILD / "src" / "stdio" / "dray-sftp-server"),
}
REGRESS = Path("/usr/lib/openssh/regress")
SCRIPTS = sorted(path.name for path in REGRESS.glob("sftp*.sh"))

# Their server is inside of sshd (ForceCommand internal-sftp): one run is enough.
INTERNAL_SFTP = {"sftp-chroot.sh", "sftp-uri.sh"}

# What doesn't pass, line by line; README.md has the reasons.
EXCEPTIONS = {
    "sftp-perm.sh": {
        "blacklisted lstat succeeded",
        "postcondition check failed: lstat blacklisted",
        "no whitelist lstat succeeded",
        "postcondition check failed: lstat not in whitelist",
        "failed sftp permissions",
    },
}


@pytest.fixture(scope="module")
def regress(tmp_path_factory):
    """A copy of the scripts, and our program as one word."""
    directory = tmp_path_factory.mktemp("openssh") / "regress"
    shutil.copytree(REGRESS, directory, symlinks=True)
    program = directory / "dray-sftp"
    program.write_text(f'#!/bin/sh\nexec {DRAY} sftp "$@"\n')
    program.chmod(0o755)
    if os.geteuid() == 0:
        Path("/run/sshd").mkdir(exist_ok=True)
    return directory


def test_there_are_scripts():
    assert {"sftp.sh", "sftp-cmds.sh", "sftp-batch.sh", "sftp-badcmds.sh", "sftp-glob.sh",
            "sftp-perm.sh", "sftp-uri.sh", "sftp-chroot.sh"} <= set(SCRIPTS)


@pytest.mark.parametrize("server", sorted(SERVERS))
@pytest.mark.parametrize("script", SCRIPTS)
def test_script(regress, script, server):
    if script in INTERNAL_SFTP and server != "openssh":
        assert "internal-sftp" in (REGRESS / script).read_text()
        return
    done = run_script(regress, script, {"TEST_SSH_SFTP": str(regress / "dray-sftp"),
                                         "TEST_SSH_SFTPSERVER": SERVERS[server]}, 170)
    assert "skip" not in done.stdout.lower(), done.stdout
    lines = set(done.stdout.splitlines())
    if script in EXCEPTIONS:
        said = {line for line in lines if re.search(r"succeeded$|^failed|fail", line)}
        assert said == EXCEPTIONS[script], done.stdout
        return
    assert done.returncode == 0, done.stdout
    assert any(line.startswith("ok ") for line in lines), done.stdout


# The same batches for both programs.

def make_place(directory):
    """What both begin with."""
    (directory / "a" / "b").mkdir(parents=True)
    (directory / "loc").mkdir()
    for name, text in {"f1": "hi\n", "f 2": "hello\n", "f#1": "x", 'q"q': "y", "s'q": "z", "g*x": "w",
                       "b\\s": "v", "a/in": "t", "a/b/deep": "u" * 70_000}.items():
        (directory / name).write_text(text)
        os.utime(directory / name, (1_600_000_000, 1_600_000_000))
    (directory / "lnk").symlink_to("f1")
    (directory / "a" / "l").symlink_to("../f1")
    return directory


def tree(directory):
    found = {}
    for path in sorted(directory.rglob("*")):
        name = str(path.relative_to(directory))
        found[name] = (os.readlink(path) if path.is_symlink() else path.is_dir() or path.read_bytes())
    return found


BOTH = {"ours": [str(DRAY), "sftp"], "theirs": ["sftp"]}


def run_both(tmp_path, lines, *options):
    """Each in a place of its own; paths in what they say are made equal."""
    results = {}
    for who, program in BOTH.items():
        place = tmp_path / who
        place.mkdir()
        make_place(place)
        done = subprocess.run(
            [*program, *options, "-D", SERVERS["openssh"]], cwd=place, text=True, timeout=60,
            input="\n".join(lines) + "\n", capture_output=True, check=False, errors="replace")
        results[who] = (done.returncode, tree(place), done.stdout.replace(str(place), "PLACE"),
                        done.stderr.replace(str(place), "PLACE"))
    return results["ours"], results["theirs"]


def loosely(text):
    """Columns and blanks don't count."""
    return text.split()


SAME_OUTPUT = [
    ["ls -1"], ["ls -1a"], ["ls -1r"], ["ls a"], ["ls -1 a"], ["ls a/"], ["ls */in"], ["ls -1 f*"],
    ['ls "f 2"'], ["ls 'q\"q'"], ["ls g\\*x"], ['ls "g*x"'], ["ls b\\\\s"], ["ls ''"], ["ls lnk"],
    ["ls f1 -l"], ["dir -1"], ["LS -1 F*", "pwd"], ["pwd x"], ["cd a", "pwd", "cd", "pwd"],
    ["cd a/b", "cd ..", "ls"], ["lcd loc", "!pwd"], ["lumask 22"], ["version"],
    ["progress", "progress"], ["!echo hi", "!false", "pwd"], ["lls -1 a"], ['lls "f 2"'], ["# c", "", "  "],
    ["@pwd", "-pwd", "-@pwd"], ["-nonsense", "pwd"], ["bye", "pwd"], ["mget f* loc", "lls loc"],
]


@pytest.mark.parametrize("lines", SAME_OUTPUT, ids=" ; ".join)
def test_same_output(tmp_path, lines):
    ours, theirs = run_both(tmp_path, lines, "-b", "-")
    assert ours[:2] == theirs[:2]
    assert loosely(ours[2]) == loosely(theirs[2])


# What they do, and whether a batch ends there; each is followed by one that leaves a trace.
SAME_END = [
    "get f1 loc", "get f1 loc/new", "get f* loc/", "get nope loc", "get nope* loc", "get a loc",
    "get -r a loc", "get -R a loc/a2", "get f1 nodir/x", "get f* f1", "get -p 'f 2' loc", "get lnk loc",
    "get -r a/b/ loc", "get . loc", "get -r a/. loc", "get -z f1", "get", "reget f1 loc/f1", "get -a f1 loc",
    "put f1 a", "put f1 a/new", "put f* a", "put nope", "put nope*", "put a x", "put -r a x",
    "put -r a loc", "put f1 nodir/x", "put f* f1", "put -p f1 a/p", "put lnk a/lnk2",
    "put 'g*x' a", "put 'f 2' 'a/c d'", "put f\\ 2 a/x", "put /dev/null a", "rm f1", "rm f*", "rm nope",
    "rm nope*", "rm a", "rm f1 'f 2'", "mkdir m", "mkdir a", "mkdir no/m", "rmdir a", "rmdir nope",
    "rename f1 f9", "rename nope x", "rename f1 'f 2'", "rename -l f1 'f 2'", "rename f1", "ln f1 hl",
    "ln -s f1 sl", "symlink nowhere sl", "ln nope hl", "ln f1", "chmod 600 f*", "chmod 600 nope",
    "chmod 999 f1", "chmod f1", "copy f1 c", "cp f1 'f 2'", "cp nope c", "cp a c", "cp f1", "cd nope",
    "cd f1", "lcd nope", "lmkdir loc", "lmkdir l2", "lumask x", "df", "df -h", "df nope", "ls nope", "ls nope*",
    "ls -z", "nonsense", "!false", "lls nope", "get 'f1", "help", "?", "exit",
]


# A failure that sftp says nothing of.
SILENT = {"df nope"}


@pytest.mark.parametrize("line", SAME_END)
def test_same_end(tmp_path, line):
    ours, theirs = run_both(tmp_path, [line, "mkdir went-on"], "-b", "-")
    assert ours[0] == theirs[0], ours[3]
    assert ours[1] == theirs[1]
    if line not in SILENT:
        assert (ours[3] == "") == (theirs[3] == ""), (ours[3], theirs[3])


@pytest.mark.parametrize("line", ["reput f1 a/new", "reput f1 'f 2'"])
def test_reput_goes_further(tmp_path, line):
    """Where there is nothing to be continued, or it is as long already: sftp gives up."""
    ours, theirs = run_both(tmp_path, ["rm 'f 2'", "copy f1 'f 2'", line], "-b", "-")
    assert (ours[0], theirs[0]) == (0, 1)
    assert {**ours[1], "a/new": None} == {**theirs[1], "a/new": None}


SAME_WORDS = [
    "nonsense", "ls -z", "get", "put", "mkdir", "rename f1", "ln f1", "cp f1", "chmod 999 f1", "chmod 600",
    "lumask x", "chgrp x f1", "get 'f1", "get nope", "get nope*", "put nope", "ls nope", "cd f1", "lcd nope",
    "rm nope", "rmdir nope", "mkdir no/m", "rename nope x", "chmod 600 nope", "cp a c", "put f* f1",
    "lmkdir loc", "!false",
]


@pytest.mark.parametrize("line", SAME_WORDS)
def test_same_words(tmp_path, line):
    ours, theirs = run_both(tmp_path, [line], "-b", "-")
    assert ours[3] == theirs[3]


@pytest.mark.parametrize("line", ["get f1 loc", "get f* loc", "put f1 a", "put f* a", "rm f1", "chmod 600 f*",
                                  "chown 0 f1", "chgrp 0 f1", "get -r a loc", "put -r a x"])
def test_same_notices(tmp_path, line):
    """Not quiet: what is told of each file, in which order."""
    ours, theirs = run_both(tmp_path, [line], "-N", "-b", "-")
    wanted = re.compile(r"^(Fetching|Uploading|Removing|Changing|Retrieving|Entering) ")
    said = [[re.sub(r"/(?=$| to )", "", text) for text in run[2].splitlines() if wanted.match(text)]
            for run in (ours, theirs)]
    assert said[0] == said[1]


def test_pipe_goes_on(tmp_path):
    ours, theirs = run_both(tmp_path, ["ls nope", "nonsense", "get nope", "mkdir m"])
    assert ours[:2] == theirs[:2] and ours[0] == 0 and "m" in ours[1]


@pytest.mark.parametrize("arguments, status", [
    ([], 1), (["-Z"], 1), (["-b", "/nonexistent", "x"], 255), (["-B", "x", "h"], 255),
    (["-D", "/nonexistent"], 255), (["-D", "false"], 255), (["-X", "x=1", "h"], 255), (["h", "x", "y"], 1),
    (["-b", "/dev/null", "-D", SERVERS["openssh"]], 0),
    (["-oConnectTimeout=5", "-P", "1", "-b", "/dev/null", "127.0.0.1"], 255),
])
def test_status(arguments, status):
    for program in BOTH.values():
        done = subprocess.run([*program, *arguments], stdin=subprocess.DEVNULL, capture_output=True,
                              timeout=60, check=False)
        assert done.returncode == status, (program, done.stderr)


class Terminal:
    """A session at a terminal."""

    def __init__(self, directory):
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.chdir(directory)
            # libedit never frees the name and the help of a function that is added to it.
            os.environ.update(ASAN_OPTIONS="detect_leaks=0", TERM="xterm", LC_ALL="C.UTF-8", HOME=str(directory), SHELL="/bin/sh")
            os.execv(DRAY, [str(DRAY), "sftp", "-D", SERVERS["dray"]])
        self.said = ""
        self.wait("sftp> ")

    def wait(self, text):
        """Reads until text was said, and forgets what was before it."""
        while text not in self.said:
            assert select.select([self.fd], [], [], 60)[0], self.said
            self.said += os.read(self.fd, 65536).decode(errors="replace")
        before, self.said = self.said.split(text, 1)
        return before

    def type(self, keys):
        os.write(self.fd, keys.encode())

    def end(self):
        _, status = os.waitpid(self.pid, 0)
        os.close(self.fd)
        return os.waitstatus_to_exitcode(status)


@pytest.fixture
def terminal(tmp_path):
    session = Terminal(make_place(tmp_path))
    yield session
    try:
        os.kill(session.pid, signal.SIGKILL)
        session.end()
    except (ProcessLookupError, ChildProcessError):
        pass


def test_terminal_completes(terminal):
    terminal.type("lpw\t\n")
    terminal.wait("Local working directory: ")
    terminal.type("ls s\t\n")
    terminal.wait("\ns'q ")
    terminal.type("ls 'f \t\n")
    terminal.wait("\nf 2 ")
    terminal.type("lcd lo\t\nlpwd\n")
    terminal.wait("/loc\r")


def test_terminal_interrupts(terminal):
    """Ctrl-C takes back a line, or ends a shell's command, and never the session."""
    terminal.type("nonsense")
    terminal.wait("nonsense")
    terminal.type("\x03")
    terminal.wait("sftp> ")
    terminal.type("!echo be''gun; exec sleep 100\n")
    terminal.wait("begun")
    terminal.type("\x03")
    terminal.wait("Shell exited")
    terminal.wait("sftp> ")
    terminal.type("pwd\n")
    terminal.wait("Remote working directory: ")
    terminal.wait("sftp> ")
    # One that comes while the editor is still taking the terminal over is lost.
    while os.waitid(os.P_PID, terminal.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None:
        terminal.type("\x04")
        time.sleep(0.1)
    assert terminal.end() == 0


def test_terminal_ends_with_its_server(terminal):
    """Noticed while nobody types."""
    children = Path(f"/proc/{terminal.pid}/task/{terminal.pid}/children").read_text().split()
    assert len(children) == 1
    os.kill(int(children[0]), signal.SIGKILL)
    terminal.wait("Connection closed")
    assert terminal.end() == 255


def test_hostile_names_are_shown_safe(tmp_path):
    place = make_place(tmp_path)
    (place / "esc\x1b[31m").write_text("x")
    done = subprocess.run([DRAY, "sftp", "-N", "-b", "-", "-D", SERVERS["dray"]], cwd=place,
                          input=b"ls\nls -l\nls -1 esc*\nget esc* loc\nrm esc*\n", capture_output=True,
                          timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    assert b"\x1b" not in done.stdout + done.stderr
    assert (place / "loc" / "esc\x1b[31m").read_text() == "x"
