"""Attention as a page that stands for itself: pointing at a word shows its links."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from dataclasses import replace
from pathlib import Path

from xlmcli.attention.maps import AttentionMap
from xlmcli.attention.show.labels import spell
from xlmcli.attention.show.tables import as_object

_TEMPLATE = Path(__file__).with_name("page.html")
_NUM_DECIMALS = 4


def format_page(attention: AttentionMap) -> str:
    """Returns a page of HTML that needs no network: its policy allows its own script and style, and nothing else."""
    spelt = replace(attention, queries=tuple(map(spell, attention.queries)), keys=tuple(map(spell, attention.keys)))
    template = _TEMPLATE.read_text(encoding="utf-8")
    parts = {
        # As text in the element, `</script>` would end it.
        "data": json.dumps(as_object(spelt, _NUM_DECIMALS), ensure_ascii=False).replace("<", r"\u003c"),
        "script_hash": _hash("script", template),
        "style_hash": _hash("style", template),
    }
    return re.sub(r"\{\{(\w+)\}\}", lambda match: parts[match[1]], template)


def _hash(element: str, template: str) -> str:
    """Returns what a Content-Security-Policy calls the element without attributes."""
    (content,) = re.findall(rf"<{element}>(.*?)</{element}>", template, re.DOTALL)
    return f"sha256-{base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()}"
