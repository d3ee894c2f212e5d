"""What a proof still has to do, if another one of the same was killed before it ended."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Generic, NamedTuple, Protocol, TypeVar

from sqlalchemy import Connection

from ledger.proofs.books_mark import ranges_written_since, take_mark
from ledger.proofs.progress import ProofProgress, SavedProof
from ledger.proofs.wallet_ranges import WalletRange
from vocabulary.build import version


class NamedTask(Protocol):
    """The task of a part, with the name under which its result is saved."""

    @property
    def name(self) -> str:
        """The same for the same part in every proof with these ranges."""
        ...


_Task = TypeVar("_Task", bound=NamedTask)


class EndedPart(NamedTuple, Generic[_Task]):
    """A part with its result.

    Attributes:
        result: encoded.
        is_resumed: whether the killed proof finished it.
    """

    task: _Task
    result: bytes
    is_resumed: bool


class Resumption:
    """The ranges of a proof, the parts of it that are finished, and where more are kept.

    Args:
        connection: on the snapshot of the proof.
        progress: where parts are kept; None: nowhere.
        about: what the proof is about, besides the code.
        cut: the ranges of wallets, if none are kept.

    Attributes:
        ranges: into which wallets are cut.
        finished: encoded results of parts that hold for the snapshot as they are.
        mark: the snapshot that the killed proof saw; None: there was none.
    """

    def __init__(
        self,
        connection: Connection,
        progress: ProofProgress | None,
        about: Mapping[str, str],
        cut: Callable[[], Sequence[WalletRange]],
    ) -> None:
        self._progress = progress
        self.finished: dict[str, bytes] = {}
        self._before: dict[str, bytes] = {}
        self._written: list[bool] = []
        self.mark: str | None = None
        if progress is None:
            self.ranges = list(cut())
            return
        described = {**about, "code": version()}
        self.ranges = self._resumed(connection, progress, described) or list(cut())
        saved = SavedProof(
            about=described, ranges=self.ranges, mark=take_mark(connection, self.ranges)
        )
        progress.begin(saved, self.finished)

    def clean_before(self, number: int, part: str, is_clean: Callable[[bytes], bool]) -> bool:
        """Whether the killed proof finished a part without a finding, before rows were written.

        Args:
            number: of the part's range.
            part: its name.
            is_clean: says it of an encoded result.
        """
        result = self._before.get(part)
        return (
            bool(self._written)
            and self._written[number]
            and result is not None
            and is_clean(result)
        )

    def results(
        self,
        tasks: Sequence[_Task],
        run: Callable[[Sequence[_Task]], Iterable[tuple[Any, bytes]]],
        *,
        is_finished: Callable[[bytes], bool] = lambda _result: True,
    ) -> Iterator[EndedPart[_Task]]:
        """Every part with its result: finished ones first, then the others as they end.

        Args:
            tasks: of all parts of the proof.
            run: runs the parts that are missing; each result is saved.
            is_finished: whether an encoded result of the killed proof counts.
        """
        missing = []
        for task in tasks:
            result = self.finished.get(task.name)
            if result is None or not is_finished(result):
                missing.append(task)
            else:
                yield EndedPart(task, result, is_resumed=True)
        for task, result in run(missing):
            if self._progress is not None:
                self._progress.save(task.name, result)
            yield EndedPart(task, result, is_resumed=False)

    def end(self) -> None:
        """The proof has ended: nothing of it is kept."""
        if self._progress is not None:
            self._progress.clear()

    def _resumed(
        self, connection: Connection, progress: ProofProgress, about: Mapping[str, str]
    ) -> list[WalletRange] | None:
        """Take over what a killed proof finished; None: nothing, or the books changed."""
        killed = progress.load(about)
        if killed is None:
            return None
        saved, parts = killed
        written = ranges_written_since(connection, saved.ranges, saved.mark)
        if written is None:
            return None
        self.mark, self._before, self._written = saved.mark.snapshot, parts, written
        self.finished = {
            part: result
            for part, result in parts.items()
            if (number := range_of(part)) is not None and not written[number]
        }
        return saved.ranges


def part_name(step: str, number: int) -> str:
    """The name of a part over a range of wallets."""
    return f"{step} {number}"


def range_of(part: str) -> int | None:
    """The number of the range that a part is over; None: it is over all wallets."""
    number = part.rpartition(" ")[2]
    return int(number) if number.isdecimal() else None
