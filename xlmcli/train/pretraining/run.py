"""`xlm pretrain`: an XLM from raw text."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

import numpy as np
import torch
from accelerate import Accelerator

from xlmcli.checkpoint.config import CheckpointConfig
from xlmcli.checkpoint.growing import Grown, grow
from xlmcli.checkpoint.pretrained import Pretrained, choose_tokenizer, open_pretrained
from xlmcli.errors import UsageError
from xlmcli.model.transformer import XLMLanguageModel, XLMShape, XLMTransformer
from xlmcli.sources import Source
from xlmcli.text import Tokenizer, load_tokenizer
from xlmcli.text.sentencepiece_training import TokenizerOptions, train_sentencepiece
from xlmcli.train.core.folder import alone_in_its_folder, claim_folder
from xlmcli.train.core.loop import RunState, Trainer
from xlmcli.train.core.progress import Reporter
from xlmcli.train.core.setup import (
    Langs,
    StreamMaker,
    all_langs,
    check_options,
    check_use,
    load_by_langs,
    make_accelerator,
    new_shape,
    process_share,
    report_text,
    sentences_of,
)
from xlmcli.train.data.corpus import TextData, TextOptions
from xlmcli.train.data.masking import smoothing_weights
from xlmcli.train.data.sampling import Share
from xlmcli.train.pretraining.cooccurrence import cooccurrence_embeddings
from xlmcli.train.pretraining.objectives import (
    CausalLanguageModel,
    LanguageModelObjective,
    LanguageModelOptions,
    MaskedLanguageModel,
)
from xlmcli.train.pretraining.options import PretrainOptions
from xlmcli.train.pretraining.validation import HeldOut, LanguageModelValidator

_CHUNK_TOKENS = 1_000_000


@alone_in_its_folder
def pretrain(options: PretrainOptions, reporters: Sequence[Reporter]) -> RunState:
    """Runs (or resumes) pretraining; the best model is in ``options.run.folder`` afterwards.

    Raises:
        UsageError: Options contradict each other or the folder.
        DataError: Text cannot be read.
        TrainingError: The run cannot start or go on.
    """
    check_options(options.data, options.size)
    langs = all_langs(options.data)
    pretrained = None if options.init is None else open_pretrained(options.init)
    _check(options, _new_shape(options, langs, options.vocab_size) if pretrained is None else pretrained.config.shape)
    claim_folder(options.run, options.tokenizer)
    accelerator = make_accelerator(options.run)
    reporters = reporters if accelerator.is_main_process else []
    tokenizer = _tokenizer(options, pretrained, accelerator)
    start = None if pretrained is None else grow(pretrained, tokenizer, langs)
    config = _config(options, langs, tokenizer, start)
    _check_embeddings(options, config.shape)
    train_text = _load((*options.data.mono, *options.data.parallel), tokenizer, options.data.text)
    # How often a source counts is said of training.
    held_out_sources = [replace(source, repeat=1.0) for source in options.data.valid]
    valid_text = _load(held_out_sources, tokenizer, replace(options.data.text, augmentations=(), cache=None))
    model = XLMLanguageModel(config.shape)
    if start is not None:
        model.load_state_dict(start.language_model().state_dict())
    elif options.embeddings == "cooccurrence" and not options.run.resume and accelerator.is_main_process:
        # The other processes get the main one's weights.
        _set_cooccurrence_embeddings(model.transformer, train_text.values(), options.run.loop.seed)
    lm_options = _language_model_options(options, config.shape, train_text)
    maker = StreamMaker(options.run.loop.seed, process_share(accelerator), config.lang2id, options.data.batch_tokens)
    objectives = [_objective(name, langs, train_text, maker, options, lm_options) for name in options.objectives]
    held_out = _held_out(options, config, valid_text, lm_options)
    scored = [part.stream.data.langs for part in held_out]
    warnings = check_use(options.data, objectives, scored, resumes=options.run.resume)
    trainer = Trainer(
        model,
        objectives,
        LanguageModelValidator(model, held_out, accelerator.device),
        options.run,
        reporters,
        accelerator,
    )
    trainer.begin(config, tokenizer)
    report_text(train_text, reporters, warnings)
    return trainer.run()


def _check(options: PretrainOptions, shape: XLMShape) -> None:
    if options.embeddings == "cooccurrence" and options.init is not None:
        raise UsageError("--embeddings cooccurrence is for a new model", hint="leave it out: --init brings embeddings")
    max_len, num_positions = options.data.text.limits.max_len, shape.max_positions
    positions = "--max-positions" if options.init is None else "the pretrained model's positions,"
    if options.block_len > num_positions:
        raise UsageError(f"--block-len {options.block_len} is above {positions} {num_positions}")
    if max_len is not None and max_len > num_positions - 2:
        raise UsageError(f"--max-len {max_len} leaves no room for </s> in {positions} {num_positions}")
    if "tlm" not in options.objectives:
        return
    if not options.data.parallel:
        raise UsageError("the objective tlm needs parallel text", hint="name some with --parallel")
    if not _tells_sides(shape) and (max_len is None or 2 * max_len + 4 > num_positions):
        raise UsageError(
            f"--max-len {max_len} leaves no room for a pair in {positions} {num_positions}",
            hint="in a model without language embeddings, the positions of a pair's second side follow the first's",
        )


def _check_embeddings(options: PretrainOptions, shape: XLMShape) -> None:
    if options.embeddings == "cooccurrence" and shape.dim >= shape.num_words:
        raise UsageError(
            f"--embeddings cooccurrence: {shape.num_words} words are too few for --dim {shape.dim}",
            hint="make --dim smaller than the vocabulary",
        )


def _set_cooccurrence_embeddings(encoder: XLMTransformer, texts: Iterable[TextData], seed: int) -> None:
    """Puts words near those that they share texts with; words that share none stay where they are."""
    shape, table = encoder.shape, encoder.embeddings.weight
    computed = torch.from_numpy(cooccurrence_embeddings(texts, shape.num_words, shape.dim, np.random.default_rng(seed)))
    with torch.no_grad():
        table.copy_(torch.where(computed.any(-1, keepdim=True), computed, table))


def _tells_sides(shape: XLMShape) -> bool:
    """Whether language embeddings tell the sides of a pair apart, so that both may start at the same position."""
    return shape.num_langs > 1


def _config(options: PretrainOptions, langs: Langs, tokenizer: Tokenizer, start: Grown | None) -> CheckpointConfig:
    """Sizes and languages: the pretrained model's where there is one, and those of options and text otherwise."""
    if start is None:
        return CheckpointConfig(langs, _new_shape(options, langs, tokenizer.vocab_size))
    size, config = options.size, start.config
    shape = replace(config.shape, dropout=size.dropout, attention_dropout=size.attention_dropout)
    return CheckpointConfig(config.langs, shape, licence=config.licence)


def _new_shape(options: PretrainOptions, langs: Langs, num_words: int) -> XLMShape:
    return new_shape(options.size, num_words, len(langs) if options.tells_languages else 1)


def _load(sources: Sequence[Source], tokenizer: Tokenizer, options: TextOptions) -> dict[Langs, TextData]:
    """Loads text; lines of running text may be as long as they like, since they are cut."""
    mono = [source for source in sources if len(source.langs) == 1]
    parallel = [source for source in sources if len(source.langs) == 2]
    endless = replace(options, limits=replace(options.limits, max_len=None))
    return load_by_langs(mono, tokenizer, endless) | load_by_langs(parallel, tokenizer, options)


def _tokenizer(options: PretrainOptions, pretrained: Pretrained | None, accelerator: Accelerator) -> Tokenizer:
    """The vocabulary of the run that goes on, or the one to take, or one that is learned from the text."""
    folder, data = options.run.folder, options.data
    if not options.run.resume:
        if options.tokenizer is not None or pretrained is not None:
            return choose_tokenizer(options.tokenizer, pretrained)
        if accelerator.is_main_process:
            vocabulary = TokenizerOptions(
                (*data.mono, *data.parallel),
                options.vocab_size,
                alpha=data.alpha,
                seed=options.run.loop.seed,
                lowercase=options.lowercase,
            )
            train_sentencepiece(vocabulary, folder)
        accelerator.wait_for_everyone()
    return load_tokenizer(folder)


def _language_model_options(
    options: PretrainOptions, shape: XLMShape, text: dict[Langs, TextData]
) -> LanguageModelOptions:
    counts = np.zeros(shape.num_words, dtype=np.int64)
    for data in text.values():
        for side in data.sides:
            for ids in side.segments:
                for start in range(0, len(ids), _CHUNK_TOKENS):  # a copy of all would take more memory than the text
                    counts += np.bincount(ids[start : start + _CHUNK_TOKENS], minlength=shape.num_words)
    weights = smoothing_weights(counts, options.masking.smoothing)
    return LanguageModelOptions(options.data.alpha, shape.num_words, options.masking, weights, _tells_sides(shape))


def _objective(
    name: str,
    langs: Langs,
    text: dict[Langs, TextData],
    maker: StreamMaker,
    options: PretrainOptions,
    lm_options: LanguageModelOptions,
) -> LanguageModelObjective:
    """The objective with a stream for every language (MLM, CLM) or pair (TLM) that has text."""
    if name == "tlm":
        pairs = [data for data in text.values() if len(data.langs) == 2]
        return MaskedLanguageModel(name, [maker.sentences(pair, joined=True) for pair in pairs], lm_options)
    streams = [maker.lines(sentences_of(lang, text.values()), options.block_len - 2) for lang in langs]
    return MaskedLanguageModel(name, streams, lm_options) if name == "mlm" else CausalLanguageModel(streams, lm_options)


def _held_out(
    options: PretrainOptions,
    config: CheckpointConfig,
    text: dict[Langs, TextData],
    lm_options: LanguageModelOptions,
) -> list[HeldOut]:
    """Each objective on each language or pair that validation text has."""
    maker = StreamMaker(0, Share(), config.lang2id, options.data.batch_tokens)
    parts = []
    for name in options.objectives:
        langs = tuple(lang for lang in config.langs if any(lang in data.langs for data in text.values()))
        if name == "tlm" and not any(len(data.langs) == 2 for data in text.values()):
            continue
        objective = _objective(name, langs, text, maker, options, lm_options)
        parts += [HeldOut(objective, stream) for stream in objective.streams]
    if not parts:
        raise UsageError("no validation text for these objectives", hint="name some with --valid en-fr=FILE.tsv")
    return parts
