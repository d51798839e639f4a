"""make run, as a new user meets it: the demonstration works, and ends all that it started."""

import os
import pathlib
import re
import signal
import subprocess

import pytest

from harness import BUILD, ROOT, processes_of_session, wait_until


@pytest.fixture
def demo(scratch):
    """Starts scripts/demo; its output goes to a file."""
    made = []

    def make(*arguments):
        out = scratch / "out"
        with open(out, "wb") as f:
            child = subprocess.Popen([ROOT / "scripts/demo", *arguments], stdout=f, stderr=f,
                                     stdin=subprocess.DEVNULL, start_new_session=True,
                                     env={**os.environ, "DRAY_BUILD": str(BUILD),
                                          "TMPDIR": str(scratch)})
        made.append(child)
        return child, out
    yield make
    for child in made:
        for pid in processes_of_session(child.pid):
            os.kill(pid, signal.SIGKILL)
        child.wait()


def assert_nothing_is_left(child, scratch):
    wait_until(lambda: not processes_of_session(child.pid), "no process is left")
    assert not list(scratch.glob("dray-demo.*"))


def test_the_demonstration(demo, scratch):
    child, out = demo("--once")
    code = child.wait(90)
    said = out.read_text()
    assert code == 0, said
    # Each step, as the gateway and the consumer tell it.
    for words in ("transfer.seen", "transfer.fetched", "transfer.published", "transfer.settled",
                  "The SHA-256 of every file is what it was at the source.", "Nothing is stuck."):
        assert words in said, said
    assert re.search(r"delivered: invoices/\d{8}-invoice-1\.csv by erp from 127\.0\.0\.1", said)
    assert_nothing_is_left(child, scratch)


def test_what_it_says_to_paste_works_until_ctrl_c(demo, scratch):
    child, out = demo()
    wait_until(lambda: "Ctrl-C here ends" in out.read_text() or child.poll() is not None,
               "the demonstration stays up", 90)
    commands = dict(re.findall(r"^ +([a-z][^:\n]+): +(\S.*)$",
                               out.read_text().partition("In another terminal:")[2], re.MULTILINE))
    setting = re.search(r"export (DRAY_CONFIG)=(\S+)", out.read_text())
    env = {**os.environ, setting[1]: setting[2]}

    def paste(what, typed=""):
        return subprocess.run(["sh", "-c", commands[what]], env=env, input=typed, timeout=40,
                              capture_output=True, text=True)
    assert paste("drop a file into the source").returncode == 0
    wait_until(lambda: "settled" in paste("one file's way").stdout, "it has gone its way")
    assert "hello.csv" in paste("what moved").stdout
    assert "Nothing is stuck." in paste("how the gateway is").stdout
    listing = paste("log in as the consumer", "ls /inbox\n").stdout
    assert re.search(r"\d{8}-hello\.csv", listing), listing
    # As a terminal does it: to all of the foreground's processes.
    os.killpg(child.pid, signal.SIGINT)
    assert child.wait(30) == 0
    assert "stopping" in out.read_text()
    assert not pathlib.Path(setting[2]).exists()
    assert_nothing_is_left(child, scratch)
