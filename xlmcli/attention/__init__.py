"""Attention: what a model looks at."""
