"""Two books side by side, in pandas: load, match, classify, conserve, store."""
