"""Attention: what a model looks at, and the words that it aligns."""
