"""Cross-lingual language models in the shell: pretrain, train, convert and translate."""

__version__ = "0.1.0"
