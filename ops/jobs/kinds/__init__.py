"""The kinds of jobs: their arguments and who may request them. They import no heavy code."""
