"""``python -m ops`` is ``tieout``."""

from ops.cli import main

main()
