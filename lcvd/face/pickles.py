"""Read pickles of head models without executing code in them.

FLAME's files have NumPy arrays, SciPy sparse matrices, and chumpy arrays, whose package can no longer be installed. Only
NumPy's constructors are called. Classes of chumpy and SciPy are replaced by placeholders that keep the stored fields.
Anything else is rejected before it is imported.
"""

import copyreg
import importlib
import pickle
from pathlib import Path
from typing import Any

import numpy as np
from scipy.sparse import csc_matrix, csr_matrix

from lcvd.array import Array
from lcvd.errors import FileError


class PickleRefused(FileError):
    """A pickle requests a function or class that arrays don't need, or has objects other than arrays."""


class Holder:
    """Placeholder for an object whose class isn't imported: its stored fields."""

    name = ""

    def __setstate__(self, state: Any) -> None:
        # The state of a class with slots is a pair (dict, slots).
        parts = state if isinstance(state, tuple) else (state,)
        self.fields: dict[str, Any] = {}
        for part in parts:
            if isinstance(part, dict):
                self.fields.update(part)


def _array_parts() -> dict[tuple[str, str], Any]:
    """Return all functions and classes that pickles of NumPy arrays use, for every NumPy version on Python 2 and 3."""
    reconstruct = importlib.import_module("numpy._core.multiarray")._reconstruct
    allowed: dict[tuple[str, str], Any] = {
        ("numpy", "ndarray"): np.ndarray,
        ("numpy", "dtype"): np.dtype,
        ("_codecs", "encode"): _encode,
        ("copy_reg", "_reconstructor"): copyreg._reconstructor,  # type: ignore[attr-defined]
        ("copyreg", "_reconstructor"): copyreg._reconstructor,  # type: ignore[attr-defined]
        ("__builtin__", "object"): object,
        ("builtins", "object"): object,
    }
    for core in ("numpy.core.multiarray", "numpy._core.multiarray"):
        allowed[core, "_reconstruct"] = reconstruct
    return allowed


def _encode(text: str, encoding: str) -> bytes:
    """Decode bytes as pickled by Python 3 with protocol 2."""
    if encoding != "latin1":
        raise PickleRefused(f"encodes text as {encoding!r}; arrays are stored as latin1")
    return text.encode("latin1")


class _Unpickler(pickle.Unpickler):
    _allowed = _array_parts()

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) in self._allowed:
            return self._allowed[module, name]
        if module.split(".")[0] == "chumpy" or module.startswith("scipy.sparse"):
            return type(name, (Holder,), {"name": f"{module}.{name}"})
        raise PickleRefused(f"asks for {module}.{name}")


def read_arrays(path: Path) -> dict[str, Any]:
    """Read a pickled dictionary. Values are arrays, placeholders (`dense` converts them to arrays) or plain data.

    Raises:
        FileNotFoundError: the file doesn't exist.
        PickleRefused: the pickle requests a function or class that arrays don't need (it isn't called), is truncated, or
            isn't a dictionary.
    """
    with path.open("rb") as stream:
        try:
            found = _Unpickler(stream, encoding="latin1").load()
        except PickleRefused as error:
            raise PickleRefused(
                f"{path}: refused, nothing in it was run: it {error}, which no head model needs; download the file again from "
                "its publisher"
            ) from None
        except Exception as error:  # a truncated pickle can raise any exception
            raise PickleRefused(f"{path}: truncated or corrupted pickle: {type(error).__name__}: {error}") from None
    if not isinstance(found, dict):
        raise PickleRefused(f"{path}: expected a dictionary of arrays, found {type(found).__name__}")
    return found


def dense(value: Any, label: str) -> Array:
    """Convert an array, a chumpy array (plain, or a selection of another) or a sparse matrix to a NumPy array.

    Raises:
        PickleRefused: the value has another type. `label` is the value's name in the message.
    """
    if isinstance(value, np.ndarray):
        return value
    if isinstance(value, Holder):
        fields, kind = value.fields, value.name.rpartition(".")[2]
        try:
            if kind == "Ch":
                return dense(fields["x"], label)
            if kind == "Select":
                flat = dense(fields["a"], label).ravel()[np.asarray(fields["idxs"], np.int64)]
                return flat.reshape(fields.get("preferred_shape") or -1)
            if kind in ("csc_matrix", "csr_matrix"):
                make = csc_matrix if kind == "csc_matrix" else csr_matrix
                shape = fields["_shape"] if "_shape" in fields else fields["shape"]
                return make((fields["data"], fields["indices"], fields["indptr"]), shape).toarray()
        except (KeyError, ValueError, IndexError) as error:
            raise PickleRefused(
                f"{label}: a {value.name} with fields {sorted(fields)} can't be read: {error}"
            ) from None
        raise PickleRefused(f"{label}: is a {value.name}; only Ch, Select, csc_matrix and csr_matrix are known")
    raise PickleRefused(f"{label}: expected an array, found {type(value).__name__}")
