"""Drawings of pages, as SVG: charts, the time line of a round, the waterfall of a run."""
