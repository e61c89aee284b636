"""What an encoder reads and writes: contents of items in, shards of features out, and how good these are."""

import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from sqlalchemy import select
from sqlalchemy.orm import Session

from app import files, store
from app.core import words
from app.core.cuts import Cuts
from app.core.data import ArrayFeatures, ShardedFeatures, cuts_array, cuts_path, some_of
from app.core.encoders import Encoder
from app.core.feature_quality import SAMPLE, rankme, sampled
from app.models import Encoding, Item, Shard

SLICE_SECONDS = 2.0  # of work between two looks at what else waits
BATCH = 32  # items read at a time while nobody knows how fast they are encoded
LEAST, MOST = 16, 1024  # and once somebody does: many, so that texts of one length meet; few enough for images
WHOLE_SHARD = 65_536  # smaller ones are joined up to this many rows
LEARNED = "learned.json"


@dataclass(frozen=True)
class Slice:
    """A stretch of one encoding that this worker holds: from `start` on, until time or its rows run out.

    rate: items a second so far, 0 where nothing is known. quality_rows: how many rows its quality was measured on.
    items: how many the project has. is_first: whether all before it was done when it was taken.
    """

    encoding_id: int
    project_id: int
    owner: str
    spec: dict[str, Any]
    learned: dict[str, Any]
    fingerprint: str
    start: int
    end: int
    rate: float = 0.0
    quality_rows: int = 0
    shard_id: int = 0
    items: int = 0
    is_first: bool = True


def next_stretch(project_id: int, one: Encoding, held: Sequence[Shard], items: int, rate: float) -> tuple[int, int]:
    """The first rows that nobody has encoded or holds: as many as a slice of time takes, all where nobody knows that.

    A gap, which a worker left that was killed or ran out of time, comes before the rows that nobody began.
    """
    files: dict[int, int] = {}
    for first, last in store.spans(store.features_folder(project_id, one.fingerprint)):
        files[first] = max(last, files.get(first, 0))
    start, before = one.rows_done, -1
    while start > before:
        before = start
        beyond = [shard.stop for shard in held if shard.start <= start < shard.stop]
        start = max(files.get(start, start), *beyond, start)
    stop = min([first for first in (*files, *(shard.start for shard in held)) if first > start], default=items)
    stop = min(stop, items)
    return start, min(stop, start + max(LEAST, int(rate * SLICE_SECONDS))) if rate else stop


def read_items(db: Session, taken: Slice, start: int, n: int) -> list[dict[str, Any]]:
    """The contents of n items from row `start` on."""
    query = (
        select(Item.content)
        .where(Item.project_id == taken.project_id, Item.row >= start, Item.row < min(start + n, taken.end))
        .order_by(Item.row)
    )
    return list(db.scalars(query))


def contents_of(modality: str, contents: Sequence[dict[str, Any]]) -> list[Any]:
    """What an encoder reads of items: the text, the image's bytes, the table's row, a text with its words' bounds."""
    if modality == "text":
        return [content["text"] for content in contents]
    if modality == "words":
        return [words.cut_content(content) for content in contents]
    if modality == "table":
        return [content["columns"] for content in contents]
    return store.read_media([content["image"] for content in contents])


def encode_slice(
    encoder: Encoder,
    taken: Slice,
    read: Callable[[int, int], list[Any]],
    clock: Callable[[], float] = time.monotonic,
) -> ArrayFeatures:
    """Features of as many items as fit into a slice of time, at least one batch; `read(start, n)` gives contents.

    A batch is as large as the time that is left allows at the speed seen so far: what is quick does not wait for many
    small reads, what is slow does not keep others waiting, and texts find others of their length.
    """
    began, parts, start = clock(), [], taken.start
    bounds: list[Any] = []
    size = _size(taken.rate * SLICE_SECONDS)
    while start < taken.end:
        contents = read(start, size)
        if not contents:
            break
        parts.append(encoder.encode(contents, taken.learned))
        bounds += [where for _, where in contents] if encoder.modality == "words" else []
        start += len(contents)
        spent = clock() - began
        if spent >= SLICE_SECONDS:
            break
        size = _size((start - taken.start) * (SLICE_SECONDS - spent) / max(spent, 1e-6))
    whole = np.concatenate(parts).astype(np.float32, copy=False) if parts else np.empty((0, 0), np.float32)
    return ArrayFeatures(whole, Cuts.of_items(bounds) if encoder.modality == "words" else None)


def _size(items: float) -> int:
    return BATCH if items <= 0 else max(LEAST, min(MOST, int(items)))


def save(taken: Slice, features: ArrayFeatures) -> None:
    """Put a stretch on disk, and join small stretches so that there are never many files."""
    folder = store.features_folder(taken.project_id, taken.fingerprint)
    if taken.is_first:  # one worker joins, or two would take each other's files away
        store.forget_joined(folder)
    end = taken.start + len(features)
    _write(store.shard_path(folder, taken.start, end), features)
    small = [shard for shard in store.shards(folder) if shard[1] - shard[0] < WHOLE_SHARD]
    rows = small[-1][1] - small[0][0] if small else 0
    if len(small) > 1 and taken.is_first and (rows >= WHOLE_SHARD or end >= taken.items or len(small) >= 64):
        first = small[0][0]
        joined = ShardedFeatures(
            [(start - first, stop - first, path) for start, stop, path in store.local_shards(small)]
        )
        _write(store.shard_path(folder, first, small[-1][1]), some_of(joined, np.arange(joined.rows)))


def _write(path: Path, features: ArrayFeatures) -> None:
    """A shard; how its items are cut lies there first, so that nobody finds the one without the other."""
    if not features.cuts.is_whole:
        with store.writing(cuts_path(path)) as file:
            np.save(file, cuts_array(features.cuts))
    with store.writing(path) as file:
        np.save(file, features.array)


def keep_learned(project_id: int, fingerprint: str, learned: dict[str, Any]) -> None:
    """Put what an encoder learned beside its features; in the database the sweep would read it twice a second."""
    if learned:
        with store.writing(store.features_folder(project_id, fingerprint) / LEARNED) as file:
            file.write(json.dumps(learned).encode())


def learned_of(one: Encoding) -> dict[str, Any]:
    """What this encoding's encoder learned; empty where that is nothing, or is lost, which its fingerprint tells."""
    return learned_in(store.features_folder(one.project_id, one.fingerprint), one)


def learned_in(folder: Path, one: Encoding) -> dict[str, Any]:
    """The same, of an encoding whose features lie in this folder: another system's data directory, say."""
    try:
        found: dict[str, Any] = json.loads(files.read(folder / LEARNED))
    except FileNotFoundError:
        found = one.encoder.get("learned", {})  # as the first version kept it
    return found


def quality(taken: Slice, end: int) -> dict[str, Any] | None:
    """{"rankme", "dimensions", "rows"} of an encoding that became whole with row `end`; see `rankme`.

    None while it is not whole, and where the number that is known was measured on half of the rows or more: a project
    grows by single items, too.
    """
    if end < taken.items or min(end, SAMPLE) < 2 * taken.quality_rows:
        return None
    found = store.shards(store.features_folder(taken.project_id, taken.fingerprint))
    features = ShardedFeatures(store.local_shards(found))
    sample = sampled(features, np.random.default_rng(0))
    return {"rankme": round(rankme(sample), 1), "dimensions": features.dimensions, "rows": len(sample)}
