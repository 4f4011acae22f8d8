"""Training: an XLM, and an encoder-decoder grown from it. Needs the ``train`` extra; inference never imports this."""
