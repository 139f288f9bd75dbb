"""Drawn persons and garments for the demonstration."""
