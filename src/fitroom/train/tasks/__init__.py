"""Training tasks: try-on, parser and segmenter."""
