"""The encoder-decoder: two XLM transformers, the decoder attending to the encoder."""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor, nn

from xlmcli.model.transformer import (
    KeyValueCache,
    Memory,
    PredictionLayer,
    Tokens,
    XLMLanguageModel,
    XLMShape,
    XLMTransformer,
)
from xlmcli.text.special import EOS_ID, PAD_ID


class XLMDecoder(XLMTransformer):
    """An XLM transformer with attention to an encoder and an output layer."""

    def __init__(self, shape: XLMShape) -> None:
        super().__init__(shape, cross_attention=True)
        self.pred_layer = PredictionLayer(shape, self.embeddings)


class Seq2Seq(nn.Module):
    """Translates between any of its languages; language embeddings on both sides tell which.

    Encoder and decoder have embeddings of their own, as in the original; the decoder's are its output layer's too,
    unless that is untied.
    """

    def __init__(self, encoder_shape: XLMShape, decoder_shape: XLMShape) -> None:
        super().__init__()
        self.encoder = XLMTransformer(encoder_shape)
        self.decoder = XLMDecoder(decoder_shape)

    def forward(self, src: Tokens, tgt: Tokens) -> Tensor:
        """Scores every word at every real target position, given the words before it.

        Args:
            src: Source sequences, ``</s> w … </s>``.
            tgt: Decoder inputs, ``</s> w …``.

        Returns:
            Logits, (number of real target tokens, vocab), positions in row-major order.
        """
        memory = Memory(self.encoder(src), src.mask)
        # Padding is on the right, so a causal decoder needs no mask to keep real positions clear of it.
        unmasked = Tokens(tgt.ids, None, tgt.langs, tgt.positions)
        states = self.decoder(unmasked, causal=True, memory=memory)
        real = states.flatten(0, 1) if tgt.mask is None else states[tgt.mask]
        return cast(Tensor, self.decoder.pred_layer(real))

    @torch.no_grad()
    def greedy(self, src_ids: Tensor, src_lens: Tensor, src_lang: int, tgt_lang: int, max_len: int) -> list[list[int]]:
        """Translates a batch by taking the likeliest word at every step.

        Args:
            src_ids: ``</s> w … </s>``, int64 (batch, src_len), right-padded.
            src_lens: Real lengths, int64 (batch,).
            src_lang: Language id of the source.
            tgt_lang: Language id of the output.
            max_len: Most words of an output, ``</s>`` not counted; capped by the position table.

        Returns:
            The ids of each output, without ``</s>``.
        """
        device = src_ids.device
        mask = real_mask(src_ids, src_lens)
        src = Tokens(src_ids, mask, torch.full((1, 1), src_lang, device=device))
        memory = Memory(self.encoder(src), mask)
        langs = torch.full((1, 1), tgt_lang, device=device)
        cache = KeyValueCache()
        outputs: list[list[int]] = [[] for _ in range(len(src_ids))]
        rows = torch.arange(len(src_ids), device=device)
        words = torch.full((len(src_ids), 1), EOS_ID, device=device)
        for _ in range(min(max_len, self.decoder.shape.max_positions)):
            states = self.decoder(Tokens(words, None, langs), memory=memory, cache=cache)
            logits = self.decoder.pred_layer(states[:, -1])
            best = logits.max(dim=-1).indices  # argmax takes four times as long in bfloat16 on a CPU
            unfinished = best != EOS_ID
            rows, best = rows[unfinished], best[unfinished]
            if len(rows) == 0:
                break
            for row, word in zip(rows.tolist(), best.tolist(), strict=True):
                outputs[row].append(word)
            if len(best) < len(words):
                cache.keep(unfinished)
                memory = Memory(memory.states[unfinished], None if memory.mask is None else memory.mask[unfinished])
            words = best[:, None]
        return outputs

    def load_pretrained(self, encoder: XLMLanguageModel | None, decoder: XLMLanguageModel | XLMDecoder | None) -> None:
        """Starts each side from a pretrained XLM; None leaves that side random.

        From a language model, the decoder takes everything but ``encoder_attn`` and ``layer_norm15``, which stay
        fresh; from a decoder, it takes these too. A side with fewer layers takes the first ones. Source: the original's
        ``build_model`` (``xlm/model/__init__.py``).

        Raises:
            RuntimeError: The sizes differ.
        """
        if encoder is not None:
            _load_part(self.encoder, encoder.transformer.state_dict())
        if isinstance(decoder, XLMDecoder):
            _load_part(self.decoder, decoder.state_dict())
        elif decoder is not None:
            head = {f"pred_layer.{name}": value for name, value in decoder.pred_layer.state_dict().items()}
            _load_part(self.decoder, decoder.transformer.state_dict() | head)


def _load_part(module: XLMTransformer, state: dict[str, Tensor]) -> None:
    wanted = module.state_dict()
    fresh = ("encoder_attn.", "layer_norm15.")
    missing, _ = module.load_state_dict({k: v for k, v in state.items() if k in wanted}, strict=False)
    unfilled = [name for name in missing if not name.startswith(fresh)]
    if unfilled:
        raise RuntimeError(f"the pretrained model lacks {', '.join(unfilled)}")


def pad(sequences: list[list[int]], device: torch.device | None = None) -> tuple[Tensor, Tensor]:
    """Right-pads id sequences: ids int64 (batch, longest) and lengths int64 (batch,)."""
    lens = torch.tensor([len(s) for s in sequences], device=device)
    longest = int(lens.max()) if len(sequences) else 0
    rows = [list(s) + [PAD_ID] * (longest - len(s)) for s in sequences]
    return torch.tensor(rows, dtype=torch.int64, device=device).reshape(len(sequences), longest), lens


def real_mask(ids: Tensor, lens: Tensor) -> Tensor | None:
    """True at real tokens, bool (batch, length); None when no row is padded."""
    if int(lens.min()) == ids.shape[1]:
        return None
    return torch.arange(ids.shape[1], device=ids.device)[None] < lens[:, None]
