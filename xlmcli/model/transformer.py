"""The XLM transformer, with the parameter names of ``transformers.XLMModel``.

Source: Conneau & Lample 2019, "Cross-lingual Language Model Pretraining", and the original code (facebookresearch/XLM
cd281d3, ``xlm/model/transformer.py``), whose decoder names (``encoder_attn``, ``layer_norm15``) are kept.

Axes are always batch, length, dim; masks are True at real tokens.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from xlmcli.text.special import PAD_ID


@dataclass(frozen=True, slots=True)
class XLMShape:
    """Everything that decides the sizes and the arithmetic of an XLM.

    Attributes:
        num_words: Rows of the embedding table, special tokens included.
        num_langs: Languages; language embeddings exist when this is above 1.
        dim: Width of the states; the feed-forward layers are four times as wide.
        num_layers: Transformer layers.
        num_heads: Attention heads; must divide ``dim``.
        max_positions: Rows of the position table, the longest sequence that the model can read.
        gelu: Exact GELU in the feed-forward layers, otherwise ReLU.
        sinusoidal: Fixed sinusoidal positions instead of learned ones.
        dropout: Probability, on embeddings and on the output of every sublayer.
        attention_dropout: Probability, on attention weights.
        tied_output: Whether the output layer's matrix is the embedding table.
        layer_norm_eps: What every LayerNorm adds to the variance.
    """

    num_words: int
    num_langs: int
    dim: int
    num_layers: int
    num_heads: int
    max_positions: int = 512
    gelu: bool = True
    sinusoidal: bool = False
    dropout: float = 0.1
    attention_dropout: float = 0.0
    tied_output: bool = True
    layer_norm_eps: float = 1e-12


@dataclass(frozen=True, slots=True)
class Tokens:
    """A padded batch of token sequences.

    Attributes:
        ids: Token ids, int64 (batch, length), right-padded with ``<pad>``.
        mask: True at real tokens, bool (batch, length); None when nothing is padded.
        langs: Language ids, int64, broadcastable to (batch, length); None adds no language embedding.
        positions: Positions, int64 (batch, length); None counts from 0.
    """

    ids: Tensor
    mask: Tensor | None
    langs: Tensor | None
    positions: Tensor | None = None


@dataclass(frozen=True, slots=True)
class Memory:
    """What a decoder attends to: encoder states (batch, src_len, dim) and their mask (batch, src_len)."""

    states: Tensor
    mask: Tensor | None


class KeyValueCache:
    """What incremental decoding has already computed, per layer: keys and values (batch, heads, length, head_dim)."""

    def __init__(self) -> None:
        self.self_attention: dict[int, tuple[Tensor, Tensor]] = {}
        self.cross_attention: dict[int, tuple[Tensor, Tensor]] = {}
        self.length = 0

    def append(self, layer: int, key: Tensor, value: Tensor) -> tuple[Tensor, Tensor]:
        """Adds one step's keys and values to a layer and returns all of them."""
        if layer in self.self_attention:
            past_key, past_value = self.self_attention[layer]
            key, value = torch.cat([past_key, key], dim=2), torch.cat([past_value, value], dim=2)
        self.self_attention[layer] = (key, value)
        return key, value

    def keep(self, rows: Tensor) -> None:
        """Keeps only the given batch rows, bool or int64 (batch,)."""
        for store in (self.self_attention, self.cross_attention):
            for layer, (key, value) in store.items():
                store[layer] = (key[rows], value[rows])


class MultiHeadAttention(nn.Module):
    def __init__(self, shape: XLMShape) -> None:
        super().__init__()
        self.num_heads = shape.num_heads
        self.dropout = shape.attention_dropout
        self.q_lin = nn.Linear(shape.dim, shape.dim)
        self.k_lin = nn.Linear(shape.dim, shape.dim)
        self.v_lin = nn.Linear(shape.dim, shape.dim)
        self.out_lin = nn.Linear(shape.dim, shape.dim)

    def project_self(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Queries, keys and values of ``x``, in one matrix product."""
        weight = torch.cat([self.q_lin.weight, self.k_lin.weight, self.v_lin.weight])
        bias = torch.cat([self.q_lin.bias, self.k_lin.bias, self.v_lin.bias])
        query, key, value = F.linear(x, weight, bias).chunk(3, dim=-1)
        return self._split(query), self._split(key), self._split(value)

    def project_query(self, x: Tensor) -> Tensor:
        return self._split(self.q_lin(x))

    def project_memory(self, states: Tensor) -> tuple[Tensor, Tensor]:
        """Keys and values of encoder states, in one matrix product."""
        weight = torch.cat([self.k_lin.weight, self.v_lin.weight])
        bias = torch.cat([self.k_lin.bias, self.v_lin.bias])
        key, value = F.linear(states, weight, bias).chunk(2, dim=-1)
        return self._split(key), self._split(value)

    def attend(
        self, query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None = None, *, causal: bool = False
    ) -> Tensor:
        """Scaled dot-product attention.

        Args:
            query: (batch, heads, tgt_len, head_dim).
            key: (batch, heads, src_len, head_dim), as ``value``.
            value: See ``key``.
            mask: True at real keys, bool (batch, src_len).
            causal: Whether a query sees only keys at its own position and before.

        Returns:
            (batch, tgt_len, dim).
        """
        visible = None if mask is None else mask[:, None, None, :]
        if causal:
            square = torch.ones(query.shape[2], key.shape[2], dtype=torch.bool, device=query.device).tril()
            visible = square if visible is None else visible & square
        dropout = self.dropout if self.training else 0.0
        if query.device.type == "cpu":
            context = _attend_in_full(query, key, value, visible, dropout)
        else:
            context = F.scaled_dot_product_attention(query, key, value, visible, dropout)
        return cast(Tensor, self.out_lin(context.transpose(1, 2).flatten(2)))

    def _split(self, x: Tensor) -> Tensor:
        return x.view(*x.shape[:2], self.num_heads, -1).transpose(1, 2)


class FeedForward(nn.Module):
    def __init__(self, shape: XLMShape) -> None:
        super().__init__()
        self.lin1 = nn.Linear(shape.dim, 4 * shape.dim)
        self.lin2 = nn.Linear(4 * shape.dim, shape.dim)
        self.gelu = shape.gelu

    def forward(self, x: Tensor) -> Tensor:
        hidden = self.lin1(x)
        return cast(Tensor, self.lin2(F.gelu(hidden) if self.gelu else F.relu(hidden)))


class PredictionLayer(nn.Module):
    """The output layer: tied to the embeddings unless the shape says otherwise, with a bias of its own."""

    def __init__(self, shape: XLMShape, embeddings: nn.Embedding) -> None:
        super().__init__()
        self.proj = nn.Linear(shape.dim, shape.num_words)
        if shape.tied_output:
            self.proj.weight = embeddings.weight

    def forward(self, states: Tensor) -> Tensor:
        return cast(Tensor, self.proj(states))


class XLMTransformer(nn.Module):
    """XLM's post-norm transformer, as an encoder or (with ``cross_attention``) as a decoder."""

    def __init__(self, shape: XLMShape, *, cross_attention: bool = False) -> None:
        super().__init__()
        self.shape = shape
        self.embeddings = nn.Embedding(shape.num_words, shape.dim, padding_idx=PAD_ID)
        self.position_embeddings = nn.Embedding(shape.max_positions, shape.dim)
        self.lang_embeddings = nn.Embedding(shape.num_langs, shape.dim) if shape.num_langs > 1 else None
        self.layer_norm_emb = nn.LayerNorm(shape.dim, eps=shape.layer_norm_eps)
        layers = range(shape.num_layers)
        self.attentions = nn.ModuleList([MultiHeadAttention(shape) for _ in layers])
        self.layer_norm1 = _layer_norms(shape)
        self.ffns = nn.ModuleList([FeedForward(shape) for _ in layers])
        self.layer_norm2 = _layer_norms(shape)
        self.encoder_attn = nn.ModuleList([MultiHeadAttention(shape) for _ in layers]) if cross_attention else None
        self.layer_norm15 = _layer_norms(shape) if cross_attention else None
        self._initialise()

    def forward(
        self,
        tokens: Tokens,
        *,
        causal: bool = False,
        memory: Memory | None = None,
        cache: KeyValueCache | None = None,
    ) -> Tensor:
        """Computes the states of the last layer.

        Args:
            tokens: The sequences; with a ``cache``, only the tokens that follow what it holds.
            causal: Whether each position sees only itself and what comes before.
            memory: Encoder states; required by a decoder.
            cache: Filled on the way, for incremental decoding.

        Returns:
            (batch, length, dim), zero at padding.
        """
        x = self._embed(tokens, offset=0 if cache is None else cache.length)
        for layer in range(self.shape.num_layers):
            x = self._layer(layer, x, tokens.mask, causal, memory, cache)
        if cache is not None:
            cache.length += tokens.ids.shape[1]
        return x if tokens.mask is None else x * tokens.mask[:, :, None]

    def _embed(self, tokens: Tokens, offset: int) -> Tensor:
        positions = tokens.positions
        if positions is None:
            length = tokens.ids.shape[1]
            positions = torch.arange(offset, offset + length, device=tokens.ids.device)[None]
        x = self.embeddings(tokens.ids) + self.position_embeddings(positions)
        if self.lang_embeddings is not None and tokens.langs is not None:
            x = x + self.lang_embeddings(tokens.langs)
        x = self._dropout(self.layer_norm_emb(x))
        device = x.device.type
        # Under autocast the states between the layers are kept in half precision as well: half the memory traffic.
        return x.to(torch.get_autocast_dtype(device)) if torch.is_autocast_enabled(device) else x

    def _layer(
        self,
        layer: int,
        x: Tensor,
        mask: Tensor | None,
        causal: bool,
        memory: Memory | None,
        cache: KeyValueCache | None,
    ) -> Tensor:
        attention = cast(MultiHeadAttention, self.attentions[layer])
        query, key, value = attention.project_self(x)
        if cache is not None:
            key, value = cache.append(layer, key, value)
        x = self.layer_norm1[layer](x + self._dropout(attention.attend(query, key, value, mask, causal=causal)))
        if memory is not None and self.encoder_attn is not None and self.layer_norm15 is not None:
            attention = cast(MultiHeadAttention, self.encoder_attn[layer])
            key, value = self._memory_keys(layer, memory, cache)
            context = attention.attend(attention.project_query(x), key, value, memory.mask)
            x = self.layer_norm15[layer](x + self._dropout(context))
        return cast(Tensor, self.layer_norm2[layer](x + self._dropout(self.ffns[layer](x))))

    def _memory_keys(self, layer: int, memory: Memory, cache: KeyValueCache | None) -> tuple[Tensor, Tensor]:
        if cache is not None and layer in cache.cross_attention:
            return cache.cross_attention[layer]
        assert self.encoder_attn is not None
        keys = cast(MultiHeadAttention, self.encoder_attn[layer]).project_memory(memory.states)
        if cache is not None:
            cache.cross_attention[layer] = keys
        return keys

    def _dropout(self, x: Tensor) -> Tensor:
        return _drop(x, self.shape.dropout) if self.training and self.shape.dropout > 0 else x

    def _initialise(self) -> None:
        """Embeddings N(0, 1/dim), a zero row for padding, linear layers as PyTorch makes them: the original's start.

        Learned positions begin as sinusoids, as long as such an embedding, whose waves are up to twice as long as the
        table, so that all columns differ between places; the original's begin at random, from which a short pretraining
        learns less (docs/results.md).
        """
        for table in (self.embeddings, self.lang_embeddings):
            if table is not None:
                nn.init.normal_(table.weight, std=self.shape.dim**-0.5)
        num_positions, dim = self.position_embeddings.weight.shape
        if self.shape.sinusoidal:
            self.position_embeddings.weight.requires_grad_(False)
            positions = _sinusoids(num_positions, dim)
        else:
            positions = _sinusoids(num_positions, dim, longest_wave=2 * num_positions) * (2 / dim) ** 0.5
        with torch.no_grad():
            self.embeddings.weight[PAD_ID].zero_()
            self.position_embeddings.weight.copy_(positions)


class XLMLanguageModel(nn.Module):
    """An XLM with its prediction layer, named as ``transformers.XLMWithLMHeadModel`` names them."""

    def __init__(self, shape: XLMShape) -> None:
        super().__init__()
        self.transformer = XLMTransformer(shape)
        self.pred_layer = PredictionLayer(shape, self.transformer.embeddings)

    def forward(self, tokens: Tokens, predicted: Tensor, *, causal: bool = False) -> Tensor:
        """Scores every word at the positions to predict.

        Args:
            tokens: The sequences.
            predicted: True where a word is predicted, bool (batch, length).
            causal: Left-to-right (CLM) instead of both ways (MLM, TLM).

        Returns:
            Logits, (number of predicted positions, vocab), positions in row-major order.
        """
        states = self.transformer(tokens, causal=causal)
        return cast(Tensor, self.pred_layer(states[predicted]))


def _attend_in_full(query: Tensor, key: Tensor, value: Tensor, visible: Tensor | None, dropout: float) -> Tensor:
    """Attention with its whole weight matrix.

    On a CPU, forward and backward take a third of the fused kernel's time at the lengths of sentences (PyTorch 2.13,
    bfloat16, 14 to 128 tokens).
    """
    scores = torch.matmul(query * query.shape[-1] ** -0.5, key.transpose(-2, -1))
    if visible is not None:
        scores = scores.masked_fill(~visible, torch.finfo(scores.dtype).min)
    return torch.matmul(F.dropout(scores.softmax(-1), dropout, dropout > 0), value)


def _drop(x: Tensor, probability: float) -> Tensor:
    """Dropout; on a CPU by two random bytes an element, a probability in 65,536ths, which saves a tenth of a step."""
    if x.device.type != "cpu":
        return F.dropout(x, probability)
    threshold = min(65_535, round(65_536 * probability))
    words = torch.empty(x.numel() // 4 + 1, dtype=torch.int64).random_(-(2**63), None)
    kept = (words.view(torch.int16)[: x.numel()] >= threshold - 32_768).view(x.shape)
    return x * kept.to(x.dtype).mul_(65_536 / (65_536 - threshold))


def _layer_norms(shape: XLMShape) -> nn.ModuleList:
    return nn.ModuleList([nn.LayerNorm(shape.dim, eps=shape.layer_norm_eps) for _ in range(shape.num_layers)])


def _sinusoids(num_positions: int, dim: int, longest_wave: float = 2 * math.pi * 10_000) -> Tensor:
    """Vaswani et al.'s table, (num_positions, dim): sines at even columns, cosines at odd ones; rows √(dim/2) long."""
    positions = torch.arange(num_positions, dtype=torch.float64)[:, None]
    shares = torch.arange(0, dim, 2, dtype=torch.float64) / dim
    angles = positions / torch.pow(longest_wave / (2 * math.pi), shares)[None]
    return torch.stack([angles.sin(), angles.cos()], dim=-1).flatten(1)[:, :dim].to(torch.float32)
