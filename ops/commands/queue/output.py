"""``tieout queue`` as tables and sentences."""

import json
from collections.abc import Sequence

from rich.table import Table

from ops.commands.tables import open_console
from ops.pipeline.queue_report import QueueSnapshot
from storage.queue.commands import ParkedItem
from storage.queue.state import QueueState
from vocabulary.plurals import counted

_COUNTS = ("waiting", "in_flight", "delayed", "dead_letters")


def print_status(snapshot: QueueSnapshot, findings: Sequence[str]) -> None:
    """Print the queues and the processes as tables, then every finding as a sentence."""
    console = open_console()
    console.print(_queues(snapshot))
    if snapshot.state is not None:
        console.print(_work(snapshot.state))
        console.print(_workers(snapshot.state))
    for sentence in findings:
        console.print(f"! {sentence}", style="bold", markup=False, highlight=False)
    if not findings:
        console.print("all is well")


def print_parked(items: Sequence[ParkedItem]) -> None:
    """Print every item with its context, oldest first."""
    console = open_console()
    for item in items:
        head = f"{item.subject}  {item.job}  {item.cause}  {item.fingerprint}"
        console.print(head, style="bold", markup=False, highlight=False)
        since = (
            f"  since {item.parked_at.isoformat(timespec='seconds')}, "
            f"{counted(item.times, 'time')}"
        )
        console.print(since, markup=False, highlight=False)
        console.print(f"  {item.detail}", markup=False, highlight=False)
        console.print(f"  {json.dumps(item.context)}", markup=False, highlight=False)
    if not items:
        console.print("nothing is parked")


def _queues(snapshot: QueueSnapshot) -> Table:
    table = Table(
        "queue", "waiting", "in flight", "delayed", "dead letters", "canary", "paused"
    )
    state = snapshot.state
    canaries = {canary.queue: canary for canary in state.canaries} if state else {}
    paused = {pause.queue: pause.paused_by for pause in state.paused} if state else {}
    for queue in snapshot.queues:
        depth = (snapshot.depths or {}).get(queue)
        canary = canaries.get(queue)
        passed_s = canary.passed_s if canary else None
        table.add_row(
            queue,
            *(_count_text(getattr(depth, name, None)) for name in _COUNTS),
            "-" if passed_s is None else f"{passed_s:.0f} s ago",
            f"by {paused[queue]}" if queue in paused else "",
        )
    return table


def _work(state: QueueState) -> Table:
    table = Table("work", "rows", "items", "oldest")
    for name, waiting in (
        ("unposted batches", state.unposted),
        ("history to take in", state.uningested),
        ("archived rows to bring back", state.unrecalled),
    ):
        age = f"{waiting.oldest_s:.0f} s"
        table.add_row(name, str(waiting.rows), str(waiting.items), age)
    return table


def _workers(state: QueueState) -> Table:
    table = Table("process", "host", "pid", "version", "progress")
    for worker in state.workers:
        age = f"{worker.seen_s:.0f} s ago"
        table.add_row(worker.role, worker.host, str(worker.pid), worker.version, age)
    return table


def _count_text(count: int | None) -> str:
    return "-" if count is None else str(count)
