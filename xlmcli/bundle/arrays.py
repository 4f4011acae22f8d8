"""The safetensors files of a bundle: language vectors, a classifier's layer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from xlmcli.bundle.numbers import check_numbers
from xlmcli.errors import ModelError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


def load_arrays(content: bytes, origin: object) -> dict[str, NDArray[np.float32]]:
    """Opens a file of arrays.

    Args:
        content: What the file holds.
        origin: Its name, for messages.

    Raises:
        ModelError: It is no safetensors file, holds other numbers than float32, or such as no model has.
    """
    import numpy as np
    from safetensors import SafetensorError
    from safetensors.numpy import load

    try:
        arrays = load(content)
    except SafetensorError as error:
        raise ModelError(f"{origin}: not a safetensors file ({error})") from None
    except (KeyError, TypeError, AttributeError) as error:  # of types that numpy has not
        raise ModelError(f"{origin}: expected arrays of float32, found {error}") from None
    for name, array in arrays.items():
        if array.dtype != np.float32:
            raise ModelError(f"{origin}: {name} is of {array.dtype}, expected float32")
        if array.size:
            check_numbers(array, name, origin)
    return arrays
