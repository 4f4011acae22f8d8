"""Files with labels, as training and evaluation read them."""
