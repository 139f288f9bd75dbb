"""Training recipes in YAML, by name."""
