"""What only all clips together can tell: which are copies of others, and which show the same person."""

from __future__ import annotations

import dataclasses
import logging
from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from lcvd.config.filter import FilterSettings
from lcvd.face.people import cluster
from lcvd.filter.face_signature import Looks
from lcvd.filter.near_duplicates import copies, difference
from lcvd.ledger.rows import Row, filtered

log = logging.getLogger(__name__)
LARGE = 0.2
"""Share of the clips from which one identity is worth a warning: it is in one split as a whole."""


def settle(rows: Sequence[Row], settings: FilterSettings) -> list[Row]:
    """The rows of `lcvd.filter.stage.filter_chunk`, in their order, after all clips were compared.

    Of kept clips that are near copies all but the first by id become `near_duplicate`, with the other's id in
    ``fields["copy_of"]``. Each kept row's ``fields["person"]`` is the first clip by id that shows the same person, and
    ``fields["identity"]`` what `PeopleSettings.identity` says. No row has ``looks`` any more.
    """
    looks = {row.id: _looks(row) for row in rows if row.status == "kept"}
    rows = [_without_looks(row) for row in rows]
    dropped = _near_duplicates(looks, settings.thresholds.min_difference)
    left = {row.id: row for row in rows if row.id in looks and row.id not in dropped}
    vectors = {id: vector for id in left if (vector := looks[id].vector()) is not None}
    people = cluster(vectors, settings.people.same_person)
    people = {id: people.get(id, id) for id in left}
    identities = _identities({id: str(row.fields["identity"]) for id, row in left.items()}, people, settings)
    limit = settings.thresholds.min_difference
    return [
        _copy(row, *dropped[row.id], limit)
        if row.id in dropped
        else dataclasses.replace(row, fields={**row.fields, "person": people[row.id], "identity": identities[row.id]})
        if row.id in left
        else row
        for row in rows
    ]


def joined(identities: Mapping[str, str], people: Mapping[str, str]) -> dict[str, str]:
    """An identity for each clip id, the first by name of all that are connected with its own by shared people."""
    names = sorted(set(identities.values()))
    place = {name: index for index, name in enumerate(names)}
    persons = {person: index for index, person in enumerate(sorted(set(people.values())), len(names))}
    heads = [place[identities[id]] for id in identities]
    tails = [persons[people[id]] for id in identities]
    count = len(names) + len(persons)
    graph = coo_array((np.ones(len(heads), bool), (heads, tails)), (count, count))
    labels = connected_components(graph, directed=False)[1]
    first: dict[int, str] = {}
    for name in names:
        first.setdefault(int(labels[place[name]]), name)
    return {id: first[int(labels[place[name]])] for id, name in identities.items()}


def _near_duplicates(looks: Mapping[str, Looks], limit: float) -> dict[str, tuple[str, float]]:
    """Clip ids that are copies, of which, and how different they are."""
    ids = sorted(looks)
    found = copies([looks[id].hashes for id in ids], limit) if limit > 0 else [None] * len(ids)
    pairs = {id: ids[index] for id, index in zip(ids, found, strict=True) if index is not None}
    return {id: (other, difference(looks[id].hashes, looks[other].hashes)) for id, other in pairs.items()}


def _identities(manifest: Mapping[str, str], people: Mapping[str, str], settings: FilterSettings) -> dict[str, str]:
    how = settings.people.identity
    together = joined(manifest, people)
    found = {"manifest": manifest, "faces": people, "joined": together}[how]
    torn = len(set(manifest.values())) - len(set(together.values()))
    if how == "manifest" and torn:
        log.info(
            "faces say that %d of the manifests' %d identities show somebody who has another one, too: training and test "
            "may share people. `lcvd ledger` names them (person); filter.people.identity: joined keeps them in one split",
            torn,
            len(set(manifest.values())),
        )
    name, most = Counter(found.values()).most_common(1)[0] if found else ("", 0)
    if how != "manifest" and len(found) > 2 and most > LARGE * len(found):
        log.warning(
            "identity %s has %d of %d clips, which will all be in one split: raise filter.people.same_person if these "
            "aren't one person",
            name,
            most,
            len(found),
        )
    return dict(found)


def _looks(row: Row) -> Looks:
    found = row.fields["looks"]
    return Looks(**{**found, "hashes": tuple(found["hashes"])})


def _without_looks(row: Row) -> Row:
    return dataclasses.replace(row, fields={name: value for name, value in row.fields.items() if name != "looks"})


def _copy(row: Row, other: str, apart: float, limit: float) -> Row:
    detail = f"a copy of {other}: their faces' hashes differ in {apart:.1%} of the bits, {limit:.1%} needed"
    return filtered(row.id, "near_duplicate", detail, apart, threshold=limit, copy_of=other, **row.fields)
