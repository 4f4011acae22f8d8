"""Weights that stay in their file, so that a large model can be converted piece by piece."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from safetensors import SafetensorError, safe_open
from torch import Tensor

from xlmcli.errors import ModelError


class StoredWeights(Mapping[str, Tensor]):
    """Weights of a safetensors file; each look reads one, in memory of its own, and closes the file again."""

    def __init__(self, path: Path, names: Mapping[str, str] | None = None) -> None:
        """Opens a file.

        Args:
            path: The file.
            names: The file's name of every weight by the name that it is to have; None takes all as they are.

        Raises:
            ModelError: There is no such file, or it is damaged.
        """
        self._path = path
        try:
            with safe_open(path, "pt") as file:
                self._names = dict(names) if names is not None else {name: name for name in file.keys()}  # noqa: SIM118
        except (OSError, SafetensorError) as error:
            raise ModelError(f"{path}: {error}") from None

    def named(self, names: Mapping[str, str]) -> StoredWeights:
        """The same file with other names; see ``__init__``."""
        return StoredWeights(self._path, {name: self._names[old] for name, old in names.items()})

    def __getitem__(self, name: str) -> Tensor:
        stored = self._names[name]
        with safe_open(self._path, "pt") as file:
            tensor: Tensor = file.get_tensor(stored).clone()
        return tensor

    def __contains__(self, name: object) -> bool:
        return name in self._names

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)
