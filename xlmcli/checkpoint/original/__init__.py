"""Checkpoints of the original code: its file, its settings, its tokenizer."""
