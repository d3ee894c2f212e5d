"""``tieout scheduler``: sweep up what was left behind, on time. Any number may run."""

import os
import signal

import typer

from ops.context import current, endpoints

app = typer.Typer(add_completion=False)


@app.command()
def scheduler(ctx: typer.Context) -> None:
    """Find unposted batches and waiting history, and ask the workers for them."""
    from ops import logs, step_signals  # noqa: PLC0415 - heavy below, and only for this command
    from ops.providers import configured  # noqa: PLC0415
    from storage.broker import open_broker  # noqa: PLC0415
    from storage.engine import open_engine  # noqa: PLC0415
    from storage.schema import require  # noqa: PLC0415
    from vocabulary.clock import SystemClock  # noqa: PLC0415
    from workers.jobs import Desk  # noqa: PLC0415
    from workers.schedule import Job, Scheduler  # noqa: PLC0415
    from workers.sweep import sweep  # noqa: PLC0415

    logs.configure()
    context = current(ctx)
    step_signals.install(context.settings, os.environ)
    engines = endpoints(context)
    require(engines.database_url)
    workers = context.settings.workers
    clock = SystemClock()
    providers = configured(context.settings)
    desk = Desk(
        engine=open_engine(engines.database_url),
        clock=clock,
        providers={slug: (found.dialect, found.provider) for slug, found in providers.items()},
    )
    broker = open_broker(engines.broker_url, [])
    age_s = max(1, int(workers.sweep_after.total_seconds()))
    sweeping = Job(
        name="sweep",
        every=workers.sweep_every,
        run=lambda: sweep(desk, broker, age_s=age_s),
        once=False,
    )
    running = Scheduler(desk.engine, clock, [sweeping])
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: running.stop())
    running.run()
