"""Beginning an encoding: its weights at hand, what it must know of the data set learned, its fingerprint told."""

import hashlib
import json
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from app import jobs
from app.core import plugins
from app.core.encoders import Encoder
from app.models import LOCK, Encoding, Item, Project
from app.services.encoding_data import contents_of, keep_learned

LEARN_FROM = 5000


def spec_of(one: Encoding) -> dict[str, Any]:
    """The recipe's words for an encoder, without what was learned and measured since."""
    return {key: value for key, value in one.encoder.items() if key not in ("learned", "quality")}


def prepare(spec: dict[str, Any]) -> None:
    """Have an encoder's weights at hand. Raises what it raises.

    Outside of every transaction: a hub's model may take minutes to come, and nobody could answer meanwhile.
    """
    plugins.make("encoders", spec, Encoder).weights()


def refuse(db: Session, project_id: int, rung: int, spec: dict[str, Any], error: str) -> None:
    """Record that a rung cannot be prepared; what is encoded by other rungs stays in use, and the lead sees why."""
    project = db.get(Project, project_id, with_for_update=LOCK)
    if project is None:
        return
    one = db.scalar(select(Encoding).where(Encoding.project_id == project_id, Encoding.rung == rung))
    if one is None or spec_of(one) != spec:
        told = json.dumps(["refused", spec], sort_keys=True)
        one = replace(db, project, rung, spec, hashlib.sha256(told.encode()).hexdigest()[:24], one)
    one.error, one.owner, one.lease_ends_at = error[:4000], None, None
    jobs.enqueue(db, "run_encoding", project_id)


def begin(
    db: Session, project: Project, rung: int, spec: dict[str, Any], encoder: Encoder, old: Encoding | None
) -> Encoding:
    """A new rung. What an encoder must know of the data set it learns from the first items, once."""
    first = select(Item.content).where(Item.project_id == project.id).order_by(Item.row).limit(LEARN_FROM)
    learned = (
        encoder.learn(contents_of(project.modality, db.scalars(first).all())) if project.modality == "table" else {}
    )
    fingerprint = encoder.fingerprint(learned)
    keep_learned(project.id, fingerprint, learned)
    return replace(db, project, rung, dict(spec), fingerprint, old)


def replace(
    db: Session, project: Project, rung: int, encoder: dict[str, Any], fingerprint: str, old: Encoding | None
) -> Encoding:
    """The record of a rung without a row yet, in place of `old`, also in use where that was."""
    if old is not None:
        db.delete(old)
        db.flush()
    one = Encoding(project_id=project.id, rung=rung, encoder=encoder, fingerprint=fingerprint)
    db.add(one)
    db.flush()
    if project.encoding_id is None or (old is not None and old.id == project.encoding_id):
        project.encoding_id = one.id
    return one
