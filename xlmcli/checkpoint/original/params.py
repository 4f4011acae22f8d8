"""``params`` and dictionary of a checkpoint of the original code.

Source: ``train.py`` (the options and their defaults), ``xlm/data/dictionary.py``.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from xlmcli.facts import has_controls
from xlmcli.model.transformer import XLMShape
from xlmcli.text.special import RESERVED_PIECES, SPECIAL_IDS

# Far above any model, and low enough that a model of such a size can still be drawn up without its numbers.
_MOST, _MOST_LAYERS = 10**7, 1000
_MAX_SHOWN = 40


@dataclass(frozen=True, slots=True)
class OriginalParams:
    """What ``params`` says of a model.

    Attributes:
        langs: Language codes; the place of each is its id.
        shape: Sizes, with 512 positions.
        max_len: Longest sentence that was trained on; None is unknown.
        uses_memory: Whether layers have product-key memories, which we do not have.
        uses_adaptive_softmax: Whether the output layer is an adaptive softmax, which we do not have.
    """

    langs: tuple[str, ...]
    shape: XLMShape
    max_len: int | None
    uses_memory: bool
    uses_adaptive_softmax: bool

    def shape_with(self, num_positions: int) -> XLMShape:
        """The shape with as many positions as the weights have."""
        return replace(self.shape, max_positions=num_positions)


class _Reader:
    """Takes settings out of ``params`` and collects what is wrong with them."""

    def __init__(self, params: Mapping[Any, Any], faults: list[str]) -> None:
        self._params, self._faults = params, faults

    def whole(self, name: str, least: int = 1, most: int = _MOST) -> int:
        value = self._required(name)
        if value is None:
            return least
        if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
            self._faults.append(f"params: {name} is {_shown(value)}, expected a whole number from {least} to {most}")
            return least
        return value

    def share(self, name: str) -> float:
        value = self._params.get(name, 0)
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < 1:
            self._faults.append(f"params: {name} is {_shown(value)}, expected a number from 0 to 1")
            return 0.0
        return float(value)

    def flag(self, name: str, default: bool | None = None) -> bool:
        """A setting that is on or off; without a default, it must be there."""
        value = self._required(name) if default is None else self._params.get(name, default)
        if value is not None and not isinstance(value, bool):
            self._faults.append(f"params: {name} is {_shown(value)}, expected True or False")
        return value is True

    def special_ids(self) -> None:
        for name, expected in SPECIAL_IDS.items():
            if (value := self._params.get(name, expected)) != expected:
                self._faults.append(f"params: {name} is {_shown(value)}, expected {expected}")

    def langs(self) -> tuple[str, ...]:
        lang2id = self._required("lang2id")
        if lang2id is None:
            return ()
        if not isinstance(lang2id, dict) or not all(isinstance(lang, str) for lang in lang2id):
            self._faults.append("params: lang2id does not give every language its id")
            return ()
        if any(map(has_controls, lang2id)):
            self._faults.append("params: lang2id names a language with control characters")
            return ()
        langs = {index: lang for lang, index in lang2id.items() if isinstance(index, int)}
        if not langs or langs.keys() != set(range(len(lang2id))):
            self._faults.append("params: the ids in lang2id are not 0, 1, 2, …")
            return ()
        return tuple(langs[index] for index in range(len(langs)))

    def _required(self, name: str) -> Any:
        if name not in self._params:
            self._faults.append(f"params: no {name}")
        return self._params.get(name)


def _shown(value: object) -> str:
    """A value for a message. What a file holds may be endless when it is written out; the kind of it is not."""
    if isinstance(value, str) and len(value) <= _MAX_SHOWN:
        return repr(value)
    is_small = isinstance(value, float) or (isinstance(value, int) and abs(value) < 10**_MAX_SHOWN)
    return repr(value) if value is None or is_small else f"a {type(value).__name__}"


def read_params(params: Mapping[Any, Any], faults: list[str]) -> OriginalParams | None:
    """Reads what matters; adds what is wrong to ``faults``. None if there is too much of it to go on."""
    num_faults, reader = len(faults), _Reader(params, faults)
    langs, num_langs = reader.langs(), reader.whole("n_langs")
    if langs and num_langs != len(langs):
        faults.append(f"params: n_langs is {num_langs}, and lang2id has {len(langs)} languages")
    tells_languages = reader.flag("use_lang_emb", default=True) and num_langs > 1
    shape = XLMShape(
        num_words=reader.whole("n_words", least=len(RESERVED_PIECES)),
        num_langs=num_langs if tells_languages else 1,
        dim=reader.whole("emb_dim"),
        num_layers=reader.whole("n_layers", most=_MOST_LAYERS),
        num_heads=reader.whole("n_heads"),
        gelu=reader.flag("gelu_activation"),
        sinusoidal=reader.flag("sinusoidal_embeddings"),
        dropout=reader.share("dropout"),
        attention_dropout=reader.share("attention_dropout"),
        tied_output=reader.flag("share_inout_emb", default=True),
    )
    if shape.dim % shape.num_heads:
        faults.append(f"params: emb_dim {shape.dim} is not a multiple of n_heads {shape.num_heads}")
    reader.special_ids()
    max_len = reader.whole("max_len", least=0, most=sys.maxsize) if "max_len" in params else 0
    is_readable = len(faults) == num_faults
    uses_memory, uses_adaptive_softmax = reader.flag("use_memory", default=False), reader.flag("asm", default=False)
    if uses_memory:
        faults.append("it has memory layers (use_memory), which are not supported")
    if uses_adaptive_softmax:
        faults.append("its output layer is an adaptive softmax (asm), which is not supported")
    if not is_readable:
        return None
    # 0 is the original's way to say that there is no limit.
    return OriginalParams(langs, shape, max_len or None, uses_memory, uses_adaptive_softmax)


def read_words(content: Mapping[Any, Any], params: OriginalParams | None, faults: list[str]) -> tuple[str, ...]:
    """The word of every id; adds what is wrong to ``faults``."""
    id2word = content.get("dico_id2word")
    if not isinstance(id2word, dict):
        faults.append("no dictionary under dico_id2word")
        return ()
    words = tuple(word for word in map(id2word.get, range(len(id2word))) if isinstance(word, str))
    if not len(set(words)) == len(words) == len(id2word):
        faults.append("dico_id2word does not give every id from 0 a word of its own")
        return ()
    if words[: len(RESERVED_PIECES)] != RESERVED_PIECES:
        faults.append("dico_id2word does not begin with the special words <s>, </s>, <pad>, <unk>, <special0>, …")
    if params is not None and params.shape.num_words != len(words):
        faults.append(f"the dictionary has {len(words)} words, and n_words is {params.shape.num_words}")
    return words
