"""Records of input: their formats, what an answer makes of each, and the one place that picks the reader."""
