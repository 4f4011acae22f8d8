"""`xlm train translate`."""

from __future__ import annotations

from pathlib import Path

import click

from xlmcli.cli.options import DIRECTION, FILE, MODEL, FiniteRange, ListType, config_option, require_extra
from xlmcli.cli.training.flags import DataFlags, RunFlags, SizeFlags
from xlmcli.cli.training.options import (
    TrainingCommand,
    data_options,
    init_option,
    language_run_options,
    model_folder,
    refuse_sizes,
    size_options,
)
from xlmcli.records import Direction


@click.command("translate", cls=TrainingCommand, short_help="Train a model that translates.")
@init_option("A pretrained XLM for both sides or a translator")
@click.option(
    "--init-encoder",
    type=MODEL,
    help="A pretrained XLM or a translator for the encoder alone, or none.",
)
@click.option(
    "--init-decoder",
    type=MODEL,
    help="A pretrained XLM or a translator for the decoder alone, or none.",
)
@click.option("--tokenizer", type=FILE, help="Folder with a vocabulary; by default that of the pretrained model.")
@click.option(
    "--decoder-layers",
    type=click.IntRange(1, 128),
    help="Depth of the decoder, the first layers of what it starts from; by default all.",
)
@click.option(
    "--direction", "directions", type=DIRECTION, multiple=True, help="Such as en-fr; by default both of each pair."
)
@click.option(
    "--objectives",
    type=ListType("mt", "ae", "bt"),
    default="mt",
    show_default=True,
    help="Translation, denoising auto-encoding, online back-translation, joined by commas; several take turns.",
)
@click.option(
    "--label-smoothing",
    type=FiniteRange(0, 1),
    default=0.1,
    show_default=True,
    help="Share spread over all words.",
)
@click.option("--word-shuffle", type=FiniteRange(0), default=3.0, show_default=True, help="ae: places a word moves.")
@click.option(
    "--word-drop", type=FiniteRange(0, 1), default=0.1, show_default=True, help="ae: share of words left out."
)
@click.option("--word-blank", type=FiniteRange(0, 1), default=0.1, show_default=True, help="ae: share of words masked.")
@data_options
@size_options
@language_run_options
@config_option
def command(
    init: str,
    init_encoder: str | None,
    init_decoder: str | None,
    tokenizer: Path | None,
    decoder_layers: int | None,
    directions: tuple[Direction, ...],
    objectives: tuple[str, ...],
    label_smoothing: float,
    word_shuffle: float,
    word_drop: float,
    word_blank: float,
    data: DataFlags,
    size: SizeFlags,
    run: RunFlags,
) -> None:
    """Train an encoder-decoder that translates, and write it to OUT_FOLDER.

    All directions share one model; language embeddings tell them apart. ae and bt read --mono and all sides of
    --parallel; with bt, mt need not have pairs of every direction. The best model by mean BLEU of --valid is kept; xlm
    convert makes it a bundle that xlm translate runs. With --init, the sizes are the pretrained model's; with another
    --tokenizer, new words begin as the mean of the old words that spell them. Several processes: start the same command
    with `torchrun --nproc-per-node N -m xlmcli` or, on GPUs, `accelerate launch -m xlmcli`.

    \b
    Examples:
      xlm train translate --init xlm-en-fr --parallel en-fr=pairs.tsv --valid en-fr=dev.tsv --max-time 2h mt-en-fr
      xlm train translate --init xlm-en-fr --objectives ae,bt --direction en-fr --direction fr-en \\
          --mono en=english.txt --mono fr=french.txt --valid en-fr=dev.tsv --max-steps 50000 unsupervised-en-fr
    """
    require_extra("train", "torch", "accelerate")
    from xlmcli.console import show_training
    from xlmcli.train.core.log import JsonLog
    from xlmcli.train.data.masking import NoiseOptions
    from xlmcli.train.translation.options import TranslateTrainingOptions
    from xlmcli.train.translation.run import train_translation

    sides = {"--init-encoder": init_encoder, "--init-decoder": init_decoder}
    starts = {option: model_folder(init if name is None else name) for option, name in sides.items()}
    if option := next((option for option, start in starts.items() if start is not None), None):
        refuse_sizes("--init" if sides[option] is None else option)
    options = TranslateTrainingOptions(
        tokenizer=tokenizer,
        init_encoder=starts["--init-encoder"],
        init_decoder=starts["--init-decoder"],
        decoder_layers=decoder_layers,
        directions=directions,
        objectives=objectives,
        label_smoothing=label_smoothing,
        noise=NoiseOptions(word_shuffle, word_drop, word_blank),
        data=data.options(run.seed),
        size=size.options(),
        run=run.options(),
    )
    with show_training(run.quiet) as display:
        train_translation(options, [JsonLog(options.run.folder), display])
