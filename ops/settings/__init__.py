"""Settings: the model, its sections, where they come from, and how they are shown."""
