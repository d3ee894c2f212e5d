"""What ``/ops`` shows of the pipeline, read from a database."""

from pathlib import Path

from ops.pipeline.disk import DiskReader
from ops.pipeline.reader import PipelineReader
from ops.settings.loader import load
from storage.engine import open_engine
from tests.harness.servers.receiver import SETTINGS
from vocabulary.clock import SystemClock
from vocabulary.errors import Unavailable


def no_broker() -> str:
    raise Unavailable("no broker runs")


def test_a_provider_that_never_delivered_anything_is_named(
    database: str, tmp_path: Path
) -> None:
    path = tmp_path / "tieout.toml"
    path.write_text(SETTINGS + '[providers.feed]\nstale_after = "1h"\n')
    engine = open_engine(database, pool_size=2)
    read = PipelineReader(
        load(path, {}),
        engine=engine,
        broker_url=no_broker,
        clock=SystemClock(),
        disk=DiskReader(path=None, why="not here"),
    )

    pipeline = read()
    engine.dispose()

    (line,) = pipeline.feeds.value or ()
    assert (line.feed, line.late, line.read, line.is_stale) == ("", None, None, True)
    assert (
        f"{line.provider} never delivered anything, although its stale_after expects it"
        in pipeline.findings
    )
