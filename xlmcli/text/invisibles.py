"""Characters that take no room and say nothing to a model: a vocabulary would spell them in bytes, inside a word."""

from __future__ import annotations

import re

# Scripts from Arabic to Tibetan, Burmese and Khmer: joiners shape their letters, and zero-width spaces part words.
_SHAPED = "\u0600-\u1cff\ua800-\uabff\ufb50-\ufefe\U00010a00-\U00011fff"

_INVISIBLE = re.compile(
    "[\\0-\x08\x0e-\x1f\x7f-\x84\x86-\x9f"  # control characters, but for tabs and line ends
    "\u200e\u200f\u061c\u202a-\u202e\u2066-\u206f"  # directions
    "\u034f\u2060-\u2065\ufe00-\ufe0f\ufeff\ufff9-\ufffb\U000e0000-\U000e0fff]"  # joiners, variants and tags
    f"|(?<![{_SHAPED}])[\u200b-\u200d]"
)


def without_invisibles(text: str) -> str:
    """Returns ``text`` without control, format and variation characters; joiners stay in scripts that need them."""
    return text if text.isascii() and text.isprintable() else _INVISIBLE.sub("", text)
