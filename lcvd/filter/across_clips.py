"""Checks that need all clips: find near-duplicates, and cluster the clips by person."""

import dataclasses
import logging
from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from lcvd.config.filter import FilterSettings
from lcvd.face.people import cluster
from lcvd.filter.face_signature import FaceSignature
from lcvd.filter.near_duplicates import find_duplicates, hash_distance
from lcvd.ledger.rows import Row, filtered

log = logging.getLogger(__name__)
LARGE = 0.2
"""Fraction of the clips above which an identity causes a warning, because all of it is in one split."""


def compare_clips(rows: Sequence[Row], settings: FilterSettings) -> list[Row]:
    """Compare all clips with each other. Return the rows of `lcvd.filter.stage.filter_chunk`, updated, in the same order.

    Of kept clips that are near-duplicates, all but the first by id are filtered as `near_duplicate`, with the id of the
    kept one in ``fields["copy_of"]``. A kept row's ``fields["person"]`` is the first clip by id that shows the same person,
    and ``fields["identity"]`` is the identity according to `PeopleSettings.identity`. ``signature`` is removed from all rows.
    """
    limit = settings.thresholds.min_difference
    signatures = {row.id: FaceSignature.of(row.fields["signature"]) for row in rows if row.status == "kept"}
    rows = [_updated(row) for row in rows]
    dropped = _near_duplicates(signatures, limit)
    remaining = {row.id: row for row in rows if row.id in signatures and row.id not in dropped}
    vectors = {id: vector for id in remaining if (vector := signatures[id].vector()) is not None}
    people = cluster(vectors, settings.people.same_person)
    people = {id: people.get(id, id) for id in remaining}
    identities = _identities({id: str(row.fields["identity"]) for id, row in remaining.items()}, people, settings)
    return [
        _duplicate_row(row, *dropped[row.id], limit)
        if row.id in dropped
        else _updated(row, person=people[row.id], identity=identities[row.id])
        if row.id in remaining
        else row
        for row in rows
    ]


def merged_identities(identities: Mapping[str, str], people: Mapping[str, str]) -> dict[str, str]:
    """Merge identities that share a person, transitively. Return for each clip id the first name of its merged group."""
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


def _near_duplicates(signatures: Mapping[str, FaceSignature], limit: float) -> dict[str, tuple[str, float]]:
    """Return for each duplicate's id the id of its original and the fraction of bits in which they differ."""
    ids = sorted(signatures)
    hashes = [signatures[id].hashes for id in ids]
    found = find_duplicates(hashes, limit) if limit > 0 else [None] * len(ids)
    return {ids[i]: (ids[j], hash_distance(hashes[i], hashes[j])) for i, j in enumerate(found) if j is not None}


def _identities(manifest: Mapping[str, str], people: Mapping[str, str], settings: FilterSettings) -> dict[str, str]:
    how = settings.people.identity
    merged = merged_identities(manifest, people)
    found = {"manifest": manifest, "faces": people, "joined": merged}[how]
    shared = len(set(manifest.values())) - len(set(merged.values()))
    if how == "manifest" and shared:
        log.info(
            "by their face embeddings, %d of the manifest's %d identities duplicate another one: "
            "training and test may share people. `lcvd ledger` lists each clip's person; "
            "filter.people.identity: joined keeps each person in one split",
            shared,
            len(set(manifest.values())),
        )
    name, most = Counter(found.values()).most_common(1)[0] if found else ("", 0)
    if how != "manifest" and len(found) > 2 and most > LARGE * len(found):
        log.warning(
            "identity %s has %d of %d clips, all in one split: raise filter.people.same_person if it contains several people",
            name,
            most,
            len(found),
        )
    return dict(found)


def _updated(row: Row, **fields: str) -> Row:
    """Return the row with updated fields and without the signature."""
    found = {name: value for name, value in row.fields.items() if name != "signature"}
    return dataclasses.replace(row, fields=found | fields)


def _duplicate_row(row: Row, original: str, distance: float, limit: float) -> Row:
    detail = f"near-duplicate of {original}: the face hashes differ in {distance:.1%} of the bits, at least {limit:.1%} required"
    return filtered(row.id, "near_duplicate", detail, distance, threshold=limit, copy_of=original, **row.fields)
