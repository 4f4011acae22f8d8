"""Weights that stay in their files, so that a large model can be converted piece by piece."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from safetensors import SafetensorError
from torch import Tensor

from xlmcli.checkpoint.safetensors_file import open_safetensors
from xlmcli.errors import ModelError


class StoredWeights(Mapping[str, Tensor]):
    """Weights of a safetensors file; each look reads one, in memory of its own, and closes the file again.

    Raises:
        ModelError: There is no such file, or it is damaged.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            with open_safetensors(path, "pt") as file:
                self._names = frozenset(file.keys())
        except (OSError, SafetensorError) as error:
            raise ModelError(f"{path}: {error}") from None

    def __getitem__(self, name: str) -> Tensor:
        if name not in self._names:
            raise KeyError(name)
        with open_safetensors(self._path, "pt") as file:
            tensor: Tensor = file.get_tensor(name).clone()
        return tensor

    def shape(self, name: str) -> tuple[int, ...]:
        with open_safetensors(self._path, "pt") as file:
            return tuple(file.get_slice(name).get_shape())

    def rows(self, name: str, start: int, stop: int) -> Tensor:
        """Reads some rows of a weight, in memory of their own."""
        with open_safetensors(self._path, "pt") as file:
            rows: Tensor = file.get_slice(name)[start:stop].clone()
        return rows

    def __contains__(self, name: object) -> bool:
        return name in self._names

    def __iter__(self) -> Iterator[str]:
        return iter(sorted(self._names))

    def __len__(self) -> int:
        return len(self._names)


class NamedWeights(Mapping[str, Tensor]):
    """Weights of one place or several, by names of their own; each is read when it is looked at.

    Args:
        sources: By the name that a weight is to have, where it lies and its name there.
    """

    def __init__(self, sources: Mapping[str, tuple[Mapping[str, Tensor], str]]) -> None:
        self._sources = sources

    def source(self, name: str) -> tuple[Mapping[str, Tensor], str]:
        """Where a weight lies, and its name there."""
        return self._sources[name]

    def __getitem__(self, name: str) -> Tensor:
        weights, stored = self._sources[name]
        return weights[stored]

    def __contains__(self, name: object) -> bool:
        return name in self._sources

    def __iter__(self) -> Iterator[str]:
        return iter(self._sources)

    def __len__(self) -> int:
        return len(self._sources)


def find_place(weights: Mapping[str, Tensor], name: str) -> tuple[Mapping[str, Tensor], str]:
    """Where a weight lies in the end, and its name there: several names may lead to one place."""
    while isinstance(weights, NamedWeights):
        weights, name = weights.source(name)
    return weights, name


def rename(weights: Mapping[str, Tensor], names: Mapping[str, str]) -> NamedWeights:
    """Some weights by other names: ``names`` has the name here of every name to be."""
    return NamedWeights({name: (weights, stored) for name, stored in names.items()})
