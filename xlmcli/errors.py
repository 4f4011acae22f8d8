"""Everything that can go wrong for a user, as one tree of exceptions.

    XlmError
    ├── GateError          1   a check that was asked for and that failed
    ├── UsageError         2   options or arguments that contradict each other
    ├── DataError          3   input text, tables or files that cannot be read
    ├── ModelError         4   bundles, checkpoints, languages a model does not have
    ├── MissingExtraError  5   an optional dependency that is not installed
    └── TrainingError      6   a training run that cannot start or go on

The library raises these and never prints or exits; ``xlmcli.cli`` prints message and hint and exits with the code.
"""

from __future__ import annotations

from enum import IntEnum


class ExitCode(IntEnum):
    """Exit codes of ``xlm``; docs/formats-and-exit-codes.md has the same table."""

    OK = 0
    GATE_FAILED = 1
    USAGE = 2
    DATA = 3
    MODEL = 4
    MISSING_EXTRA = 5
    TRAINING = 6
    UNEXPECTED = 70
    HUNG_UP = 129
    INTERRUPTED = 130
    TERMINATED = 143


class XlmError(Exception):
    """An error that a user can act on.

    Attributes:
        message: What happened and where, one sentence without a final full stop.
        hint: The way out, or None.
        exit_code: What the process exits with.
    """

    exit_code: ExitCode = ExitCode.UNEXPECTED

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class GateError(XlmError):
    exit_code = ExitCode.GATE_FAILED


class UsageError(XlmError):
    exit_code = ExitCode.USAGE


class DataError(XlmError):
    exit_code = ExitCode.DATA


class ModelError(XlmError):
    exit_code = ExitCode.MODEL


class LateModelError(ModelError):
    """What is wrong with a model that is opened only when a text needs it."""


class MissingExtraError(XlmError):
    exit_code = ExitCode.MISSING_EXTRA


class TrainingError(XlmError):
    exit_code = ExitCode.TRAINING


def unreadable(path: object, error: Exception) -> str:
    """What to say of a file that cannot be read.

    Args:
        path: The file, or its name.
        error: Why; what the system says is put in lower case.
    """
    if isinstance(error, FileNotFoundError):
        return f"no such file: {path}"
    reason = error.strerror.lower() if isinstance(error, OSError) and error.strerror else str(error)
    return f"cannot read {path}: {reason or type(error).__name__}"
