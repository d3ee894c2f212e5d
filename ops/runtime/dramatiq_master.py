"""The master process of Dramatiq's workers: its command line, with our log.

``python -m ops.runtime.dramatiq_master`` takes the arguments of ``python -m dramatiq``.
"""

import sys

from dramatiq.cli import main

from ops.runtime import logs

#: What each worker process imports: the broker with its actors.
BROKER_MODULE = "ops.runtime.dramatiq_main"

if __name__ == "__main__":
    logs.configure(role="worker")
    sys.exit(main())  # type: ignore[no-untyped-call]
