"""Print figures of style: ``python -m tests.meta.style_report [--since REVISION]``.

Without arguments it prints the table of the whole tree. With ``--since`` it prints only what
the working tree has more of than that revision: filler names by line, full folders, class names
that became shared. Either way the exit code is 0: this is a mirror, not a gate.
"""

import argparse
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from tests.meta import style
from tests.meta.tree import ROOT, modules, packages

FOLDER_FILES_WISHED = 22


def main(arguments: Sequence[str]) -> int:
    """Print one of the two reports."""
    parser = argparse.ArgumentParser(prog="python -m tests.meta.style_report")
    parser.add_argument("--since", metavar="REVISION")
    since = parser.parse_args(arguments).since
    lines = table() if since is None else worsened(since)
    print("\n".join(lines))
    return 0


def table() -> list[str]:
    """The figures of the whole tree, a line each."""
    by_package = {name: sources_of(name) for name in packages()}
    product = {path: source for part in by_package.values() for path, source in part.items()}
    median, p90, longest = style.function_sizes(product.values())
    lines = [
        "filler names",
        *(filler_line(name, list(part.values())) for name, part in by_package.items()),
        filler_line("all", list(product.values())),
        filler_line("tests", list(sources_of("tests").values())),
        "",
        "fullest folders",
    ]
    everything = [*product, *sources_of("tests"), *sources_of("benchmarks")]
    lines += [f"  {folder}: {n} files" for folder, n in style.folder_sizes(everything)[:6]]
    shared = style.shared_class_names(product)
    lines += [
        "",
        f"public class names defined more than once: {', '.join(shared) or 'none'}",
        f"imports inside functions: {sum(map(style.local_imports, product.values()))}",
        f"lines per function: median {median:.0f}, p90 {p90:.0f}, max {longest}",
        f"product lines: {sum(len(source.splitlines()) for source in product.values())}",
        *subject_lines(),
    ]
    return lines


def filler_line(name: str, sources: Sequence[str]) -> str:
    """One row of the table of filler names."""
    fillers, names = style.filler_share(sources)
    return f"  {name:<12} {100 * fillers / max(1, names):5.1f} %  {fillers} of {names}"


def subject_lines() -> list[str]:
    """How long the subjects of the last hundred commits are."""
    subjects = git("log", "-100", "--format=%s").splitlines()
    if not subjects:
        return []
    mean = sum(map(len, subjects)) / len(subjects)
    over = len(style.long_subjects(subjects))
    return [f"last {len(subjects)} commit subjects: mean {mean:.0f} characters, {over} over 72"]


def worsened(revision: str) -> list[str]:
    """What the working tree has more of than a revision had."""
    lines = []
    changed = git("diff", "--name-only", "--diff-filter=AMR", revision, "--", "*.py")
    for path in changed.splitlines():
        if Path(path).parts[0] in packages():
            before = git("show", f"{revision}:{path}")
            lines += new_fillers(path, before, (ROOT / path).read_text())
    paths = [str(path) for path in modules(*packages(), "tests", "benchmarks")]
    lines += [
        f"{folder}: {n} files; a stranger finds things among {FOLDER_FILES_WISHED} or fewer"
        for folder, n in style.folder_sizes(paths)
        if n > FOLDER_FILES_WISHED
    ]
    return lines


def new_fillers(path: str, before: str, after: str) -> list[str]:
    """Bindings with filler names of which the module now has more than before."""
    more = style.filler_counts(after) - style.filler_counts(before)
    return [
        f"{path}:{binding.line}: `{binding.name}` does not say what it holds"
        for binding in style.bindings(after)
        if binding.name in more
    ]


def sources_of(top: str) -> dict[str, str]:
    """Path → source of every module below a top folder."""
    return {str(path): (ROOT / path).read_text() for path in modules(top)}


def git(*arguments: str) -> str:
    """What git prints; nothing where it knows no such thing."""
    result = subprocess.run(
        ["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=False
    )
    return result.stdout


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
