"""Two commits have two versions: the commit is read from the checkout or the package."""

import subprocess
from pathlib import Path

import pytest

from tests.meta.tree import ROOT
from vocabulary.build import BASE, commit, commit_of, version

SHA = "1624c8eb986be94a44aa4850e94d1f8a84cf7b57"


def test_the_version_names_the_commit_that_is_checked_out() -> None:
    head = ["git", "-C", str(ROOT), "rev-parse", "HEAD"]
    sha = subprocess.run(head, capture_output=True, text=True, check=True).stdout.strip()

    assert commit_of(ROOT) == sha
    assert version() == f"{BASE}+g{sha[:12]}"
    assert commit() == sha[:12]


def test_a_branch_is_resolved_from_its_file_or_the_packed_ones(tmp_path: Path) -> None:
    git = tmp_path / ".git"
    git.mkdir()
    (git / "HEAD").write_text("ref: refs/heads/main\n")
    (git / "packed-refs").write_text(
        f"# pack-refs\n{'0' * 40} refs/tags/x\n{SHA} refs/heads/main\n"
    )
    assert commit_of(tmp_path) == SHA

    (git / "refs" / "heads").mkdir(parents=True)
    (git / "refs" / "heads" / "main").write_text(f"{'f' * 40}\n")
    assert commit_of(tmp_path) == "f" * 40


def test_a_detached_head_names_its_commit_itself(tmp_path: Path) -> None:
    (tmp_path / ".git").mkdir()
    (tmp_path / ".git" / "HEAD").write_text(f"{SHA}\n")

    assert commit_of(tmp_path) == SHA


def test_a_further_work_tree_shares_the_branches_of_the_first(tmp_path: Path) -> None:
    first, tree = tmp_path / "first" / ".git", tmp_path / "tree"
    own = first / "worktrees" / "tree"
    own.mkdir(parents=True)
    tree.mkdir()
    (tree / ".git").write_text(f"gitdir: {own}\n")
    (own / "HEAD").write_text("ref: refs/heads/topic\n")
    (own / "commondir").write_text("../..\n")
    (first / "packed-refs").write_text(f"{SHA} refs/heads/topic\n")

    assert commit_of(tree) == SHA


@pytest.mark.parametrize("head", [None, "ref: refs/heads/unborn\n"])
def test_no_commit_is_none(tmp_path: Path, head: str | None) -> None:
    if head is not None:
        (tmp_path / ".git").mkdir()
        (tmp_path / ".git" / "HEAD").write_text(head)

    assert commit_of(tmp_path) == ""
