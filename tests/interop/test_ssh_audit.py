"""ssh-audit's opinion of the algorithms: it finds nothing that the manual doesn't explain."""

import pathlib
import re
import subprocess

# It fails the NIST curves for how they were chosen. The Java clients of many partners (JSch before
# its new maintainers) know no other key exchange that is acceptable: drayd(8) says so.
DISLIKED = {"ecdh-sha2-nistp256", "ecdh-sha2-nistp384", "ecdh-sha2-nistp521"}
MANUAL = pathlib.Path(__file__).resolve().parents[2] / "man" / "drayd.8"
# "(mac) hmac-sha2-256    -- [warn] using encrypt-and-MAC mode"; more lines may follow for one name.
LINE = re.compile(r"^\((?P<kind>kex|key|enc|mac)\) (?P<name>\S+)(?: \(.*?\))?\s+-- (?P<notes>.*)$")
MORE = re.compile(r"^\s+`- (?P<notes>.*)$")


def audit(box):
    # Its exit status is about the findings.
    return subprocess.run(["ssh-audit", "-b", "-n", "-p", str(box.port), box.host],
                          capture_output=True, text=True, timeout=100).stdout


def findings(report):
    """(algorithm, note) of all that it says."""
    name = None
    for line in report.splitlines():
        found = LINE.match(line) or MORE.match(line)
        if found is None:
            name = None
            continue
        name = found.groupdict().get("name") or name
        if name is not None:
            yield name, found["notes"]


def test_whatever_it_finds_is_explained(box):
    found = list(findings(audit(box)))
    names = {name for name, _ in found}
    assert {"curve25519-sha256", "aes256-gcm@openssh.com", "ssh-ed25519"} <= names, found
    failures = [f for f in found if "[fail]" in f[1] and f[0] not in DISLIKED]
    assert not failures, failures
    page = MANUAL.read_text().replace("\\-", "-")
    explained = page[page.index(".Sh ALGORITHMS"):]
    explained = explained[:explained.index(".Sh ", 4)]
    unexplained = [f for f in found
                   if ("[warn]" in f[1] or "[fail]" in f[1]) and f[0] not in explained]
    assert not unexplained, unexplained
