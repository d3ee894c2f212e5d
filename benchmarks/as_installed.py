"""A command of ours as an installation runs it.

    python -m benchmarks.as_installed COMMAND…

Development has polars, which ADBC's driver imports when it is there: 40 MiB of memory that no
installation takes.
"""

import sys

from ops.cli import main

if __name__ == "__main__":
    sys.modules["polars"] = None  # type: ignore[assignment]
    main()
