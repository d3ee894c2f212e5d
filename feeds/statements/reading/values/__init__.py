"""Values of statement files: text as declared, normalized to what a dialect reads. Pure."""
