"""Training: configuration, data, the loop, checkpoints and tasks."""
