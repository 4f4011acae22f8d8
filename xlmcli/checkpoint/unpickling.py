"""Reading pickles without running what is in them.

A pickle is a program that names functions and calls them. Here every name outside a short list is refused, and the
names on it stand for small things of ours: nothing of torch, numpy or argparse is called, only described.

Why not ``torch.load(weights_only=True, mmap=True)`` with such a list: it maps no files of the old form, which the
published XLMs have; and in torch 2.13 a key that is a tuple of tuples takes it for ever (60 levels) or down by a signal
(a million), and a file of 5 kB whose tensors repeat their numbers makes 40 GB of them.
"""

from __future__ import annotations

import io
import pickle
from _compat_pickle import IMPORT_MAPPING, NAME_MAPPING
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NoReturn

from xlmcli.checkpoint.stand_ins import DICT, SETS, StorageKind, StorageReference, find_stand_in
from xlmcli.errors import ModelError

_MAX_SHOWN = 200

# More than the state of Python's generator of random numbers, 625, the longest tuple that a checkpoint may have.
_MAX_ITEMS = 1024
# Of all tuples, each time that they are looked at.
_MAX_ITEMS_SEEN = 5_000_000
_MAX_INTEGER_BITS = 1 << 16
# The original code has keys that are pairs of languages, and none of other kinds.
_MAX_WEAK_KEYS = 100
_STRONG_KINDS = frozenset({str, bytes, float, bool, type(None)})
# Smaller integers are their own hashes.
_MAX_KEY = 1 << 60
# A dictionary of 200,000 words takes two million; an empty set, a step, takes 216 bytes.
_MAX_STEPS = 5_000_000
_MAX_COPIED_BYTES, _ITEM_BYTES = 1 << 28, 100


class RefusedPickleError(ModelError):
    """A pickle tried to load what no checkpoint needs.

    Attributes:
        name: What it tried to load, such as ``posix.system``.
    """

    def __init__(self, name: str, origin: str) -> None:
        super().__init__(
            f"{origin}: refused, its pickle tries to load {_shown(name)}",
            hint="no checkpoint of XLM needs that, and a file that loads it could run any program: do not trust it",
        )
        self.name = name


# The one that is written in Python: of the other nobody sees a tuple before it is hashed as a key.
class RestrictedUnpickler(pickle._Unpickler):
    """Unpickles tensors, ordered dicts, numpy's numbers, ``argparse.Namespace`` and plain types; refuses all else.

    Tensors become ``TensorReference``, ordered dicts and namespaces dicts, and numpy's scalars numbers of Python.
    Arrays of numpy are left out, since no checkpoint's weights are such.

    To hash a tuple is to look at all in it, and in the tuples in it, each time that they are met: a short pickle could
    make this take for ever, or go so deep that Python crashes. So all these items are counted as the tuple is made, and
    their number is limited, as is the size of integers. Keys whose hashes somebody could make equal are few, since each
    would be compared with all the others.

    A short pickle could also fill the memory: with byte arrays of any length, which no checkpoint has; with a function
    that copies the same thing again and again, so that what is copied is counted; and with one empty thing for every
    byte, so that steps are counted.

    Raises:
        RefusedPickleError: By ``load``, when the pickle names anything else.
        ModelError: By ``load``, when the pickle makes a tuple, a set or an integer that is too large, or too much.
    """

    stack: list[Any]
    dispatch = pickle._Unpickler.dispatch.copy()

    def __init__(self, content: bytes | memoryview, origin: str) -> None:
        """Prepares to read.

        Args:
            content: A pickle, and whatever is behind it.
            origin: Where it came from, for messages.
        """
        self._file = io.BytesIO(content)
        # Strings of Python 2 are latin-1 where they are bytes of numpy's numbers.
        super().__init__(self._file, encoding="latin1")
        self._origin = origin
        self._num_bytes_left = _MAX_COPIED_BYTES
        self._num_items_left, self._num_weak_keys_left = _MAX_ITEMS_SEEN, _MAX_WEAK_KEYS
        self.dispatch = _Counted(self.dispatch, origin)  # type: ignore[misc]

    @property
    def num_read(self) -> int:
        """Bytes of the pickle that were read."""
        return self._file.tell()

    def _copy(self, sources: tuple[Any, ...]) -> None:
        """Counts what a function copies of what it is given, which is at most all of it."""
        for source in sources:
            if isinstance(source, str | bytes):
                self._num_bytes_left -= len(source)
            elif isinstance(source, list | tuple | dict | set | frozenset):
                self._num_bytes_left -= _ITEM_BYTES * len(source)
        if self._num_bytes_left < 0:
            raise ModelError(f"{self._origin}: refused, its pickle copies more than {_MAX_COPIED_BYTES >> 20} MB")

    def find_class(self, module: str, name: str) -> Any:
        # torch.save writes Python 2's names, such as commands.run for subprocess.run.
        module, name = NAME_MAPPING.get((module, name), (IMPORT_MAPPING.get(module, module), name))
        found = find_stand_in(module, name)
        if found is None:
            raise RefusedPickleError(f"{module}.{name}", self._origin)
        return found

    def persistent_load(self, pid: Any) -> StorageReference:
        match pid:
            case ("storage", StorageKind() as kind, str(key), _, int(count)) | (
                "storage",
                StorageKind() as kind,
                str(key),
                _,
                int(count),
                None,
            ):
                return StorageReference(kind, key, 0, count)
            case ("storage", StorageKind() as kind, str(key), _, _, (_, int(start), int(count))):
                return StorageReference(kind, key, start, count)
        raise ModelError(f"{self._origin}: refused, its pickle refers to something that is no storage of a tensor")

    def _check(self, value: object) -> None:
        """Refuses what could take too long to hash."""
        count, rest = 0, [value]
        while rest:
            item = rest.pop()
            if isinstance(item, int) and item.bit_length() > _MAX_INTEGER_BITS:
                raise ModelError(f"{self._origin}: refused, its pickle makes an integer of {item.bit_length()} bits")
            if isinstance(item, (tuple, frozenset)):
                count += len(item)
                if count > _MAX_ITEMS:
                    raise ModelError(
                        f"{self._origin}: refused, its pickle makes a tuple or a set with over {_MAX_ITEMS} items"
                    )
                rest += item
        self._see(count)

    def _see(self, num_items: int) -> None:
        """Counts items that are looked at."""
        self._num_items_left -= num_items
        if self._num_items_left < 0:
            raise ModelError(f"{self._origin}: refused, its pickle looks at over {_MAX_ITEMS_SEEN:,} items of tuples")

    def _check_keys(self, keys: Sequence[object]) -> None:
        """Refuses many keys whose hashes are no secret; those of texts are, and those of small integers differ."""
        kinds = set(map(type, keys))
        if kinds <= _STRONG_KINDS:
            return
        for key in keys:
            items = key if type(key) is tuple else ()
            self._see(len(items))
            is_small = type(key) is int and -_MAX_KEY < key < _MAX_KEY
            if not (is_small or type(key) in _STRONG_KINDS or (items and set(map(type, items)) <= _STRONG_KINDS)):
                self._num_weak_keys_left -= 1
        if self._num_weak_keys_left < 0:
            raise ModelError(f"{self._origin}: refused, its pickle has over {_MAX_WEAK_KEYS} keys that are no texts")


class _Counted(dict[int, Callable[[Any], None]]):
    """What each step of a pickle does; as many as a checkpoint may take are looked up."""

    def __init__(self, steps: Mapping[int, Callable[[Any], None]], origin: str) -> None:
        super().__init__(steps)
        self._origin, self._num_left = origin, _MAX_STEPS

    def __getitem__(self, code: int) -> Callable[[Any], None]:
        self._num_left -= 1
        if self._num_left < 0:
            raise ModelError(f"{self._origin}: refused, its pickle takes over {_MAX_STEPS:,} steps")
        return super().__getitem__(code)


def _after_counting(load: Callable[[Any], None]) -> Callable[[Any], None]:
    """Counts what a call or a state copies of what it is given: of the last thing on the stack."""

    def load_counted(unpickler: RestrictedUnpickler) -> None:
        given = unpickler.stack[-1]
        unpickler._copy(given if isinstance(given, tuple) else (given,))
        load(unpickler)

    return load_counted


def _after_checking_keys(
    load: Callable[[Any], None], keys_of: Callable[[RestrictedUnpickler], Sequence[object]]
) -> Callable[[Any], None]:
    def load_checked(unpickler: RestrictedUnpickler) -> None:
        unpickler._check_keys(keys_of(unpickler))
        load(unpickler)

    return load_checked


def _keys_of_call(unpickler: RestrictedUnpickler) -> Sequence[object]:
    """The keys of what a call makes of its argument: a set of its items, or a dict of its pairs."""
    function, given = unpickler.stack[-2:]
    source = given[0] if isinstance(given, tuple) and given else ()
    if function not in (DICT, *SETS) or not isinstance(source, list | tuple):
        return ()
    return source if function in SETS else [pair[0] for pair in source if isinstance(pair, list | tuple) and pair]


def _refuse_array(unpickler: Any) -> NoReturn:
    raise ModelError(f"{unpickler._origin}: refused, its pickle makes a byte array, which no checkpoint has")


def _refuse_instance(unpickler: Any) -> NoReturn:
    raise ModelError(f"{unpickler._origin}: refused, its pickle makes instances in a way that no checkpoint does")


def _then_check(load: Callable[[Any], None]) -> Callable[[Any], None]:
    def load_checked(unpickler: RestrictedUnpickler) -> None:
        load(unpickler)
        unpickler._check(unpickler.stack[-1])

    return load_checked


# What makes integers, tuples and, by a function or not, frozensets.
for _code in (
    pickle.INT, pickle.LONG, pickle.LONG4, pickle.TUPLE, pickle.TUPLE1, pickle.TUPLE2, pickle.TUPLE3, pickle.FROZENSET,
    pickle.REDUCE,
):  # fmt: skip
    RestrictedUnpickler.dispatch[_code[0]] = _then_check(RestrictedUnpickler.dispatch[_code[0]])

for _code in (pickle.REDUCE, pickle.NEWOBJ, pickle.BUILD):
    RestrictedUnpickler.dispatch[_code[0]] = _after_counting(RestrictedUnpickler.dispatch[_code[0]])

# What a mark begins is the stack when it ends.
for _code, _keys_of in (
    (pickle.SETITEM, lambda unpickler: unpickler.stack[-2:-1]),
    (pickle.SETITEMS, lambda unpickler: unpickler.stack[::2]),
    (pickle.DICT, lambda unpickler: unpickler.stack[::2]),
    (pickle.ADDITEMS, lambda unpickler: unpickler.stack),
    (pickle.FROZENSET, lambda unpickler: unpickler.stack),
    (pickle.REDUCE, _keys_of_call),
):
    RestrictedUnpickler.dispatch[_code[0]] = _after_checking_keys(RestrictedUnpickler.dispatch[_code[0]], _keys_of)

RestrictedUnpickler.dispatch[pickle.BYTEARRAY8[0]] = _refuse_array

for _code in (pickle.OBJ, pickle.INST, pickle.NEWOBJ_EX):
    RestrictedUnpickler.dispatch[_code[0]] = _refuse_instance


def _shown(name: str) -> str:
    """A name that somebody made up, short and without characters that a terminal obeys or cannot write."""
    return name.encode("unicode_escape").decode("ascii")[:_MAX_SHOWN]
