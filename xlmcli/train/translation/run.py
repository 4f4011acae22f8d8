"""`xlm train translate`: an encoder-decoder grown from pretrained XLMs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import permutations

from xlmcli.checkpoint.config import CheckpointConfig, join_licences, load_config
from xlmcli.checkpoint.growing import Grown, grow
from xlmcli.checkpoint.pretrained import choose_tokenizer, open_pretrained
from xlmcli.errors import DataError, ModelError, UsageError
from xlmcli.model.seq2seq import Seq2Seq
from xlmcli.model.transformer import XLMShape
from xlmcli.records import Direction
from xlmcli.sources import Source, iter_rows
from xlmcli.text import Tokenizer
from xlmcli.train.core.folder import alone_in_its_folder, claim_folder
from xlmcli.train.core.loop import RunState, Trainer
from xlmcli.train.core.objective import Objective
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
from xlmcli.train.data.corpus import TextData, join
from xlmcli.train.translation.objectives import BackTranslation, Denoising, TranslationObjective, TranslationOptions
from xlmcli.train.translation.options import TranslateTrainingOptions
from xlmcli.train.translation.validation import ParallelText, TranslationValidator


@dataclass(frozen=True, slots=True)
class TranslationStart:
    """What training starts from: sizes and languages, and the pretrained sides, None where a side is random."""

    config: CheckpointConfig
    encoder: Grown | None
    decoder: Grown | None
    tokenizer: Tokenizer

    def new_model(self) -> Seq2Seq:
        """Makes a model with the weights of the pretrained sides."""
        model = Seq2Seq(self.config.shape, self.config.decoder_shape)
        model.load_pretrained(
            None if self.encoder is None else self.encoder.language_model(),
            None if self.decoder is None else self.decoder.decoder(),
        )
        return model


@alone_in_its_folder
def train_translation(options: TranslateTrainingOptions, reporters: Sequence[Reporter]) -> RunState:
    """Trains (or resumes) a translation model; the best one is in ``options.run.folder`` afterwards.

    Raises:
        UsageError: Options contradict each other or the folder.
        DataError: Text cannot be read.
        ModelError: A pretrained model does not fit.
        TrainingError: The run cannot start or go on.
    """
    check_options(options.data, options.size)
    claim_folder(options.run, options.tokenizer)
    start = _start(options)
    config, tokenizer = start.config, start.tokenizer
    accelerator = make_accelerator(options.run)
    reporters = reporters if accelerator.is_main_process else []
    held_out = _held_out(options, config, tokenizer)
    text = load_by_langs((*options.data.mono, *options.data.parallel), tokenizer, options.data.text)
    model = Seq2Seq(config.shape, config.decoder_shape) if options.run.resume else start.new_model()
    maker = StreamMaker(options.run.loop.seed, process_share(accelerator), config.lang2id, options.data.batch_tokens)
    objectives = [_objective(name, config, text, maker, options, model) for name in options.objectives]
    scored = [(part.direction.src, part.direction.tgt) for part in held_out]
    warnings = check_use(options.data, objectives, scored, resumes=options.run.resume)
    validator = TranslationValidator(model, held_out, tokenizer, accelerator.device)
    trainer = Trainer(model, objectives, validator, options.run, reporters, accelerator)
    trainer.begin(config, tokenizer)
    report_text(text, reporters, warnings)
    return trainer.run()


def _start(options: TranslateTrainingOptions) -> TranslationStart:
    """Loads the pretrained sides and settles languages, sizes and directions."""
    sides = (options.init_encoder, options.init_decoder)
    pretrained = {path: open_pretrained(path) for path in dict.fromkeys(sides) if path is not None}
    source = next(iter(pretrained.values()), None)
    tokenizer = choose_tokenizer(options.tokenizer, source)
    langs = _langs(options, () if source is None else source.config.langs)
    # What an older version began from a model without language embeddings has none.
    tells_languages = not options.run.resume or load_config(options.run.folder).shape.num_langs > 1
    grown = {path: grow(model, tokenizer, langs, tells_languages=tells_languages) for path, model in pretrained.items()}
    encoder, decoder = (None if path is None else grown[path] for path in sides)
    encoder_config, decoder_config = (None if side is None else side.config for side in (encoder, decoder))
    start = encoder_config or decoder_config
    if start is None:
        shape = new_shape(options.size, tokenizer.vocab_size, len(langs))
    else:
        langs, size = start.langs, options.size
        shape = replace(start.shape, dropout=size.dropout, attention_dropout=size.attention_dropout)
    _check_sides(encoder_config, decoder_config)
    _check_len(options, shape)
    available = (decoder_config.decoder_shape if decoder_config else shape).num_layers
    decoder_layers = options.decoder_layers or available
    if decoder_config is not None and decoder_layers > available:
        raise UsageError(f"--decoder-layers {decoder_layers} is more than the {available} layers to start from")
    knows_marks = decoder_config is not None and decoder_config.protects_spans
    config = CheckpointConfig(
        langs,
        shape,
        decoder_layers,
        _directions(options),
        options.data.text.limits.max_len,
        protects_spans=options.data.text.protects_spans or knows_marks,
        licence=join_licences(model.config for model in pretrained.values()),
    )
    return TranslationStart(config, encoder, decoder, tokenizer)


def _langs(options: TranslateTrainingOptions, known: Langs) -> Langs:
    """The languages of the text; a direction has no others, but for those that a pretrained model knows."""
    langs = all_langs(options.data)
    directed = {lang for direction in options.directions for lang in (direction.src, direction.tgt)}
    if strangers := sorted(directed.difference(langs, known)):
        raise UsageError(f"no text in {', '.join(strangers)}", hint="name some with --mono or --parallel")
    return langs


def _check_sides(encoder: CheckpointConfig | None, decoder: CheckpointConfig | None) -> None:
    if encoder is None or decoder is None:
        return
    shape = encoder.shape
    alike = replace(
        decoder.shape,
        num_layers=shape.num_layers,
        dropout=shape.dropout,
        attention_dropout=shape.attention_dropout,
    )
    if decoder.langs != encoder.langs or alike != shape:
        raise ModelError("the pretrained encoder and decoder differ in sizes or languages")


def _check_len(options: TranslateTrainingOptions, shape: XLMShape) -> None:
    max_len, num_positions = options.data.text.limits.max_len, shape.max_positions
    if max_len is not None and max_len > num_positions - 2:
        raise UsageError(f"--max-len {max_len} leaves no room for </s> in the model's {num_positions} positions")


def _directions(options: TranslateTrainingOptions) -> tuple[Direction, ...]:
    """The directions asked for, otherwise those into each side of parallel text that a person wrote."""
    if options.directions:
        return tuple(dict.fromkeys(options.directions))
    directions = {
        Direction(src, tgt)
        for source in options.data.parallel
        for src, tgt in permutations(source.langs)
        if tgt != source.synthetic
    }
    if not directions:
        raise UsageError("nothing to translate", hint="give --parallel text, or --direction with --mono text")
    return tuple(sorted(directions))


def _objective(
    name: str,
    config: CheckpointConfig,
    text: dict[Langs, TextData],
    maker: StreamMaker,
    options: TranslateTrainingOptions,
    model: Seq2Seq,
) -> Objective:
    shared = TranslationOptions(options.data.alpha, options.label_smoothing, options.noise)
    if name == "mt":
        pairs = _pairs(config.directions, text, is_alone="bt" not in options.objectives)
        return TranslationObjective([maker.sentences(each) for each in pairs], shared)
    langs = sorted({lang for direction in config.directions for lang in (direction.src, direction.tgt)})
    if name == "ae":
        return Denoising([maker.sentences(sentences_of(lang, text.values())) for lang in langs], shared)
    streams = [
        maker.sentences(sentences_of(direction.tgt, text.values()), langs=(direction.src, direction.tgt))
        for direction in config.directions
    ]
    return BackTranslation(streams, shared, model)


def _pairs(directions: Sequence[Direction], text: dict[Langs, TextData], *, is_alone: bool) -> list[TextData]:
    """Parallel text of each direction, the source side first.

    Args:
        directions: Those of the model.
        text: All that it learns from.
        is_alone: Whether nothing else teaches a direction that has no pairs; else it is left out, unless all are.
    """
    found, missing = [], []
    for direction in directions:
        langs = (direction.src, direction.tgt)
        texts = [data.direction(*langs) for data in text.values() if set(data.langs) == set(langs)]
        pairs = join(texts) if texts else None
        if pairs is not None and pairs.epoch_size:
            found.append(pairs)
        elif pairs is not None:
            missing.append(f"all parallel text for {direction} is synthetic in {direction.tgt}")
        else:
            missing.append(f"the objective mt has no parallel text for {direction}")
    if missing and (is_alone or not found):
        raise UsageError(missing[0], hint="name some with --parallel")
    return found


def _held_out(options: TranslateTrainingOptions, config: CheckpointConfig, tokenizer: Tokenizer) -> list[ParallelText]:
    """Validation pairs in every direction that they allow."""
    parts = []
    for direction in config.directions:
        sources = [source for source in options.data.valid if set(source.langs) == {direction.src, direction.tgt}]
        if sources:
            parts.append(_parallel_text(sources, direction, config, tokenizer))
    if not parts:
        raise UsageError("no validation pairs for these directions", hint="name some with --valid en-fr=FILE.tsv")
    return parts


def _parallel_text(
    sources: Sequence[Source], direction: Direction, config: CheckpointConfig, tokenizer: Tokenizer
) -> ParallelText:
    langs = (direction.src, direction.tgt)
    rows = [[row[source.langs.index(lang)] for lang in langs] for source in sources for row in iter_rows(source)]
    if not rows:
        names = ", ".join(f"{source.path}{source.selection}" for source in sources)
        raise DataError(f"no usable line in {names}", hint="--valid needs a pair at least")
    src, tgt = ([row[side] for row in rows] for side in (0, 1))
    room = config.shape.max_positions - 2
    sides = ((src, direction.src), (tgt, direction.tgt))
    ids = [[words[:room] for words in tokenizer.encode_batch(side, lang)] for side, lang in sides]
    return ParallelText(direction, (config.lang2id[langs[0]], config.lang2id[langs[1]]), tgt, ids[0], ids[1])
