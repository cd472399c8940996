"""The type alias of arrays; docstrings give their shapes and dtypes."""

from typing import Any

from numpy.typing import NDArray

Array = NDArray[Any]
