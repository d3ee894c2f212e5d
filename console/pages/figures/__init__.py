"""Pages of figures: totals of both sides, and how they change over time."""
