"""A pretrained model that learns on with another vocabulary, and with languages that it does not know."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

import torch
from torch import Tensor

from xlmcli.checkpoint.config import CheckpointConfig
from xlmcli.checkpoint.pretrained import Pretrained, check_vocabulary
from xlmcli.errors import ModelError
from xlmcli.model.classifier import Classifier
from xlmcli.model.seq2seq import XLMDecoder
from xlmcli.model.transformer import XLMLanguageModel, XLMShape, XLMTransformer
from xlmcli.text import Tokenizer
from xlmcli.text.byte_pieces import BYTE_PIECES
from xlmcli.text.special import UNK_ID

_Model = TypeVar("_Model", XLMLanguageModel, XLMDecoder, XLMTransformer, Classifier)

_LANGUAGES = "lang_embeddings"


@dataclass(frozen=True, slots=True)
class Grown:
    """A pretrained model with the vocabulary and the languages of what it is to learn.

    Attributes:
        source: The model as it was.
        config: Languages and sizes now. Languages that the model knew keep their ids.
        spellings: For each word, the old words that it begins as the mean of; None where the vocabulary stays.
    """

    source: Pretrained
    config: CheckpointConfig
    spellings: Sequence[Sequence[int]] | None

    def language_model(self) -> XLMLanguageModel:
        """The encoder with its output layer."""
        model = self.source.language_model()
        return self._grown(model, model.transformer.shape, XLMLanguageModel)

    def encoder(self) -> XLMTransformer:
        """The encoder alone."""
        model = self.source.encoder()
        return self._grown(model, model.shape, XLMTransformer)

    def classifier(self) -> Classifier | None:
        """The encoder with the head of a classifier, where it is one."""
        model, head = self.source.classifier(), self.source.config.classifier
        if model is None or head is None:
            return None
        return self._grown(model, model.transformer.shape, lambda shape: Classifier(shape, head))

    def decoder(self) -> XLMLanguageModel | XLMDecoder:
        """What a decoder starts from, as in `Pretrained`."""
        model = self.source.decoder()
        if isinstance(model, XLMDecoder):
            return self._grown(model, model.shape, XLMDecoder)
        return self._grown(model, model.transformer.shape, XLMLanguageModel)

    def _grown(self, model: _Model, shape: XLMShape, build: Callable[[XLMShape], _Model]) -> _Model:
        now = self.config.shape
        if self.spellings is None and shape.num_langs == now.num_langs:
            return model
        grown = build(replace(shape, num_words=now.num_words, num_langs=now.num_langs))
        # A table of languages that there was not changes nothing until it is trained.
        state = {name: torch.zeros_like(new) for name, new in grown.state_dict().items() if _LANGUAGES in name}
        state |= {name: self._weight(name, weight) for name, weight in model.state_dict().items()}
        grown.load_state_dict(state)
        return grown

    def _weight(self, name: str, weight: Tensor) -> Tensor:
        *_, layer, _ = name.split(".")
        if layer == _LANGUAGES:
            num_new = self.config.shape.num_langs - len(weight)
            return torch.cat([weight, weight.mean(0, keepdim=True).expand(num_new, -1)])
        if self.spellings is None or (layer != "embeddings" and "pred_layer" not in name):
            return weight
        return torch.stack([weight[list(spelling)].mean(0) for spelling in self.spellings])


def grow(pretrained: Pretrained, tokenizer: Tokenizer, langs: Iterable[str], *, tells_languages: bool = False) -> Grown:
    """Fits a pretrained model to a vocabulary and to languages.

    A word that both vocabularies have keeps its weights; another begins as the mean of the old words that spell it, the
    longest from the left. A new language begins as the mean of those that the model knew.

    Args:
        pretrained: The model.
        tokenizer: Its own, or one of the same kind.
        langs: Languages to know besides those it knows.
        tells_languages: Whether a model without language embeddings gets some, of zeros, with which it is what it was.

    Raises:
        ModelError: The vocabulary is another, and the model's own is of another kind or cannot be opened.
    """
    config = pretrained.config
    known = (*config.langs, *sorted(set(langs).difference(config.langs)))
    num_langs = len(known) if tells_languages or config.shape.num_langs > 1 else config.shape.num_langs
    shape = replace(config.shape, num_words=tokenizer.vocab_size, num_langs=num_langs)
    return Grown(pretrained, replace(config, langs=known, shape=shape), _spellings(tokenizer, pretrained))


def _spellings(tokenizer: Tokenizer, pretrained: Pretrained) -> list[list[int]] | None:
    try:
        own = pretrained.tokenizer()
    except ModelError:
        own = None
    if own is None:
        check_vocabulary(tokenizer, pretrained)
    if own is None or own.vocab == tokenizer.vocab:
        return None
    if type(own) is not type(tokenizer):
        raise ModelError(
            "the vocabulary is of another kind than the pretrained model's",
            hint="leave --tokenizer out to take the model's own",
        )
    old = {piece: index for index, piece in enumerate(own.vocab)}
    return [_spelling(piece, old) for piece in tokenizer.vocab]


def _spelling(piece: str, old: Mapping[str, int]) -> list[int]:
    """The fewest old words found from the left, bytes where a letter has none; ``<unk>`` if there are none either."""
    ids, start = [], 0
    while start < len(piece):
        end = next((end for end in range(len(piece), start, -1) if piece[start:end] in old), None)
        if end is None:
            ids += [old[BYTE_PIECES[byte]] for byte in piece[start].encode() if BYTE_PIECES[byte] in old]
            start += 1
        else:
            ids.append(old[piece[start:end]])
            start = end
    return ids or [UNK_ID]
