"""Checkpoints: ours, Hugging Face's and the original code's, their configuration, weights and training state."""
