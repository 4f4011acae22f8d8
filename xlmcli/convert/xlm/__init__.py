"""XLM: ours, Hugging Face's and the original code's."""
