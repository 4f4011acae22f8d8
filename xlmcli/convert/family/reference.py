"""Models of other families as transformers runs them, to compare with."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from xlmcli.model.seq2seq import pad

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from xlmcli.convert.family.model import FamilyModel


class TranslationReference:
    """A model of transformers that translates greedily.

    Ids are rows of the model's tables; sequences are as the model reads them, with their special tokens.
    """

    def __init__(self, family: FamilyModel) -> None:
        import transformers

        self._model = _load(family)
        # Nothing that the folder says about decoding, such as a beam or forbidden n-grams, counts.
        options: Any = transformers.GenerationConfig
        self._model.generation_config = options()
        config = family.settings.config
        self._start, self._eos, self._pad = config.decoder_start_token_id, config.eos_token_id, config.pad_token_id
        # Marian starts from padding, which no translation holds.
        self._forbidden = [self._start] if family.settings.family == "marian" else []

    @torch.no_grad()
    def greedy(self, batch: Sequence[list[int]], prefix: Sequence[int], max_len: int) -> list[list[int]]:
        """Translates; the outputs, of at most ``max_len`` ids, come without ``prefix`` and ``</s>``."""
        import transformers

        ids, mask = _padded(batch)
        first = torch.tensor([[self._start, *prefix]]).expand(len(batch), -1)
        options: Any = transformers.GenerationConfig
        greedily = options(
            num_beams=1,
            do_sample=False,
            max_new_tokens=max_len,
            decoder_start_token_id=self._start,
            eos_token_id=self._eos,
            pad_token_id=self._pad,
            suppress_tokens=self._forbidden or None,
        )
        outputs = self._model.generate(
            ids, attention_mask=mask, decoder_input_ids=first, generation_config=greedily
        ).tolist()
        found = [output[first.shape[1] :] for output in outputs]
        return [output[: output.index(self._eos)] if self._eos in output else output for output in found]

    @torch.no_grad()
    def scores(
        self, batch: Sequence[list[int]], prefix: Sequence[int], outputs: Sequence[list[int]], max_len: int
    ) -> list[float]:
        """Returns the log-probability of each output, with ``</s>`` where there is room for it."""
        ids, mask = _padded(batch)
        targets = [[*output, self._eos][:max_len] for output in outputs]
        inputs, _ = pad([[self._start, *prefix, *target[:-1]] for target in targets])
        logits = self._model(input_ids=ids, attention_mask=mask, decoder_input_ids=inputs).logits.float()
        for row in self._forbidden:
            logits[..., row] = -torch.inf
        log_probs = torch.log_softmax(logits[:, len(prefix) :], dim=-1)
        wanted, lens = pad(targets)
        chosen = log_probs.gather(2, wanted[..., None])[..., 0]
        return [float(row[:length].sum()) for row, length in zip(chosen, lens.tolist(), strict=True)]


class EncoderReference:
    """An XLM-R of transformers."""

    def __init__(self, family: FamilyModel) -> None:
        model = _load(family)
        self._encoder = getattr(model, "roberta", model)
        self._head = getattr(model, "classifier", None)
        self._bos, self._eos = family.settings.config.bos_token_id, family.settings.config.eos_token_id

    @torch.no_grad()
    def __call__(
        self, batch: Sequence[Sequence[int]], lang: int | None
    ) -> tuple[NDArray[np.float32], NDArray[np.float32] | None]:
        """Returns states, (batch, length, dim), and logits, (batch, labels), of texts that are all of one length."""
        ids = torch.tensor([[self._bos, *text, self._eos] for text in batch])
        states = self._encoder(ids, attention_mask=torch.ones_like(ids)).last_hidden_state
        return states.numpy(), None if self._head is None else self._head(states).numpy()


def _load(family: FamilyModel) -> Any:
    import transformers

    logging: Any = transformers.utils.logging
    level = logging.get_verbosity()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        kind: Any = type(family.skeleton)
        return kind.from_pretrained(family.folder, config=family.settings.config, dtype=torch.float32).train(False)
    finally:
        logging.set_verbosity(level)


def _padded(batch: Sequence[list[int]]) -> tuple[Tensor, Tensor]:
    """Returns ids and mask, int64 (batch, src_len)."""
    ids, lens = pad(list(batch))
    return ids, (torch.arange(ids.shape[1])[None] < lens[:, None]).long()
