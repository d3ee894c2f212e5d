"""Simulated months: accept, post, close, seal, export, let go; sizes, rates, proofs by month.

``python -m benchmarks.archive [--months N] [--seconds S] [--keep K] [--rows]``. Each month is a
load of all dialects on one receiver, posted by one worker. Then its rows are dated into a month
of the past, its last day is reconciled and closed for one provider, and its days are sealed.
The month K months before it is exported, and its bytes and entries are let go, with ``--rows``
its rows, too. A month before the first shows every player to the receiver and is let go at
once, without room for later rows. The last line compares the first month in which another left
with the last one.

One provider also reports each of its rounds, by a callback and in a record with its version.

``hot_bytes`` is what the database grew by for each callback before any bytes went;
``left_bytes`` from the end of one month to the end of the next: a month fills the space that
an earlier one left. ``file_bytes`` is what a callback is in the archive. ``close_cpu_s``,
``verify_cpu_s`` and ``later_cpu_s`` (``verify --from-month-end``) are processor time of this
process and the database, which other programs change little. ``grown`` in the last line is what
a callback of all months after the first that was let go left, by table, for the largest ones;
``left_rows`` how many rows of what could leave are still there.
"""

import argparse
import json
import tempfile
from pathlib import Path

from benchmarks.archive.books import ArchiveBench
from benchmarks.archive.dating import past_months
from benchmarks.archive.sizes import grown_by, table_rows
from benchmarks.bench import running, staged, wait_until_answering


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--months", type=int, default=24)
    parser.add_argument("--seconds", type=float, default=8.0, help="of load in each month")
    parser.add_argument("--keep", type=int, default=2, help="months that are not let go")
    parser.add_argument("--rows", action="store_true", help="let rows go, too")
    chosen = parser.parse_args()
    with (
        tempfile.TemporaryDirectory() as folder,
        staged(Path(folder)) as stage,
        running("ops", "receiver", stage=stage) as receiver,
        running("ops", "worker", "--processes", "1", stage=stage),
    ):
        wait_until_answering(stage.port)
        bench = ArchiveBench(stage, receiver.pid, Path(folder) / "archive", chosen)
        before, *dated = past_months(chosen.months + 1)
        bench.begin(before)
        months, sizes = [], bench.sizes()
        for number, month in enumerate(dated):
            old_month = dated[number - chosen.keep] if number >= chosen.keep else None
            months.append(bench.month(month, old_month))
            if number == chosen.keep:
                sizes = bench.sizes()
        later = months[chosen.keep + 1 :]
        grown = grown_by(sizes, bench.sizes(), sum(month["callbacks"] for month in later))
        left_rows = table_rows(stage.database_url)
        bench.close()
    first = months[min(chosen.keep, len(months) - 1)]
    result = {
        "benchmark": "archive",
        "first": first,
        "last": months[-1],
        "grown": grown,
        "left_rows": left_rows,
    }
    print(json.dumps(result))


if __name__ == "__main__":
    main()
