"""How background work yields to callbacks: by niceness, by pauses, by fewer processors."""
