"""Prepare photos for the networks, and turn network outputs into pictures."""
