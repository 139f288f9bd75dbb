"""Metrics, evaluation on pair lists and street photos, and the report."""
