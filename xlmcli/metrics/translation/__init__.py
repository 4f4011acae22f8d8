"""Translations against references."""
