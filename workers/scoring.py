"""Scoring a large pool in shards: the round's worker lays them out and joins them, any worker takes them."""

import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import select

from app import jobs, log, store
from app.core.data import Features, FloatArray
from app.core.fit import Scorer, Scores, Scoring
from app.db import reading, transaction
from app.models import Round
from app.services import round_shards, rounds, shards
from app.settings import current

LEAST_SHARDS = 4  # below, one job is quicker than the others' looking for its shards
WAIT_SECONDS = 0.05

_log = log.get(__name__)


def scoring_of(opened: rounds.Opened, features: Features, step: Callable[[str], None]) -> Scoring | None:
    """How a round's pool is scored in shards; None where it is small."""
    size, pieces = current().shard_rows, features.cuts.pieces
    if pieces < LEAST_SHARDS * size:
        return None
    folder = store.round_folder(opened.project_id, opened.round_id)
    stretches = [(start, min(start + size, pieces)) for start in range(0, pieces, size)]

    def scored(scorer: Scorer) -> tuple[Scores | None, FloatArray | None]:
        round_shards.keep_models(folder, scorer)
        with transaction() as db:
            rounds.beat(db, opened, datetime.now(UTC))
            shards.lay_out(db, opened.project_id, shards.SCORE, opened.round_id, pieces, size)
            jobs.enqueue(db, "score_shards", opened.project_id)
        while not _are_done(opened.round_id, len(stretches)):
            if not take_one(opened.round_id, opened.owner, folder, scorer, features):
                time.sleep(WAIT_SECONDS)  # others are at the rest
            step("score")
        return round_shards.joined(folder, scorer, stretches)

    return scored


def _are_done(round_id: int, wanted: int) -> bool:
    with reading() as db:
        return shards.count(db, shards.SCORE, round_id)[0] == wanted


def take_one(round_id: int, owner: str, folder: Path, scorer: Scorer, features: Features) -> bool:
    """Score one shard that nobody holds; False where there is none."""
    with transaction() as db:
        mine = shards.take(db, shards.SCORE, round_id, owner, datetime.now(UTC))
        if mine is not None and mine.stop < features.cuts.pieces:
            jobs.enqueue(db, "score_shards", mine.project_id)  # whoever is idle takes the next
    if mine is None:
        return False
    try:
        round_shards.score(folder, scorer, features, mine.start, mine.stop)
    except Exception:
        with transaction() as db:
            shards.let_go(db, mine.id, owner)
        raise
    with transaction() as db:
        shards.finish(db, mine.id, owner)
    return True


def help_with(project_id: int, owner: str) -> None:
    """Take shards of this project's open round until none is left."""
    with reading() as db:
        made = db.scalar(select(Round).where(Round.project_id == project_id, Round.state == "open"))
        is_free = made is not None and project_id in shards.free_projects(db, shards.SCORE, datetime.now(UTC))
        if made is None or not is_free:
            return
        try:
            scorer, features = round_shards.read_models(db, made)
        except FileNotFoundError:
            return  # it was put together, or ended, a moment ago
    folder = store.round_folder(project_id, made.id)
    taken = 0
    while take_one(made.id, owner, folder, scorer, features):
        taken += 1
    _log.info("shards scored", project=project_id, round=made.number, shards=taken)
