import os
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.sparse import csr_matrix, lil_matrix

from lcvd.face.pickles import PickleRefused, dense, read_arrays


class Calls:
    """Unpickled by the ordinary module, calls `what`."""

    def __init__(self, what: Any, *arguments: Any) -> None:
        self.call = what, arguments

    def __reduce__(self) -> tuple[Any, ...]:
        return self.call


@pytest.mark.parametrize("protocol", [0, 2, 4])
def test_a_malicious_pickle_is_refused_and_its_code_does_not_run(tmp_path: Path, protocol: int) -> None:
    mark, path = tmp_path / "mark", tmp_path / "generic_model.pkl"
    path.write_bytes(pickle.dumps({"f": Calls(os.system, f"touch {mark}")}, protocol))
    with pytest.raises(PickleRefused, match=r"generic_model\.pkl: refused, nothing .* asks for (posix|nt)\.system"):
        read_arrays(path)
    assert not mark.exists()
    with path.open("rb") as stream:
        pickle.load(stream)
    assert mark.exists()  # the file was as bad as it should be


@pytest.mark.parametrize(
    "what", [(eval, "1"), (getattr, "text", "upper"), (np.load, "x.npy"), (pickle.loads, b"N."), (type, "T", (), {})]
)
def test_whatever_else_a_pickle_calls_is_refused_by_name(tmp_path: Path, what: tuple[Any, ...]) -> None:
    path = tmp_path / "m.pkl"
    path.write_bytes(pickle.dumps({"a": Calls(*what)}))
    with pytest.raises(PickleRefused, match=f"asks for .*{what[0].__name__}"):
        read_arrays(path)


def test_a_numpy_array_by_any_protocol(tmp_path: Path) -> None:
    path = tmp_path / "m.pkl"
    array = np.arange(6, dtype=np.float64).reshape(2, 3)
    for protocol in range(5):
        path.write_bytes(pickle.dumps({"a": array, "name": "x"}, protocol))
        found = read_arrays(path)
        assert np.array_equal(found["a"], array)
        assert found["name"] == "x"


def test_sparse_matrices_are_made_dense_and_others_named(tmp_path: Path) -> None:
    path = tmp_path / "m.pkl"
    full = np.array([[0.0, 2.0, 0.0], [1.0, 0.0, 3.0]])
    path.write_bytes(pickle.dumps({"a": csr_matrix(full), "b": lil_matrix(full)}))
    found = read_arrays(path)
    assert np.array_equal(dense(found["a"], "a"), full)
    with pytest.raises(PickleRefused, match=r"m\.pkl: b: is a scipy\.sparse\..*lil_matrix; only Ch"):
        dense(found["b"], "m.pkl: b")
    with pytest.raises(PickleRefused, match="c: expected an array, found str"):
        dense("text", "c")


def test_a_torn_file_and_one_of_something_else_are_named(tmp_path: Path) -> None:
    path = tmp_path / "m.pkl"
    path.write_bytes(pickle.dumps({"a": np.zeros(9)})[:-20])
    with pytest.raises(PickleRefused, match=r"m\.pkl: truncated or corrupted pickle"):
        read_arrays(path)
    path.write_bytes(pickle.dumps([1, 2]))
    with pytest.raises(PickleRefused, match="expected a dictionary of arrays, found list"):
        read_arrays(path)
