"""What a dialect says about its statement files."""
