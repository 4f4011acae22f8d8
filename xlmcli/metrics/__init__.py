"""Scores of output against references."""
