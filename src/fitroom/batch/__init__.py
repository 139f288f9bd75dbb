"""Dress many pairs of persons and garments, on threads or on a Ray cluster."""
