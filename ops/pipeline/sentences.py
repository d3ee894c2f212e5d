"""What else needs somebody, beside the findings of ``tieout queue status``."""

from collections.abc import Iterator

from console.pipeline import Disk, FeedLine, Pipeline, Proofs, ReceiverFigures
from vocabulary.clock import iso
from vocabulary.plurals import counted, plural

#: Least share of a disk that has to be free.
FREE_SHARE_MIN = 0.10
_COMMANDS = {
    "verify": "tieout ledger verify",
    "replay": "tieout ledger replay",
    "recheck": "tieout ledger audit recheck",
    "seal": "tieout ledger seal",
    "checkpoint": "tieout ledger checkpoint",
}


def other_findings(pipeline: Pipeline) -> Iterator[str]:
    """Sentences about receivers, feeds, notifications, proofs and the disk."""
    if pipeline.receivers.value is None:
        yield f"receivers: {pipeline.receivers.why}"
    else:
        yield from _of_receivers(pipeline.receivers.value)
    yield from _of_feeds(pipeline.feeds.value or ())
    for rule in pipeline.notifications.value or ():
        if rule.given_up:
            yield (
                f"{counted(rule.given_up, 'message')} of rule {rule.rule}"
                f" {plural(rule.given_up, 'was', 'were')} given up ({rule.last_error}): mend"
                " the channel, then `tieout notify again`"
            )
    if pipeline.proofs.value is not None:
        yield from _of_proofs(pipeline.proofs.value)
    if pipeline.disk.value is not None:
        yield from _of_disk(pipeline.disk.value)


def _of_receivers(receivers: ReceiverFigures) -> Iterator[str]:
    for process in receivers.processes:
        if not process.is_answering:
            yield f"no receiver answers at {process.url}: {process.why}"
        elif process.why:
            yield f"the receiver at {process.url} is not ready to take callbacks"


def _of_feeds(feeds: tuple[FeedLine, ...]) -> Iterator[str]:
    silent = {line.provider for line in feeds if not line.feed}
    for provider in sorted({line.provider for line in feeds if line.is_stale}):
        if provider in silent:
            yield f"{provider} never delivered anything, although its stale_after expects it"
        else:
            yield f"a feed of {provider} is later than its stale_after allows"
    for line in feeds:
        if line.errors:
            yield (
                f"{counted(line.errors, 'error is', 'errors are')} open about the feed"
                f" {line.feed} of {line.provider}"
            )


def _of_proofs(proofs: Proofs) -> Iterator[str]:
    for kind, run in proofs.standing.items():
        command = _COMMANDS[kind]
        if run == proofs.last[kind]:
            yield f"the last `{command}` did not prove the books: {run.detail}"
        else:
            yield (
                f"`{command}` did not prove the books at {iso(run.finished_at)}, and none since"
                f" covers what it read ({run.scope or 'all of them'}): {run.detail}"
            )


def _of_disk(disk: Disk) -> Iterator[str]:
    if disk.free < FREE_SHARE_MIN * disk.size:
        share = 100 * disk.free // max(disk.size, 1)
        yield f"the disk of {disk.path} has {share} % free"
