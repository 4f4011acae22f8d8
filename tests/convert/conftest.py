from __future__ import annotations

import io
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

SOURCE_VALUES = re.compile(r"encoder_attn\.(v|out)_proj")
NUM_POSITIONS = 160
SIZES: dict[str, Any] = {
    "d_model": 16, "encoder_layers": 2, "decoder_layers": 2, "encoder_attention_heads": 2,
    "decoder_attention_heads": 2, "encoder_ffn_dim": 32, "decoder_ffn_dim": 32,
    "max_position_embeddings": NUM_POSITIONS,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Published:
    """A folder of transformers, and how transformers translates with it."""

    folder: Path
    tokenizer: Any
    model: Any

    def source_ids(self, text: str, lang: str | None, prefix: str = "") -> list[int]:
        if lang is not None:
            self.tokenizer.src_lang = lang
        ids: list[int] = self.tokenizer(prefix + text).input_ids
        return ids

    def greedy(self, ids: Sequence[int], forced: str | None, max_len: int) -> list[int]:
        """The ids of a translation, without special ones at its ends."""
        import torch

        forced_id = None if forced is None else self.tokenizer.convert_tokens_to_ids(forced)
        with torch.no_grad():
            output = self.model.generate(
                torch.tensor([ids]), num_beams=1, do_sample=False, max_length=max_len + 4,
                forced_bos_token_id=forced_id,
            )[0].tolist()[1 if forced is None else 2 :]  # fmt: skip
        eos = self.model.config.eos_token_id
        kept: list[int] = output[: output.index(eos)] if eos in output else output
        return kept[:max_len]

    def source_pieces(self, ids: Sequence[int]) -> list[str]:
        if not getattr(self.tokenizer, "separate_vocabs", False):
            return self.target_pieces(ids)
        pieces = {index: piece for piece, index in self.tokenizer.encoder.items()}
        return [pieces[index] for index in ids]

    def target_pieces(self, ids: Sequence[int]) -> list[str]:
        pieces: list[str] = self.tokenizer.convert_ids_to_tokens(ids)
        return pieces


@dataclass(frozen=True, slots=True)
class PublishedMaker:
    """Saves small random models of the published families, with vocabularies learned from ``sentences``."""

    sentences: dict[str, list[str]]

    def make(self, family: str, folder: Path) -> Published:
        """Saves the usual model of a family."""
        if family == "Marian":
            return self.marian(folder, source_lang="en", target_lang="fr")
        if family == "XLM-R":
            return self.xlm_roberta(folder, "XLMRobertaForSequenceClassification")
        makers = {"M2M-100": self.m2m, "NLLB": self.nllb, "mBART-50": self.mbart}
        return makers[family](folder)

    def marian(self, folder: Path, tokens: Sequence[str] = (), **names: str) -> Published:
        sides = {lang: learn(self.sentences[lang], 110) for lang in ("en", "fr")}
        english, french = ([piece for piece, _ in text_pieces(sides[lang])] for lang in ("en", "fr"))
        vocab = number(["</s>", "<unk>", *english, *french, *tokens, "<pad>"])
        files = write_files(folder, s=sides["en"], t=sides["fr"], v=json.dumps(vocab).encode())
        return self._save_marian(folder, files, {"vocab_size": len(vocab)}, vocab["<pad>"], names)

    def marian_of_two_vocabularies(self, folder: Path, tokens: Sequence[str] = (), **names: str) -> Published:
        """As newer models of OPUS-MT; each side has as many pieces, since transformers has one id for padding."""
        sides = {lang: learn(self.sentences[lang], 110) for lang in ("en", "fr")}
        english, french = ([piece for piece, _ in text_pieces(sides[lang])] for lang in ("en", "fr"))
        source = number(["</s>", "<unk>", *english, *tokens, "<pad>"])
        target = number(["</s>", "<unk>", *french, *(f"spare{index}" for index in range(len(tokens))), "<pad>"])
        vocabularies = {"v": json.dumps(source).encode(), "w": json.dumps(target).encode()}
        files = write_files(folder, s=sides["en"], t=sides["fr"], **vocabularies)
        sizes = {"vocab_size": len(source), "decoder_vocab_size": len(target)}
        return self._save_marian(folder, files, sizes, target["<pad>"], names)

    def _save_marian(
        self, folder: Path, files: list[str], sizes: dict[str, int], pad: int, names: dict[str, str]
    ) -> Published:
        import transformers

        is_separate = "decoder_vocab_size" in sizes
        tokenizer_class: Any = transformers.MarianTokenizer
        tokenizer = tokenizer_class(*files, separate_vocabs=is_separate, **names)
        config_class: Any = transformers.MarianConfig
        config = config_class(
            pad_token_id=pad, decoder_start_token_id=pad, eos_token_id=0, bos_token_id=0, forced_eos_token_id=0,
            share_encoder_decoder_embeddings=not is_separate, activation_function="swish", scale_embedding=True,
            **sizes, **SIZES,
        )  # fmt: skip
        model = transformers.MarianMTModel(config)
        model.generation_config.bad_words_ids = [[pad]]
        return save(model, tokenizer, folder)

    def m2m(self, folder: Path) -> Published:
        import transformers

        model = learn(self.sentences["en"] + self.sentences["fr"], 200)
        vocab = number(["<s>", "<pad>", "</s>", "<unk>", *(piece for piece, _ in text_pieces(model))])
        files = write_files(folder, v=json.dumps(vocab).encode(), spm=model)
        config = transformers.M2M100Config(vocab_size=len(vocab) + 100 + 8, scale_embedding=True, **SIZES)
        tokenizer_class: Any = transformers.M2M100Tokenizer
        tokenizer = tokenizer_class(*files)
        return save(transformers.M2M100ForConditionalGeneration(config), tokenizer, folder)

    def nllb(self, folder: Path) -> Published:
        import transformers

        letters = sorted(set("".join(self.sentences["en"] + self.sentences["fr"]).replace(" ", "▁")))
        merges = [("▁", "t"), ("▁t", "h"), ("▁th", "e"), ("o", "u"), ("l", "e"), ("▁", "a")]
        joined = ["".join(pair) for pair in merges]
        vocab = number(["<s>", "<pad>", "</s>", "<unk>", *letters, "▁", "t", *joined])
        tokenizer_class: Any = transformers.NllbTokenizer
        tokenizer = tokenizer_class(vocab=vocab, merges=merges)
        config = transformers.M2M100Config(vocab_size=len(tokenizer) + 2, scale_embedding=True, **SIZES)
        return save(transformers.M2M100ForConditionalGeneration(config), tokenizer, folder)

    def nllb_weights(self, folder: Path, vocab_size: int) -> Any:
        """Saves a model without a tokenizer."""
        import transformers

        config = transformers.M2M100Config(vocab_size=vocab_size, scale_embedding=True, **SIZES)
        model = randomise(transformers.M2M100ForConditionalGeneration(config))
        model.save_pretrained(folder)
        return model

    def mbart(self, folder: Path) -> Published:
        import transformers

        pieces = text_pieces(learn(self.sentences["en"] + self.sentences["fr"], 200))
        tokenizer = transformers.MBart50Tokenizer(vocab=[("<unk>", 0.0), ("<s>", 0.0), ("</s>", 0.0), *pieces])
        config = transformers.MBartConfig(
            vocab_size=len(tokenizer), decoder_start_token_id=2, scale_embedding=True, activation_function="relu",
            **SIZES,
        )  # fmt: skip
        return save(transformers.MBartForConditionalGeneration(config), tokenizer, folder)

    def xlm_roberta(self, folder: Path, class_name: str, **settings: Any) -> Published:
        import transformers

        pieces = text_pieces(learn(self.sentences["en"] + self.sentences["fr"], 200))
        first = [(piece, 0.0) for piece in ("<s>", "<pad>", "</s>", "<unk>")]
        tokenizer = transformers.XLMRobertaTokenizer(vocab=[*first, *pieces, ("<mask>", 0.0)])
        config = transformers.XLMRobertaConfig(
            vocab_size=len(tokenizer), hidden_size=16, num_hidden_layers=2, num_attention_heads=2,
            intermediate_size=32, max_position_embeddings=82, type_vocab_size=1, layer_norm_eps=1e-5, pad_token_id=1,
            **settings,
        )  # fmt: skip
        return save(getattr(transformers, class_name)(config), tokenizer, folder)


@pytest.fixture(scope="session")
def published(sentences: dict[str, list[str]]) -> PublishedMaker:
    for library in ("torch", "transformers", "ctranslate2", "sentencepiece"):
        pytest.importorskip(library)
    return PublishedMaker(sentences)


def learn(lines: Sequence[str], vocab_size: int, kind: str = "unigram") -> bytes:
    import sentencepiece

    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(lines), model_writer=model, vocab_size=vocab_size, model_type=kind, minloglevel=3,
        character_coverage=1.0,
    )  # fmt: skip
    return model.getvalue()


def text_pieces(model: bytes) -> list[tuple[str, float]]:
    import sentencepiece

    processor = sentencepiece.SentencePieceProcessor(model_proto=model)
    return [(processor.id_to_piece(index), processor.get_score(index)) for index in range(3, len(processor))]


def number(pieces: Sequence[str]) -> dict[str, int]:
    return {piece: index for index, piece in enumerate(dict.fromkeys(pieces))}


def write_files(folder: Path, **contents: bytes) -> list[str]:
    for name, content in contents.items():
        (folder / name).write_bytes(content)
    return [str(folder / name) for name in contents]


def save(model: Any, tokenizer: Any, folder: Path) -> Published:
    randomise(model).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return Published(folder, tokenizer, type(model).from_pretrained(folder).eval())


def randomise(model: Any) -> Any:
    """Makes every weight random, and large enough for outputs that vary; padding of translators stays zero.

    A random decoder soon repeats a token unless it listens to the source more than to itself.
    """
    import torch

    generator = torch.Generator().manual_seed(5)
    config = model.config
    with torch.no_grad():
        for name, weight in model.named_parameters():
            if "embed_positions" in name and config.model_type == "marian":
                continue
            noise = torch.randn(weight.shape, generator=generator)
            is_gain = "norm" in name.lower() and name.endswith("weight")
            scale = 0.2 if weight.dim() == 1 else 1.0 if SOURCE_VALUES.search(name) else 0.5
            weight.copy_(scale * noise + is_gain)
            if hasattr(config, "d_model") and weight.shape[0] in (config.vocab_size, target_size(config)):
                weight[config.pad_token_id] = 0
        if hasattr(model, "final_logits_bias"):
            model.final_logits_bias.copy_(0.2 * torch.randn(model.final_logits_bias.shape, generator=generator))
    return model.eval()


def target_size(config: Any) -> int:
    size: int = getattr(config, "decoder_vocab_size", config.vocab_size)
    return size
