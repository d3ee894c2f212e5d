"""The pipeline as texts: one for each figure, by the name under which it changes in place."""

import math
import re
from collections.abc import Iterator
from datetime import datetime, timedelta
from zlib import crc32

from console.pipeline import (
    DatabaseSize,
    Depth,
    Disk,
    FeedLine,
    Part,
    Pipeline,
    ReceiverFigures,
)
from console.rendering import age_text, bytes_text, count_text
from storage.queue.state import QueueState
from vocabulary.plurals import counted

#: A text with the state that its colour shows: ``well``, ``bad``, or nothing special.
Figure = dict[str, str]
#: Tables that are listed; the others are one line.
TABLES_MAX = 12
#: What is shown for a figure that is not known.
UNKNOWN = "\N{EN DASH}"
_KINDS = ("verify", "replay", "recheck", "seal", "checkpoint")
_DIGITS = re.compile(r"\d+")


def figures_of(pipeline: Pipeline) -> dict[str, Figure]:
    """Every figure of the overview by its name."""
    figures = {"as_of": figure(f"{pipeline.read_at:%Y-%m-%d %H:%M:%S}")}
    figures["sentence"] = figure(sentence_of(pipeline), "" if _is_well(pipeline) else "bad")
    figures |= dict(_queues(pipeline))
    if pipeline.state.value is not None:
        figures |= dict(_work(pipeline.state.value))
    if pipeline.receivers.value is not None:
        figures |= dict(_receivers(pipeline.receivers.value))
    for line in pipeline.feeds.value or ():
        figures |= dict(_feed(line))
    if pipeline.size.value is not None:
        figures |= dict(_sizes(pipeline.size.value))
    figures |= dict(_disk(pipeline.disk))
    figures |= dict(_proofs(pipeline))
    for rule in pipeline.notifications.value or ():
        figures[f"rule.{rule.rule}.waiting"] = figure(count_text(rule.waiting))
        figures[f"rule.{rule.rule}.given_up"] = count(rule.given_up, is_bad=rule.given_up > 0)
    return figures


def sentence_of(pipeline: Pipeline) -> str:
    """Whether the pipeline is well, in one sentence."""
    if pipeline.findings:
        things = (
            "One thing needs"
            if len(pipeline.findings) == 1
            else (f"{counted(len(pipeline.findings), 'thing needs', 'things need')}")
        )
        return f"{things} somebody."
    if pipeline.unseen:
        return (
            "What can be seen is well; "
            f"{counted(len(pipeline.unseen), 'part cannot be seen', 'parts cannot be seen')}"
            "."
        )
    return "The pipeline is well."


def rows_of(pipeline: Pipeline) -> set[str]:
    """A short name for each row of the overview, so that new ones can be counted."""
    rows = {_DIGITS.sub("", sentence) for sentence in (*pipeline.findings, *pipeline.unseen)}
    rows |= {name.rpartition(".")[0] for name in figures_of(pipeline) if "." in name}
    return {f"{crc32(row.encode()):08x}" for row in rows}


def _is_well(pipeline: Pipeline) -> bool:
    return not pipeline.findings and not pipeline.unseen


def figure(text: str, state: str = "") -> Figure:
    """A text with its state."""
    return {"text": text, "state": state}


def count(value: int | None, *, is_bad: bool = False) -> Figure:
    """A count; unknown is never zero."""
    return figure(UNKNOWN if value is None else count_text(value), "bad" if is_bad else "")


def age(seconds: float | None, *, limit_s: float = math.inf) -> Figure:
    """An age, which is bad above its limit."""
    if seconds is None:
        return figure(UNKNOWN)
    return figure(age_text(timedelta(seconds=seconds)), "bad" if seconds > limit_s else "")


def seconds_text(seconds: float | None) -> str:
    """How long an answer took; unknown and beyond the histogram are said."""
    if seconds is None:
        return UNKNOWN
    if math.isinf(seconds):
        return "over 3 s"
    return f"{seconds * 1000:.0f} ms" if seconds >= 0.01 else f"{seconds * 1000:.1f} ms"


def _queues(pipeline: Pipeline) -> Iterator[tuple[str, Figure]]:
    for queue in pipeline.queues:
        depths, name = pipeline.depths.value or {}, f"queue.{queue}"
        yield from _depth(name, depths.get(queue))
        yield f"{name}.canary", figure(UNKNOWN)
    state = pipeline.state.value
    if state is None:
        return
    for canary in state.canaries:
        yield f"queue.{canary.queue}.canary", age(canary.passed_s, limit_s=60)
    paused = {pause.queue for pause in state.paused}
    for queue in pipeline.queues:
        is_paused = queue in paused
        text = "paused" if is_paused else "works"
        yield f"queue.{queue}.state", figure(text, "bad" if is_paused else "")


def _depth(name: str, depth: Depth | None) -> Iterator[tuple[str, Figure]]:
    if depth is None:
        for part in ("waiting", "oldest", "in_flight", "delayed", "dead_letters"):
            yield f"{name}.{part}", figure(UNKNOWN)
        return
    yield f"{name}.waiting", count(depth.waiting)
    yield f"{name}.oldest", age(depth.oldest_s, limit_s=60)
    yield f"{name}.in_flight", count(depth.in_flight)
    yield f"{name}.delayed", count(depth.delayed)
    yield f"{name}.dead_letters", count(depth.dead_letters, is_bad=depth.dead_letters > 0)


def _work(state: QueueState) -> Iterator[tuple[str, Figure]]:
    for name, waiting in (
        ("unposted", state.unposted),
        ("uningested", state.uningested),
        ("unrecalled", state.unrecalled),
    ):
        yield f"work.{name}.rows", count(waiting.rows)
        yield f"work.{name}.items", count(waiting.items)
        oldest = age(waiting.oldest_s, limit_s=60) if waiting.rows else figure(UNKNOWN)
        yield f"work.{name}.oldest", oldest
    for cause in state.parked:
        yield f"parked.{cause.fingerprint}.count", count(cause.count, is_bad=True)
        yield f"parked.{cause.fingerprint}.oldest", age(cause.oldest_s)
    for worker in state.workers:
        yield f"process.{worker.worker}.seen", age(worker.seen_s, limit_s=60)


def _receivers(figures: ReceiverFigures) -> Iterator[tuple[str, Figure]]:
    yield "receivers.pending", count(figures.pending)
    for process in figures.processes:
        state = "well" if process.is_answering and not process.why else "bad"
        yield f"receiver.{process.url}.health", figure(process.why or "ready", state)
    for traffic in figures.traffic:
        name, rate = f"traffic.{traffic.provider}", traffic.per_second
        yield f"{name}.rate", figure(UNKNOWN if rate is None else f"{rate:.1f}/s")
        yield f"{name}.total", count(traffic.total)
        yield f"{name}.p50", figure(seconds_text(traffic.p50_s))
        yield f"{name}.p99", figure(seconds_text(traffic.p99_s))
    for refusals in figures.refusals:
        name = f"refused.{refusals.provider}.{refusals.reason}"
        yield f"{name}.recent", count(refusals.recent)
        yield f"{name}.total", count(refusals.total)


def _feed(line: FeedLine) -> Iterator[tuple[str, Figure]]:
    name = f"feed.{line.provider}.{line.feed}"
    yield f"{name}.late", figure(_since(line.late), "bad" if line.is_stale else "")
    yield f"{name}.read", figure(_since(line.read))
    yield f"{name}.errors", count(line.errors, is_bad=line.errors > 0)
    yield f"{name}.warnings", count(line.warnings)


def _since(age: timedelta | None) -> str:
    return "never" if age is None else age_text(age)


def _sizes(size: DatabaseSize) -> Iterator[tuple[str, Figure]]:
    yield "size.database", figure(bytes_text(size.size))
    for table in size.tables[:TABLES_MAX]:
        growth = UNKNOWN if table.before is None else bytes_text(table.size - table.before)
        yield f"table.{table.name}.size", figure(bytes_text(table.size))
        yield f"table.{table.name}.growth", figure(growth)


def _disk(disk: Part[Disk]) -> Iterator[tuple[str, Figure]]:
    if disk.value is None:
        return
    share = 100 * disk.value.free / max(disk.value.size, 1)
    text = f"{bytes_text(disk.value.free)} of {bytes_text(disk.value.size)} ({share:.0f} %)"
    yield "disk.free", figure(text, "bad" if share < 10 else "")


def _proofs(pipeline: Pipeline) -> Iterator[tuple[str, Figure]]:
    proofs = pipeline.proofs.value
    if proofs is None:
        return
    now = pipeline.read_at
    yield (
        "seal.age",
        figure("never" if proofs.sealed_at is None else _ago(proofs.sealed_at, now)),
    )
    yield "seal.unsealed", count(proofs.unsealed_days)
    for kind in _KINDS:
        run = proofs.last.get(kind)
        yield (
            f"proof.{kind}.age",
            figure("never" if run is None else _ago(run.finished_at, now)),
        )
        is_proven = kind not in proofs.standing
        outcome = UNKNOWN if run is None else "proven" if is_proven else "NOT PROVEN"
        state = "" if run is None else "well" if is_proven else "bad"
        yield f"proof.{kind}.outcome", figure(outcome, state)


def _ago(instant: datetime, now: datetime) -> str:
    return f"{age_text(now - instant)} ago"
