"""Prunes and quantizes networks, and measures what that costs in quality."""
