"""What the training of a classifier starts from: its sizes, languages, labels, vocabulary and first weights."""

from __future__ import annotations

from dataclasses import dataclass, replace

from xlmcli.checkpoint.config import CheckpointConfig
from xlmcli.checkpoint.growing import Grown, grow
from xlmcli.checkpoint.pretrained import choose_tokenizer, join_langs, open_pretrained
from xlmcli.errors import DataError, ModelError, UsageError
from xlmcli.model.classifier import Classifier
from xlmcli.model.classifier_config import ClassifierConfig
from xlmcli.model.transformer import XLMTransformer
from xlmcli.text import Tokenizer
from xlmcli.text.fixed_rules import FixedRulesTokenizer
from xlmcli.text.special import BOS_ID
from xlmcli.train.classification.options import ClassifyTrainingOptions
from xlmcli.train.core.setup import check_size, new_shape


@dataclass(frozen=True, slots=True)
class ClassifierStart:
    """What each run begins with.

    Attributes:
        config: Of the checkpoint to be.
        pretrained: A whole classifier, an encoder, or None for random weights.
        tokenizer: The vocabulary.
        has_new_labels: Whether it is the encoder of a classifier that has other labels.
    """

    config: CheckpointConfig
    pretrained: Classifier | XLMTransformer | None
    tokenizer: Tokenizer
    has_new_labels: bool

    @property
    def classifier(self) -> ClassifierConfig:
        assert self.config.classifier is not None
        return self.config.classifier

    @property
    def max_len(self) -> int:
        """Tokens that are kept of a text, or of both of a pair."""
        assert self.config.max_len is not None
        return self.config.max_len

    def new_model(self) -> Classifier:
        """A model with the weights to start from; those that are not given are random."""
        model = Classifier(self.config.shape, self.classifier)
        if isinstance(self.pretrained, Classifier):
            model.load_state_dict(self.pretrained.state_dict())
        elif self.pretrained is not None:
            model.transformer.load_state_dict(self.pretrained.state_dict())
        languages = model.transformer.lang_embeddings
        if languages is not None and self.classifier.start_id == BOS_ID:
            # Never read, see `make_tokens`; processes that train together would wait for their gradient.
            languages.requires_grad_(False)
        return model


def check_data(options: ClassifyTrainingOptions) -> None:
    """Finds what is wrong with the options before any work is done.

    Raises:
        UsageError: Text is missing, or ``--select`` names a language without held-out text.
    """
    if not options.train:
        raise UsageError("no training text", hint="name some with --train, such as --train en=FILE.tsv")
    if not options.valid:
        raise UsageError("no validation text", hint="name some with --valid, such as --valid en=FILE.tsv")
    strangers = sorted(set(options.select) - {lang for source in options.valid for lang in source.langs})
    if strangers:
        raise UsageError(f"--select {','.join(strangers)}: no --valid text in this language")
    if options.init is None:
        check_size(options.size)


def make_start(options: ClassifyTrainingOptions, labels: tuple[str, ...]) -> ClassifierStart:
    """Loads what to start from, and settles languages, sizes and labels.

    Args:
        options: All options.
        labels: The labels of the training text.

    Raises:
        DataError: There are no labels.
        UsageError: Options contradict each other, or there is no vocabulary or a single label.
        ModelError: The model to start from does not fit the text.
    """
    if not labels:
        raise DataError(f"no labels in {', '.join(str(source.path) for source in options.train)}")
    if len(labels) < 2:
        is_detector = options.columns.multi_label
        raise UsageError(
            f"all training text has {'no label but this one' if is_detector else 'the same label'}: {labels[0]}",
            hint="leave out --multi-label, and give the other texts a label, too"
            if is_detector
            else "--label-column and --text-column choose the columns",
        )
    taught = {lang for source in options.train for lang in source.langs}
    asked = {lang for source in options.valid for lang in source.langs}
    source = None if options.init is None else open_pretrained(options.init)
    tokenizer = choose_tokenizer(options.tokenizer, source)
    grown = None if source is None else grow(source, tokenizer, taught)
    old_head = None if source is None else source.config.classifier
    keeps_head = old_head is not None and set(labels) == set(old_head.labels)
    if grown is None:
        langs = tuple(sorted(taught | asked))
        config = CheckpointConfig(langs, new_shape(options.size, tokenizer.vocab_size, len(langs)))
    else:
        old = grown.config
        config = replace(
            old,
            langs=join_langs(old, asked),
            decoder_layers=None,
            directions=(),
            protects_spans=False,
            shape=replace(old.shape, dropout=options.size.dropout, attention_dropout=options.size.attention_dropout),
        )
    head = _old_head(options, old_head) if old_head and keeps_head else _new_head(options, old_head, labels)
    known_langs = old_head.train_langs if old_head and keeps_head else ()
    head = replace(head, train_langs=tuple(sorted(taught.union(known_langs))))
    config = replace(config, classifier=head, max_len=_max_len(options, config))
    return ClassifierStart(
        config,
        _weights(grown, keeps_head=keeps_head),
        tokenizer_of(old_head, tokenizer),
        has_new_labels=old_head is not None and not keeps_head,
    )


def _weights(grown: Grown | None, *, keeps_head: bool) -> Classifier | XLMTransformer | None:
    """The weights to start from."""
    if grown is None:
        return None
    return grown.classifier() if keeps_head else grown.encoder()


def tokenizer_of(classifier: ClassifierConfig | None, tokenizer: Tokenizer) -> Tokenizer:
    """The tokenizer as a classifier reads text, and as ``xlm classify`` does with it.

    One whose texts begin with ``<s>`` was trained through Hugging Face's tokenizer, which goes by the English rules.
    """
    follows_transformers = classifier is not None and classifier.start_id == BOS_ID
    return FixedRulesTokenizer(tokenizer) if follows_transformers else tokenizer


def _new_head(
    options: ClassifyTrainingOptions, old: ClassifierConfig | None, labels: tuple[str, ...]
) -> ClassifierConfig:
    """A head for these labels, which reads texts as the one before did, if there was one."""
    like = old or ClassifierConfig(labels)
    return ClassifierConfig(
        labels, options.columns.multi_label, options.pooling or like.pooling, start_id=like.start_id
    )


def _old_head(options: ClassifyTrainingOptions, old: ClassifierConfig) -> ClassifierConfig:
    """What is trained further."""
    if options.columns.multi_label != old.multi_label:
        raise ModelError(
            f"the classifier to start from gives {'any number of labels' if old.multi_label else 'one label'} a text",
            hint=f"{'add' if old.multi_label else 'leave out'} --multi-label",
        )
    if options.pooling not in (None, old.pooling):
        raise ModelError(f"the classifier to start from has --pooling {old.pooling}, not {options.pooling}")
    return replace(old, temperature=1.0)


def _max_len(options: ClassifyTrainingOptions, config: CheckpointConfig) -> int:
    room = config.shape.max_positions - 1 - options.columns.num_texts
    if options.max_len is not None and options.max_len > room:
        raise UsageError(f"--max-len {options.max_len} leaves no room for </s>: the model reads {room} tokens at most")
    return options.max_len or room
