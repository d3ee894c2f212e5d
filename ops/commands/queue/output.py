"""``tieout queue`` for people."""

import json
from collections.abc import Sequence

from rich.console import Console
from rich.table import Table

from ops.commands.queue.report import QueueSnapshot
from storage.queue.commands import ParkedItem


def print_status(seen: QueueSnapshot, found: Sequence[str]) -> None:
    """The queues and the processes as tables, then every finding as a sentence."""
    console = Console()
    console.print(_queues(seen))
    if seen.state is not None:
        console.print(_work(seen))
        console.print(_workers(seen))
    for sentence in found:
        console.print(f"! {sentence}", style="bold", markup=False, highlight=False)
    if not found:
        console.print("all is well")


def print_parked(items: Sequence[ParkedItem]) -> None:
    """Every piece with its context, oldest first."""
    console = Console()
    for item in items:
        head = f"{item.subject}  {item.job}  {item.cause}  {item.fingerprint}"
        console.print(head, style="bold", markup=False, highlight=False)
        since = f"  since {item.parked_at.isoformat(timespec='seconds')}, {item.times} times"
        console.print(since, markup=False, highlight=False)
        console.print(f"  {item.detail}", markup=False, highlight=False)
        console.print(f"  {json.dumps(item.context)}", markup=False, highlight=False)
    if not items:
        console.print("nothing is parked")


def _queues(seen: QueueSnapshot) -> Table:
    table = Table(
        "queue", "waiting", "in flight", "delayed", "dead letters", "canary", "paused"
    )
    state = seen.state
    canaries = {c.queue: c for c in state.canaries} if state else {}
    paused = {p.queue: p.paused_by for p in state.paused} if state else {}
    for queue in seen.queues:
        depth = (seen.depths or {}).get(queue)
        canary = canaries.get(queue)
        passed = canary.passed_s if canary else None
        table.add_row(
            queue,
            *(_shown(getattr(depth, name, None)) for name in _COUNTS),
            "-" if passed is None else f"{passed:.0f} s ago",
            f"by {paused[queue]}" if queue in paused else "",
        )
    return table


_COUNTS = ("waiting", "in_flight", "delayed", "dead_letters")


def _work(seen: QueueSnapshot) -> Table:
    assert seen.state is not None
    table = Table("work", "rows", "items", "oldest")
    for name, waiting in (
        ("unposted batches", seen.state.unposted),
        ("history to take in", seen.state.uningested),
    ):
        age = f"{waiting.oldest_s:.0f} s"
        table.add_row(name, str(waiting.rows), str(waiting.items), age)
    return table


def _workers(seen: QueueSnapshot) -> Table:
    assert seen.state is not None
    table = Table("process", "host", "pid", "version", "progress")
    for worker in seen.state.workers:
        ago = f"{worker.seen_s:.0f} s ago"
        table.add_row(worker.role, worker.host, str(worker.pid), worker.version, ago)
    return table


def _shown(count: int | None) -> str:
    return "-" if count is None else str(count)
