"""Cross-lingual language models in the shell: pretrain, train, convert and translate.

For Python there are three functions, which docs/python.md tells of; all else may change.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from xlmcli.api import open_classifier, open_encoder, open_translator

__version__ = "0.2.0"
__all__ = ["__version__", "open_classifier", "open_encoder", "open_translator"]


def __getattr__(name: str) -> object:
    # When first asked for: the commands, which have no use for them, start faster without.
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    function: object = getattr(import_module("xlmcli.api"), name)
    return function
