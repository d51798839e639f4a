"""Fixtures: each test gets systems of its own, and nothing of them is left behind."""

import os
import pathlib
import tempfile

import pytest

import harness

TAIL = 60  # lines of each log in the report of a failed test


@pytest.fixture
def scratch():
    # Not pytest's tmp_path: the control socket's path must be short.
    directory = pathlib.Path(tempfile.mkdtemp(prefix="e2e-"))
    directory.chmod(0o755)
    yield directory
    if "DRAY_KEEP" not in os.environ:
        harness.remove_tree(directory)


@pytest.fixture
def systems(request):
    """All that was made, to be ended in the reverse order."""
    made = []
    request.node.systems = made
    yield made
    for system in reversed(made):
        if isinstance(system, harness.Gateway):
            system.shut_down()
        elif isinstance(system, harness.Source):
            system.stop()
        elif isinstance(system, harness.Wire):
            system.end()
        else:
            system.close()
    complaints = [c for s in made if isinstance(s, harness.Gateway) for c in s.complaints()]
    assert not complaints, "\n".join(complaints)


@pytest.fixture
def new_source(scratch, systems):
    def make(name="source"):
        systems.append(harness.Source(scratch / name))
        return systems[-1]
    return make


@pytest.fixture
def source(new_source):
    return new_source()


@pytest.fixture
def new_gateway(scratch, systems):
    def make(source=None, name="gw"):
        systems.append(harness.Gateway(scratch / name, source))
        return systems[-1]
    return make


@pytest.fixture
def gateway(new_gateway, source):
    """Not started yet: a test changes its configuration first, or just starts it."""
    return new_gateway(source)


@pytest.fixture
def new_relay(systems):
    def make(port, **how):
        systems.append(harness.Relay(port, **how))
        return systems[-1]
    return make


@pytest.fixture
def new_wire(systems):
    def make(gateway, account="erp", **how):
        systems.append(gateway.wire(account, **how))
        return systems[-1].start()
    return make


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item):
    report = (yield).get_result()
    if not report.failed:
        return
    for system in getattr(item, "systems", []):
        path = getattr(system, "log_path", None)
        if path is not None and path.exists():
            lines = path.read_text(errors="replace").splitlines()[-TAIL:]
            report.sections.append((f"the end of {path}", "\n".join(lines)))
