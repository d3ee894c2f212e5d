"""The provider's side of each dialect: one folder per system, the same files in each."""
