"""Attention as people and programs read it: in the terminal, as numbers, as a page and as a picture."""
