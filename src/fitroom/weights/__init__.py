"""Shipped weights, one folder each."""
