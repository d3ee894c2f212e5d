"""What a simulated run plays: stories, players, the plan and the expected replies."""
