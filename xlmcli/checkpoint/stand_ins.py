"""What stands for the few things that pickles of checkpoints name: nothing of torch, numpy or argparse is called."""

from __future__ import annotations

import pickle
import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple, NoReturn, TypeVar

_Kind = TypeVar("_Kind")


class StorageKind(NamedTuple):
    """The type of a storage's numbers, by the name that torch gives its class, such as ``FloatStorage``."""

    name: str


class StorageReference(NamedTuple):
    """Where a pickle says that numbers lie: a storage, or a view of one.

    Attributes:
        kind: Type of the numbers.
        key: Name of the storage in its file.
        start: First number of the view.
        length: How many numbers there are.
    """

    kind: StorageKind
    key: str
    start: int
    length: int


class TensorReference(NamedTuple):
    """A tensor as a pickle describes it; nothing in it has been checked.

    Attributes:
        storage: Where its numbers lie.
        offset: Its first number in the storage.
        size: Its shape.
        stride: Numbers from one element to the next, per axis.
    """

    storage: StorageReference
    offset: int
    size: tuple[int, ...]
    stride: tuple[int, ...]


class _Dict(dict[Any, Any]):
    """Stands for ``collections.OrderedDict``, whose attributes (torch keeps versions of modules there) are left out."""

    __slots__ = ()

    def __setstate__(self, state: Any) -> None:
        pass


class _Namespace(dict[str, Any]):
    """Stands for ``argparse.Namespace``: its attributes become items."""

    __slots__ = ()

    def __setstate__(self, state: Any) -> None:
        self.update(_checked(state, dict))


class _NumberType:
    """Stands for ``numpy.dtype``: code and byte order of one kind of number."""

    __slots__ = ("_code", "_order")

    def __init__(self, code: str) -> None:
        self._code, self._order = code, "<"

    def __setstate__(self, state: Any) -> None:
        order = _checked(state, tuple)[1]
        self._order = ">" if order == ">" else "<"

    def read(self, content: bytes) -> Any:
        layout = self._order + _NUMBER_LAYOUTS[self._code]
        (number,) = struct.unpack(layout, content)
        return number


class _Array:
    """Stands for ``numpy.ndarray``, contents left out."""

    __slots__ = ()

    def __setstate__(self, state: Any) -> None:
        pass


@dataclass(frozen=True)
class _Function:
    """Stands for a function that a pickle calls. It has no state that a pickle could change."""

    call: Callable[..., Any]

    def __call__(self, *args: Any) -> Any:
        return self.call(*args)

    def __setstate__(self, state: Any) -> NoReturn:
        raise pickle.UnpicklingError("a pickle may not change what it calls")


def _rebuild_tensor(storage: Any, offset: Any, size: Any, stride: Any, *_: Any) -> TensorReference:
    for number in (offset, *_checked(size, tuple), *_checked(stride, tuple)):
        _checked(number, int)
    return TensorReference(_checked(storage, StorageReference), offset, size, stride)


def _rebuild_parameter(data: Any, *_: Any) -> TensorReference:
    return _checked(data, TensorReference)


def _encode_latin1(text: Any, encoding: Any) -> bytes:
    """``_codecs.encode``, by which Python 3 writes bytes in pickles that Python 2 can read."""
    if encoding not in ("latin1", "latin-1"):
        raise pickle.UnpicklingError("bytes in another encoding than latin-1")
    return _checked(text, str).encode("latin-1")


def _number_type(code: Any, *_: Any) -> _NumberType:
    if code not in _NUMBER_LAYOUTS:
        # Of arrays that are left out, such as those of text.
        return _NumberType("V")
    return _NumberType(code)


def _scalar(kind: Any, content: Any = b"") -> Any:
    if isinstance(content, str):
        content = content.encode("latin-1")
    return _checked(kind, _NumberType).read(_checked(content, bytes))


def _empty_bytes() -> bytes:
    return b""


def _reconstruct(*_: Any) -> _Array:
    return _Array()


def _array_class(*_: Any) -> NoReturn:
    raise pickle.UnpicklingError("numpy.ndarray is not called by what numpy writes")


def _checked(value: object, kind: type[_Kind]) -> _Kind:
    if not isinstance(value, kind):
        raise pickle.UnpicklingError(f"expected {kind.__name__}, found {type(value).__name__}")
    return value


# numpy's codes of number types, and what `struct` calls them.
_NUMBER_LAYOUTS = {
    "f8": "d", "f4": "f", "f2": "e", "i8": "q", "i4": "i", "i2": "h", "i1": "b",
    "u8": "Q", "u4": "I", "u2": "H", "u1": "B", "b1": "?",
}  # fmt: skip

_STORAGES = frozenset(
    f"{kind}Storage" for kind in ("Float", "Double", "Half", "BFloat16", "Long", "Int", "Short", "Char", "Byte", "Bool")
)

DICT, SETS = _Function(_Dict), (_Function(set), _Function(frozenset))

_KNOWN: dict[tuple[str, str], Any] = {
    ("collections", "OrderedDict"): DICT,
    ("argparse", "Namespace"): _Namespace,
    ("torch._utils", "_rebuild_tensor"): _Function(_rebuild_tensor),
    ("torch._utils", "_rebuild_tensor_v2"): _Function(_rebuild_tensor),
    ("torch._utils", "_rebuild_parameter"): _Function(_rebuild_parameter),
    ("_codecs", "encode"): _Function(_encode_latin1),
    ("numpy", "dtype"): _Function(_number_type),
    ("numpy", "ndarray"): _Function(_array_class),
    ("numpy.core.multiarray", "scalar"): _Function(_scalar),
    ("numpy._core.multiarray", "scalar"): _Function(_scalar),
    ("numpy.core.multiarray", "_reconstruct"): _Function(_reconstruct),
    ("numpy._core.multiarray", "_reconstruct"): _Function(_reconstruct),
    ("builtins", "set"): SETS[0],
    ("builtins", "frozenset"): SETS[1],
    ("builtins", "bytes"): _Function(_empty_bytes),
}


def find_stand_in(module: str, name: str) -> Any:
    """Returns what stands for something that a pickle names; None of what no checkpoint needs."""
    if module == "torch" and name in _STORAGES:
        return StorageKind(name)
    return _KNOWN.get((module, name))
