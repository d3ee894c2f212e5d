"""The statement of a pack: what a person signs, and what it rests on."""
