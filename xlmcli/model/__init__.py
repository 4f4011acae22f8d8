"""The networks alone: transformers, encoder-decoder, classifier."""
