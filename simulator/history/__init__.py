"""The provider's own history of a run, and the faults planted in it."""
