"""Reproduction of the original system's tables."""
