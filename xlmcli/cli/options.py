"""Options that several commands share, and the types of their values."""

from __future__ import annotations

import functools
import importlib.util
import math
import os
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click
from click.core import ParameterSource

from xlmcli.config import load_table
from xlmcli.errors import DataError, MissingExtraError, UsageError, XlmError
from xlmcli.records import Direction
from xlmcli.sources import Source, parse_source

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

    from xlmcli.text.augmentation import Augmentation

Function = TypeVar("Function", bound=Callable[..., Any])

_UNIT_SECONDS = {"d": 86400, "h": 3600, "m": 60, "s": 1}
_DURATION = re.compile(r"(?:\d+(?:\.\d+)?[dhms])+")


class FiniteRange(click.FloatRange):
    """Numbers in a range; ``nan`` and ``inf`` are in none."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        number: float = super().convert(value, param, ctx)
        if not math.isfinite(number):
            self.fail(f"{value!r} is not a number", param, ctx)
        return number


class SingleOption(click.Option):
    """An option that is refused when it is given twice, of which click would forget the first."""

    def add_to_parser(self, parser: Any, ctx: click.Context) -> None:
        parser.add_option(obj=self, opts=self.opts, dest=self.name, action="append", nargs=self.nargs)

    def consume_value(self, ctx: click.Context, opts: Mapping[str, Any]) -> tuple[Any, ParameterSource]:
        values = opts.get(self.name or "", ())
        if len(values) > 1:
            raise UsageError(f"{self.opts[0]} is given twice: {' and '.join(values)}", hint="give one of them")
        return super().consume_value(ctx, {self.name or "": values[0]} if values else {})


class DurationType(click.ParamType[float]):
    """A length of time such as ``90m``, ``1h30m`` or ``45s``; the value is in seconds.

    Args:
        is_positive: Whether no time at all is refused.
    """

    name = "duration"

    def __init__(self, *, is_positive: bool = False) -> None:
        self._is_positive = is_positive

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        seconds = self._read(value)
        if seconds is None:
            self.fail(f"{value!r} is not a duration: write 90m, 2h, 1h30m or 45s", param, ctx)
        if self._is_positive and not seconds:
            self.fail(f"{value!r} is no time at all", param, ctx)
        return seconds

    def _read(self, value: Any) -> float | None:
        if isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < math.inf:
            return float(value)
        text = str(value).replace(" ", "")
        if not _DURATION.fullmatch(text):
            return None
        return sum(float(amount) * _UNIT_SECONDS[unit] for amount, unit in re.findall(r"([\d.]+)([dhms])", text))


class SourceType(click.ParamType[Source]):
    """Training text; see `xlmcli.sources`."""

    name = "source"

    def __init__(self, num_langs: int | None) -> None:
        self._num_langs = num_langs

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Source:
        source = value if isinstance(value, Source) else parse_source(str(value))
        if self._num_langs is not None and len(source.langs) != self._num_langs:
            form = "LANG=FILE" if self._num_langs == 1 else "LANG-LANG=FILE"
            self.fail(f"{value!r} is not of the form {form}", param, ctx)
        return source


class AugmentationType(click.ParamType["Augmentation"]):
    """Variants of training text; see `xlmcli.text.augmentation`."""

    name = "augmentation"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Augmentation:
        from xlmcli.text.augmentation import Augmentation, parse_augmentation

        return value if isinstance(value, Augmentation) else parse_augmentation(str(value))


class ListType(click.ParamType[tuple[str, ...]]):
    """Some of several words, joined by commas, such as ``mlm,tlm``."""

    name = "list"

    def __init__(self, *choices: str) -> None:
        self._choices = choices

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, ...]:
        words = tuple(value) if isinstance(value, tuple | list) else tuple(str(value).split(","))
        for word in words:
            if word not in self._choices:
                self.fail(f"{word!r} is not one of {', '.join(self._choices)}", param, ctx)
        if len(set(words)) < len(words):
            self.fail(f"{value!r} names one twice", param, ctx)
        return words

    def get_metavar(self, param: click.Parameter, ctx: click.Context) -> str:
        return f"[{'|'.join(self._choices)}],..."


class DirectionType(click.ParamType[Direction]):
    """A translation direction such as ``en-fr``."""

    name = "direction"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Direction:
        return value if isinstance(value, Direction) else Direction.parse(str(value))


class PathType(click.Path):
    """A path, whatever is there: the library's messages say what is wrong with it."""

    def __init__(self) -> None:
        super().__init__(readable=False, path_type=Path)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        if not os.fspath(value):
            self.fail("it is empty", param, ctx)  # the working folder to a Path
        return super().convert(value, param, ctx)


class OutputType(PathType):
    """A file to write, whose name does not end as a folder's."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        path = super().convert(value, param, ctx)
        if os.path.basename(value) in ("", os.curdir, os.pardir):  # noqa: PTH119  # a Path forgets how it was written
            raise DataError(f"cannot write {value}: is a directory")
        return path


class ModelType(click.ParamType[str]):
    """The name or path of a model."""

    name = "text"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        if not value:
            self.fail("it is empty", param, ctx)
        return str(value)

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        """Completes the name of a model that is here, else a path."""
        from click.shell_completion import CompletionItem

        from xlmcli.bundle import embedded_models, pulled_models

        names = [name for name in (*embedded_models(), *pulled_models()) if name.startswith(incomplete)]
        return [CompletionItem(name) for name in names] or [CompletionItem(incomplete, type="file")]


DURATION = DurationType()
BUDGET = DurationType(is_positive=True)
MONOLINGUAL = SourceType(1)
PARALLEL = SourceType(2)
SOURCE = SourceType(None)
DIRECTION = DirectionType()
FILE = PathType()
OUTPUT = OutputType()
MODEL = ModelType()


def _check_kinds(
    context: click.Context, parameter: click.Parameter, value: tuple[Augmentation, ...]
) -> tuple[Augmentation, ...]:
    kinds = [augmentation.kind for augmentation in value]
    if twice := next((kind for kind in kinds if kinds.count(kind) > 1), None):
        raise click.BadParameter(f"{twice} twice", context, parameter)
    return value


parallel_option = click.option(
    "--parallel",
    type=PARALLEL,
    multiple=True,
    metavar="LANG-LANG=FILE",
    help="Text of two languages, TSV or FILE.{}; may be repeated.",
)
augment_option = click.option(
    "--augment",
    "augmentations",
    type=AugmentationType(),
    multiple=True,
    callback=_check_kinds,
    metavar="KIND=SHARE",
    help="Learn from variants of a share of the rows, too: capitals, lowercase, unpunctuated, joined, unaccented, "
    "typos, spans (not for a vocabulary, which has their tokens anyway); may be repeated.",
)
device_option = click.option(
    "--device",
    type=click.Choice(["auto", "cpu", "cuda"]),
    default="auto",
    show_default=True,
    help="Where to compute.",
)
lowercase_option = click.option(
    "--lowercase", is_flag=True, help="Learn a vocabulary that folds case: Good and good are one word."
)


def was_given(name: str) -> bool:
    """Tells whether an option of the command that runs was given, also in a settings file, by its parameter's name.

    It was not where the command is called by another, or where a variable of the environment gives it to all of them.
    """
    context = click.get_current_context(silent=True)
    source = None if context is None else context.get_parameter_source(name)
    return source not in (None, ParameterSource.DEFAULT, ParameterSource.ENVIRONMENT)


def was_in_file(name: str) -> bool:
    """Tells whether an option of the command that runs was given in a settings file, and not on the command line."""
    context = click.get_current_context(silent=True)
    return context is not None and context.get_parameter_source(name) is ParameterSource.DEFAULT_MAP


def grouped(record: type[Any], name: str, options: Sequence[Callable[[Any], Any]]) -> Callable[[Function], Function]:
    """Adds options to a command, which gets their values as one parameter: a record.

    Args:
        record: A dataclass whose fields are named as the options' parameters.
        name: The command's parameter.
        options: Click's decorators, in the order of the help.
    """

    def decorate(function: Function) -> Function:
        @functools.wraps(function)
        def collect(**values: Any) -> Any:
            group = record(**{field.name: values.pop(field.name) for field in fields(record) if field.name in values})
            return function(**{name: group}, **values)

        command: Any = collect
        for add_option in reversed(options):
            command = add_option(command)
        return command  # type: ignore[no-any-return]

    return decorate


def config_option(function: Function) -> Function:
    """Adds ``--config FILE.toml``: the command's table in the file gives the defaults of its options.

    Keys are the long names of options; what stands on the command line wins. Paths are taken from the working folder,
    as on the command line.
    """
    decorate = click.option(
        "--config",
        type=FILE,
        is_eager=True,
        expose_value=False,
        callback=_apply_config,
        metavar="FILE.toml",
        help="Take options from the table of this file that is named as the command; the command line wins.",
    )
    return decorate(function)


def require_extra(extra: str, *modules: str) -> None:
    """Checks that the modules of an optional dependency are installed, without importing them.

    Raises:
        MissingExtraError: One is not.
    """
    for module in modules:
        if importlib.util.find_spec(module) is None:
            raise MissingExtraError(
                f"this command needs {module}, which is not installed", hint=f"pip install 'xlmcli[{extra}]'"
            )


def _apply_config(ctx: click.Context, param: click.Parameter, path: Path | None) -> None:
    if path is None or ctx.resilient_parsing:
        return
    command = ctx.command_path.split()[1:]
    options = _options_by_key(ctx.command, without=param)
    defaults: dict[str, object] = {}
    for key, value in load_table(path, command).items():
        place = f"{path}: [{'.'.join(command)}] {key}"
        option = options.get(key)
        if option is None or option.name is None:
            known = ", ".join(sorted(options))
            raise UsageError(f"{place}: xlm {' '.join(command)} has no such option", hint=f"it has {known}")
        _check_value(ctx, option, value, place)
        defaults[option.name] = value
    ctx.default_map = {**(ctx.default_map or {}), **defaults}


def _options_by_key(command: click.Command, without: click.Parameter) -> dict[str, click.Option]:
    return {
        name.removeprefix("--"): option
        for option in command.params
        if isinstance(option, click.Option) and option is not without
        for name in option.opts
        if name.startswith("--")
    }


def _as_written(value: object) -> object:
    """What the command line would say; of a fraction it would not make a whole number."""
    if isinstance(value, list):
        return [_as_written(item) for item in value]
    return str(value) if isinstance(value, float) else value


def _check_value(ctx: click.Context, option: click.Option, value: object, place: str) -> None:
    if isinstance(value, bool) != option.is_flag:
        raise UsageError(f"{place}: expected {'true or false' if option.is_flag else 'a value'}, found {value!r}")
    if isinstance(value, list) != (option.multiple or option.nargs != 1):
        raise UsageError(f"{place}: expected {'one value' if isinstance(value, list) else 'a list'}, found {value!r}")
    try:
        option.type_cast_value(ctx, _as_written(value))
    except click.BadParameter as error:
        raise UsageError(f"{place}: {error.message}") from error
    except XlmError as error:
        raise UsageError(f"{place}: {error.message}", hint=error.hint) from error
