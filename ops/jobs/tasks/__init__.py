"""The functions of the kinds, each of which runs in a child process of the scheduler."""
