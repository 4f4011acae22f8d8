"""Documents: which of their text is translated, and how a translation is spelt in its place."""
