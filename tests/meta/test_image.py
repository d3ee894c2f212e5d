"""The image holds what exists, is installed by hash, and does not run as root."""

import re

from tests.meta.tree import ROOT, dockerfile


def test_the_image_copies_what_exists_and_every_room() -> None:
    copied = [
        source
        for line in re.findall(r"^COPY (.+)$", dockerfile(), re.MULTILINE)
        for source in line.split()[:-1]
        if source != "${LOCK}"
    ]
    default = re.findall(r"^ARG LOCK=(\S+)$", dockerfile(), re.MULTILINE)
    assert default == ["requirements.lock"]
    copied += [*default, *(f"deploy/{path.name}" for path in ROOT.glob("deploy/*.lock"))]
    allowed = (ROOT / "deploy" / "Dockerfile.dockerignore").read_text().splitlines()

    assert [source for source in copied if not (ROOT / source).exists()] == []
    folders = {path.parent.name for path in ROOT.glob("*/__init__.py")} - {
        "tests",
        "benchmarks",
    }
    assert folders - set(copied) == set()
    assert {f"!{source}" for source in copied} == {line for line in allowed if line[0] == "!"}


def test_the_image_installs_by_hash_and_runs_as_nobody_special() -> None:
    text = dockerfile()
    installs = re.findall(r"^RUN (?:\w+=\S+ )?pip install (.+)$", text, re.MULTILINE)
    user = re.search(r"^USER (\d+):(\d+)$", text, re.MULTILINE)

    assert len(installs) == 2
    assert "--require-hashes" in installs[0]
    assert all("--no-deps" in line for line in installs)
    assert user is not None
    assert f"--uid {user[1]} --gid {user[2]} " in text
    assert f"groupadd --system --gid {user[2]} tieout" in text
    assert text.index("\nUSER ") < text.index("\nENTRYPOINT ")
