"""Clusters of embeddings against SciPy's average linkage, and against people who are known."""

import numpy as np
import pytest
from scipy.cluster.hierarchy import fcluster, linkage

from lcvd.face.embedding import unit
from lcvd.face.people import cluster, groups


def drawn(people: int, each: int, noise: float, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Unit vectors and who they are of, shuffled."""
    rng = np.random.default_rng(seed)
    base = unit(rng.normal(size=(people, 128)))
    who = rng.permutation(np.repeat(np.arange(people), each))
    return unit(base[who] + noise * unit(rng.normal(size=(people * each, 128)))).astype(np.float32), who


def same(a: np.ndarray, b: np.ndarray) -> bool:
    """Whether two labellings make the same groups."""
    return len(set(zip(a.tolist(), b.tolist(), strict=True))) == len(set(a.tolist())) == len(set(b.tolist()))


@pytest.mark.parametrize("threshold", [0.2, 0.35, 0.5, 0.65])
@pytest.mark.parametrize("noise", [0.8, 1.2, 1.6])
def test_groups_are_those_of_average_linkage(threshold: float, noise: float) -> None:
    vectors, _ = drawn(30, 9, noise)
    wanted = fcluster(linkage(vectors.astype(np.float64), "average", "cosine"), 1 - threshold, "distance")
    assert same(groups(vectors, threshold), wanted)


def test_people_are_told_apart_among_thousands() -> None:
    vectors, who = drawn(800, 5, 0.9)
    assert same(groups(vectors, 0.35), who)


def test_a_chain_of_pairs_that_agree_is_no_person() -> None:
    angle = np.radians(np.arange(0, 180, 30))
    chain = np.zeros((len(angle), 128), np.float32)
    chain[:, 0], chain[:, 1] = np.cos(angle), np.sin(angle)
    assert (np.einsum("nd,nd->n", chain[1:], chain[:-1]) > 0.8).all()
    labels = groups(chain, 0.6)
    assert 1 < len(set(labels.tolist())) < len(angle)


def test_equal_vectors_are_one_person() -> None:
    assert len(set(groups(np.tile(drawn(1, 1, 0)[0], (1100, 1)), 0.5).tolist())) == 1
    assert groups(np.zeros((0, 128), np.float32), 0.5).tolist() == []


def test_clusters_do_not_depend_on_the_order_and_bear_their_first_id() -> None:
    draw = np.random.default_rng(0).normal
    base = draw(size=(3, 128))
    vectors = {f"c{i}": base[i % 3] + 0.1 * draw(size=128) for i in range(9)}
    labels = cluster(vectors)
    assert labels == cluster(dict(reversed(vectors.items())))
    assert {id: label for id, label in labels.items() if label == "c1"} == {"c1": "c1", "c4": "c1", "c7": "c1"}
    assert cluster({"only": base[0]}) == {"only": "only"}
    assert cluster({}) == {}
