"""The chores: documented, and installing nothing that is not locked."""

import re
import subprocess

from tests.meta.tree import ROOT

MAKEFILE = (ROOT / "Makefile").read_text()


def test_make_alone_lists_every_chore_with_its_purpose() -> None:
    listed = subprocess.run(
        ["make", "--no-print-directory"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout
    phony = re.search(r"^\.PHONY: (.+)$", MAKEFILE, re.MULTILINE)

    assert phony is not None
    shown = {line.split()[0] for line in listed.splitlines() if len(line.split()) > 2}
    assert shown == set(phony.group(1).split())


def test_packages_come_from_the_locks_only() -> None:
    installs = re.findall(r"\$\(PIP\) install (.+)", MAKEFILE)

    assert len(installs) == 3
    assert all("--no-deps" in line for line in installs)
    assert [line for line in installs if "--require-hashes -r " not in line] == [
        "--no-deps --no-build-isolation --editable ."
    ]


def test_the_whole_suite_is_what_make_test_and_the_gatekeeper_run() -> None:
    gatekeeper = (ROOT / ".ci/run").read_text()

    assert "pytest -n 4 --dist loadfile tests\n" in MAKEFILE
    assert re.search(r"^step test ", gatekeeper, re.MULTILINE)
    assert re.search(r"^step check ", gatekeeper, re.MULTILINE)
    assert gatekeeper.startswith("#!/usr/bin/env bash\n")
    assert "set -euo pipefail" in gatekeeper
