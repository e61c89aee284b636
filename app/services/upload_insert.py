"""From the rows of a checked file to a project's items: what is there already left out, the rest inserted in bulk."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, cast

import numpy as np
from sqlalchemy import Table, bindparam, select, text, update
from sqlalchemy.orm import Session

from app.models import Item, Label, Project
from app.services import bulk, tally
from app.services.upload_distinct import DUPLICATE, GOOD, REFUSED
from app.services.upload_rows import Candidate
from app.services.upload_spool import Checked

_IMPORTS = 0x4D41  # the kind of our advisory locks; the project's number is the second half
_ASKED = 500  # digests in a question
_ITEM, _LABEL = cast(Table, Item.__table__), cast(Table, Label.__table__)
_ITEM_NAMES = ("id", "row", "external_id", "content", "meta", "content_hash", "key", "slots", "is_settled", "truth")
_LABEL_NAMES = ("id", "item_id", "answer", "key")
# Recorded as imported, so that no estimate takes somebody's earlier answers for a draw.
_IMPORTED = {"chosen_by": "import"}


def hold(db: Session, project: Project) -> None:
    """Let no other import into this project begin before this transaction ends.

    Not by a lock on the project's row: a round is opened and published under it, and would wait for a whole file.
    """
    db.flush()  # what the caller changed in the project stays changed
    take_turn(db, project.id)
    db.refresh(project)


def take_turn(db: Session, project_id: int) -> None:
    """Wait for an import into this project, and keep others out until this transaction ends."""
    if not bulk.is_sqlite(db):  # there the caller holds the write lock
        db.execute(text("SELECT pg_advisory_xact_lock(:kind, :project)"), {"kind": _IMPORTS, "project": project_id})


def leave_out_known(db: Session, project: Project, checked: Checked) -> None:
    """Mark what the project has: the same content is a duplicate, another content under a taken name is refused."""
    for start, block in checked.blocks():
        marks = checked.marks[start : start + len(block)].copy()
        for first in range(0, len(block), _ASKED):
            _judge(db, project.id, block[first : first + _ASKED], marks[first : first + _ASKED])
        checked.mark(start, marks)
    checked.refuse_taken()


def _judge(db: Session, project_id: int, part: Sequence[Candidate], marks: Any) -> None:
    known = _known(db, project_id, "content_hash", [one.digest for one in part])
    names = [one.external_id for one in part if one.external_id and one.digest not in known]
    taken = _known(db, project_id, "external_id", names) if names else set()
    for at in np.flatnonzero(marks == GOOD).tolist():
        if part[at].digest in known:
            marks[at] = DUPLICATE
        elif part[at].external_id in taken:
            marks[at] = REFUSED


def _known(db: Session, project_id: int, name: str, values: list[Any]) -> set[Any]:
    column = getattr(Item, name)
    query = select(column).where(Item.project_id == project_id, column.in_(bindparam("values", expanding=True)))
    return set(db.scalars(query, {"values": values}))


def insert(
    db: Session,
    project: Project,
    checked: Checked,
    user_id: int | None,
    label_as: str,
    now: datetime,
    rng: np.random.Generator,
) -> tuple[int, int]:
    """Insert the rows that are good, each with a random key of its own; returns how many, and their bytes."""
    good = checked.good
    votes = int(project.recipe["votes_wanted"])
    first, added, size, answered = project.next_row, 0, 0, 0
    same = {"project_id": project.id, "created_at": now}
    labels = checked.answered if label_as != "truth" else 0
    with bulk.growing(db, _ITEM, good), bulk.growing(db, _LABEL, labels):
        for start, block in checked.blocks():
            new = [block[at] for at in np.flatnonzero(checked.marks[start : start + len(block)] == GOOD)]
            if new:
                ids, keys = bulk.new_ids(db, _ITEM, len(new)), rng.random(len(new)).tolist()
                rows = _items(new, ids, keys, first + added, votes, label_as == "truth")
                bulk.insert_rows(db, _ITEM, _ITEM_NAMES, rows, same)
                added, size = added + len(new), size + sum(one.size for one in new)
                if label_as != "truth":
                    given = _labels(new, ids, keys, answered, now, rng)
                    bulk.insert_rows(db, _LABEL, _LABEL_NAMES, given, {**same, "user_id": user_id, **_IMPORTED})
                    answered += len(given)
    # The project's row before the tally's, as whoever forgets a person has it: else the two would wait for each other.
    db.execute(update(Project).where(Project.id == project.id).values(next_row=first + added))
    tally.add(db, project.id, tally.NOBODY, tally.Counts(answered, answered, answered))
    db.refresh(project)
    return added, size


def _items(
    new: Sequence[Candidate], ids: Sequence[int], keys: Sequence[float], first: int, votes: int, as_truth: bool
) -> list[tuple[Any, ...]]:
    """Rows in the order of _ITEM_NAMES. An answered item wants one answer less and is settled; truth is hidden."""
    if as_truth:
        return [
            (ids[k], first + k, one.external_id, one.content, one.meta, one.digest, keys[k], votes, False, one.answer)
            for k, one in enumerate(new)
        ]
    left = max(0, votes - 1)
    return [
        (
            ids[k],
            first + k,
            one.external_id,
            one.content,
            one.meta,
            one.digest,
            keys[k],
            votes if one.answer is None else left,
            one.answer is not None,
            None,
        )
        for k, one in enumerate(new)
    ]


def _labels(
    new: Sequence[Candidate],
    ids: Sequence[int],
    keys: Sequence[float],
    first: int,
    now: datetime,
    rng: np.random.Generator,
) -> list[tuple[Any, ...]]:
    """Rows in the order of _LABEL_NAMES, for those that have an answer; first: how many there were before them."""
    answered = [k for k, one in enumerate(new) if one.answer is not None]
    names = _ordered_ids(first, len(answered), now, rng)
    return [(name, ids[k], new[k].answer, keys[k]) for name, k in zip(names, answered, strict=True)]


def _ordered_ids(first: int, n: int, now: datetime, rng: np.random.Generator) -> list[str]:
    """UUIDs of version 7 (RFC 9562), in 32 hexadecimal digits: milliseconds, a counter of 12 bits, 62 random ones.

    A million of them in random order would touch another page of the index with each; these come at its end.
    """
    places = first + np.arange(n, dtype=np.uint64)
    times = np.uint64(int(now.timestamp() * 1000)) + (places >> np.uint64(12))
    front = times << np.uint64(16) | np.uint64(0x7000) | places & np.uint64(0xFFF)
    back = np.frombuffer(rng.bytes(8 * n), np.uint64) >> np.uint64(2) | np.uint64(1 << 63)
    digits = np.column_stack([front, back]).astype(">u8").tobytes().hex()
    return [digits[at : at + 32] for at in range(0, len(digits), 32)]
