"""The commands: what they are told, what is left to do, and how it went."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, get_args

import click

from xlmcli.cli.corpus.answering import ANSWERED_ALONE, PieceAnswerer, find_models
from xlmcli.cli.options import FILE, FiniteRange, grouped, require_extra
from xlmcli.cli.resumption import describe_models, describe_options
from xlmcli.cli.streams.options import StreamCommand, format_as_named
from xlmcli.console import print_line, print_note, show_line_progress
from xlmcli.errors import GateError, UsageError
from xlmcli.tables import FormatName

if TYPE_CHECKING:
    from xlmcli.corpus.files import CorpusFile
    from xlmcli.corpus.folder import CorpusFolder
    from xlmcli.corpus.pieces import Cutting, FilePiece
    from xlmcli.corpus.run import ClusterOptions
    from xlmcli.corpus.shards import Sharding

_MB = 1 << 20
_ARRAY_SUFFIX = ".npy"
# What outputs do not depend on, and what is told in another way.
_NOT_TOLD = frozenset(
    ("files", "num_workers", "cpus_per_worker", "gpus_per_worker", "address", "object_store", "dry_run")
)


@dataclass(frozen=True, slots=True)
class CorpusOptions:
    """The values of the options that are about the corpus, under their names."""

    files: tuple[Path, ...]
    output: Path
    format_name: str | None
    num_workers: int | None
    cpus_per_worker: int
    gpus_per_worker: float
    address: str | None
    object_store: int
    piece_size: int
    shard_lines: int | None
    dry_run: bool
    npy: bool = False


_STREAM_HEADINGS = {
    heading: tuple(name for name in names if name not in ANSWERED_ALONE)
    for heading, names in StreamCommand.headings.items()
}


class CorpusCommand(StreamCommand):
    """A command with these options and those of a stream."""

    headings: ClassVar = {
        **_STREAM_HEADINGS,
        "Output": (*_STREAM_HEADINGS["Output"], "shard_lines", "npy"),
        "Workers": (
            *("num_workers", "cpus_per_worker", "gpus_per_worker", "address", "object_store", "piece_size"),
            "dry_run",
        ),
    }


_NPY_OPTION = click.option("--npy", is_flag=True, help="Write arrays of float32, each to NAME.npy.")
_OPTIONS: list[Callable[[Any], Any]] = [
    click.argument("files", nargs=-1, required=True, type=FILE, metavar="INPUT..."),
    click.option(
        "-o", "--output", type=FILE, required=True, metavar="FOLDER", help="Where outputs go, named as the inputs are."
    ),
    click.option(
        "--format",
        "format_name",
        type=click.Choice(get_args(FormatName)),
        help="Of inputs and outputs.  [default: as INPUT is named, else text]",
    ),
    click.option(
        "--workers",
        "num_workers",
        type=click.IntRange(1, 100_000),
        metavar="N",
        help="Processes, each with a model of its own (default: as many as there are processors for).",
    ),
    click.option(
        "--cpus-per-worker", type=click.IntRange(1, 256), default=1, show_default=True, help="Cores of each worker."
    ),
    click.option(
        "--gpus-per-worker",
        type=FiniteRange(0, 64),
        default=0,
        show_default=True,
        help="GPUs of each worker, or the share of one.",
    ),
    click.option(
        "--address", metavar="HOST:PORT", help="Of a Ray cluster to join (auto: the one on this machine)."
    ),
    click.option(
        "--object-store",
        type=click.IntRange(80, 1_000_000),
        default=128,
        show_default=True,
        metavar="MB",
        help="Memory for what Ray passes between processes, without --address.",
    ),
    click.option(
        "--piece-size",
        type=click.IntRange(1, 100_000),
        default=8,
        show_default=True,
        metavar="MB",
        help="Larger files of lines are cut, so that several workers share them.",
    ),
    click.option(
        "--shard-lines",
        type=click.IntRange(1, 1_000_000_000),
        metavar="N",
        help="Cut each output of text, tsv or jsonl into files of N records: NAME-00000 and so on.",
    ),
    click.option("--dry-run", is_flag=True, help="Say what there is to do, and do nothing."),
]  # fmt: skip


def over_a_corpus(name: str, single: click.Command, do: str, example: str) -> click.Command:
    """Returns the command that does over a corpus what another does over a stream.

    Args:
        name: What both are called.
        single: The command, made with `stream_options`.
        do: What it does to lines of text, for the help.
        example: Arguments of the command.
    """
    own = [*_OPTIONS, _NPY_OPTION] if name == "encode" else _OPTIONS

    text = _HELP.format(do=do, name=name, example=example)

    @click.command(name, cls=CorpusCommand, help=text, short_help=f"{do} the lines of many files.")
    @grouped(CorpusOptions, "corpus", own)
    def command(corpus: CorpusOptions, **values: Any) -> None:
        _run(name, corpus, values)

    taken = {parameter.name for parameter in command.params} | ANSWERED_ALONE.keys()
    command.params += [parameter for parameter in single.params if parameter.name not in taken]
    return command


_HELP = """{do} lines of text of many files, by several workers, as `xlm {name}` does it with one.

    INPUT is a file (plain, .gz, .xz or .zst), a folder, or a pattern in quotes such as 'texts/**/*.txt'. For each file
    FOLDER gets one of the same name, complete and with its records in their order. The same command goes on where it
    was interrupted; another one is refused in the same FOLDER.

    Files of lines (text, tsv, jsonl) that are larger than --piece-size are shared by several workers; csv, parquet and
    what is compressed goes to one worker each. What fails is tried again, if its worker dies two times more. What fails
    for good is written to FOLDER/failed.jsonl, with the error; all else is done, and the exit code is 1. The same
    command tries it again.

    Needs Ray: pip install 'xlmcli[ray]'. Without --address it is started on this machine, for this run.

    \b
    Example:
      xlm corpus {name} {example}
    """


def _run(name: str, corpus: CorpusOptions, values: dict[str, Any]) -> None:
    require_extra("ray", "ray", "pyarrow")
    from xlmcli.corpus.files import find_files
    from xlmcli.corpus.folder import CorpusFolder
    from xlmcli.corpus.run import ClusterOptions

    files = find_files(corpus.files, corpus.output, _ARRAY_SUFFIX if corpus.npy else "")
    values["format_name"] = corpus.format_name or format_as_named((file.path for file in files), get_args(FormatName))
    job = describe_options(_NOT_TOLD) | {
        "--format": values["format_name"],
        "model": describe_models(find_models(name, files[0], values)),
    }
    cutting = _cutting(corpus, values)
    folder = CorpusFolder(corpus.output, _sharding(corpus, cutting))
    folder.check(job, files)
    plan = _Plan.make(folder, files, cutting)
    cluster = ClusterOptions(
        corpus.address,
        corpus.num_workers,
        corpus.cpus_per_worker,
        corpus.gpus_per_worker,
        corpus.object_store * _MB,
    )
    if corpus.dry_run:
        plan.print(cluster)
        return
    with folder.locked():
        folder.check(job, files)
        folder.begin(job, files)
        answerer = PieceAnswerer(name, values, folder, None if corpus.gpus_per_worker else corpus.cpus_per_worker)
        _answer(plan, folder, answerer, cluster, is_quiet=values["quiet"])


def _cutting(corpus: CorpusOptions, values: Mapping[str, Any]) -> Cutting | None:
    """Returns where files may be cut; None if nowhere: where CSV's records begin is not seen without reading it all.

    Neither where lines are numbered, or where an array says at its beginning how long it is.
    """
    from xlmcli.corpus.pieces import Cutting
    from xlmcli.tables import are_named

    name = values["format_name"]
    is_numbered = values.get("n_best", 1) > 1 or values.get("tokens", False)
    if name not in ("text", "tsv", "jsonl") or is_numbered or corpus.npy:
        return None
    columns = [column for column in (values["column"], values.get("pair_column")) if column is not None]
    return Cutting(corpus.piece_size * _MB, has_header=name == "tsv" and are_named(columns))


def _sharding(corpus: CorpusOptions, cutting: Cutting | None) -> Sharding | None:
    """Returns how outputs are shared out; they may be cut where inputs may."""
    from xlmcli.corpus.shards import Sharding

    if corpus.shard_lines is None:
        return None
    if cutting is None:
        raise UsageError(
            "--shard-lines is for text, tsv and jsonl, one line a record",
            hint="leave it out: one file an input",
        )
    return Sharding(corpus.shard_lines, cutting.has_header)


@dataclass(frozen=True, slots=True)
class _Plan:
    """What there is to do.

    Attributes:
        pieces: Of each file whose output is not complete, by its name.
        left: Those of them that are not done.
        num_done: Files whose output is complete.
        is_size_known: Whether what is left is as large as its files.
    """

    pieces: Mapping[str, Sequence[FilePiece]]
    left: Sequence[FilePiece]
    num_done: int
    is_size_known: bool

    @classmethod
    def make(cls, folder: CorpusFolder, files: Sequence[CorpusFile], cutting: Cutting | None) -> _Plan:
        from xlmcli.corpus.pieces import cut_file
        from xlmcli.lines import compressed_suffix

        open_files = [file for file in files if not folder.is_done(file)]
        pieces = {file.name: cut_file(file, cutting) for file in open_files}
        left = [piece for of_file in pieces.values() for piece in of_file if not folder.is_piece_done(piece)]
        is_size_known = all(compressed_suffix(file.path) is None for file in open_files)
        return cls(pieces, left, len(files) - len(open_files), is_size_known)

    def print(self, cluster: ClusterOptions) -> None:
        """Says it on stdout."""
        num_pieces = sum(map(len, self.pieces.values()))
        workers = (
            f"{cluster.num_workers or 'all'} at {cluster.address}" if cluster.address else cluster.num_local_workers
        )
        for name, amount in (
            ("files", f"{len(self.pieces) + self.num_done:,}, {self.num_done:,} done"),
            ("pieces", f"{num_pieces:,}, {num_pieces - len(self.left):,} done"),
            ("left", f"{sum(piece.num_bytes for piece in self.left):,} bytes"),
            ("workers", workers),
        ):
            print_line(f"{name}: {amount}", err=False)


def _answer(
    plan: _Plan, folder: CorpusFolder, answerer: PieceAnswerer, cluster: ClusterOptions, *, is_quiet: bool
) -> None:
    """Does what is left, and says how it went."""
    from xlmcli.corpus.run import run_pieces

    counts: Counter[str] = Counter()
    num_left = Counter(piece.name for piece in plan.left)
    num_open = {name: num_left[name] for name in plan.pieces}
    for name in [name for name, number in num_open.items() if not number]:
        folder.finish(plan.pieces[name])
    total = sum(piece.num_bytes for piece in plan.left) if plan.is_size_known else None
    failed: set[str] = set()
    num_lines = 0
    with (
        folder.failures() as failures,
        show_line_progress(not is_quiet, total, reads_stdin=False, writes_stdout=False) as progress,
    ):
        report = progress if progress.is_shown else None
        for piece, outcome in run_pieces(plan.left, answerer, cluster, report) if plan.left else ():
            num_lines += outcome.num_lines
            counts.update(outcome.counts)
            if outcome.error is not None:
                failures.add(piece, outcome.error)
                failed.add(piece.name)
                progress.fail()
                continue
            num_open[piece.name] -= 1
            if not num_open[piece.name]:
                folder.finish(plan.pieces[piece.name])
    if not is_quiet:
        for what, count in counts.items():
            print_note(f"{count:,} {'line' if count == 1 else 'lines'} {what}")
        print_note(f"{len(plan.pieces) - len(failed):,} files done, {num_lines:,} lines")
    if failed:
        raise GateError(
            f"{len(failed):,} of {len(plan.pieces):,} files could not be done",
            hint=f"{failures.path} says why; the same command tries them again",
        )
