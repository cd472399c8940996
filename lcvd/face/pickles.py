"""Pickles of head models, read without running anything in them.

FLAME's files hold chumpy arrays, whose package no longer installs, and SciPy sparse matrices beside NumPy arrays. Only
NumPy's own constructors are called here; chumpy's and SciPy's classes are replaced by holders that take the stored
fields and nothing else. Whatever else a pickle asks for is refused before it is looked up.
"""

from __future__ import annotations

import copyreg
import importlib
import pickle
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csc_matrix, csr_matrix

from lcvd.errors import FileError

Array = NDArray[Any]


class PickleRefused(FileError):
    """A pickle asks for something that arrays don't need, or holds something else than arrays."""


class Holder:
    """Stands for an object of a class that isn't loaded: its stored fields."""

    name = ""

    def __setstate__(self, state: Any) -> None:
        # Fields of a class with slots come as a pair (dict, slots).
        parts = state if isinstance(state, tuple) else (state,)
        self.fields: dict[str, Any] = {}
        for part in parts:
            if isinstance(part, dict):
                self.fields.update(part)


def _array_parts() -> dict[tuple[str, str], Any]:
    """What the pickle of a NumPy array, of any version on either Python, calls."""
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
    """What Python 3's pickles of protocol 2 write bytes as."""
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
    """The dictionary in a pickle of arrays; values are arrays, holders (`dense` turns those into arrays) or plain data.

    Raises:
        FileNotFoundError: no such file.
        PickleRefused: the pickle asks for a function or class that arrays don't need (it isn't called), is torn, or
            holds no dictionary.
    """
    with path.open("rb") as stream:
        try:
            found = _Unpickler(stream, encoding="latin1").load()
        except PickleRefused as error:
            raise PickleRefused(
                f"{path}: refused, nothing in it was run: it {error}, which no head model needs; get the file anew from "
                "its publisher"
            ) from None
        except Exception as error:  # a torn pickle can raise anything
            raise PickleRefused(f"{path}: not a whole pickle: {type(error).__name__}: {error}") from None
    if not isinstance(found, dict):
        raise PickleRefused(f"{path}: expected a dictionary of arrays, found {type(found).__name__}")
    return found


def dense(value: Any, label: str) -> Array:
    """An array from an array, a chumpy array (plain, or a selection of another) or a sparse matrix.

    Raises:
        PickleRefused: it is something else; `label` names it.
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
