"""Encodings: what is prepared before them, how much is read at a time, and how good the features are said to be."""

import json
import shutil
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from sqlalchemy import select

from app import store
from app.core.encoders import Encoder
from app.core.feature_quality import rankme
from app.db import reading, transaction
from app.errors import BadInput
from app.models import Encoding, Item, Project, User
from app.services import encoding_data, encodings, progress
from tests.conftest import MakeProject, add_items
from tests.core.encoders import tiny
from workers import tasks

TEXTS = [f"{word} {number}" for number in range(20) for word in ("my card was lost", "a refund in the post")]


def state(project: Project) -> list[dict[str, Any]]:
    with reading() as db:
        return progress.encoding_state(db, db.get_one(Project, project.id))


def encode_all(project: Project) -> None:
    """Slice after slice, until there is no more to do."""
    for _ in range(50):
        tasks.run_encoding(project.id)
        with reading() as db:
            if encodings.next_rung(db, project.id, datetime.now(UTC)) is None:
                return
    raise AssertionError("the encoding does not end")


def encoding(project: Project, rung: int = 0) -> Encoding:
    with reading() as db:
        return db.scalars(select(Encoding).where(Encoding.project_id == project.id, Encoding.rung == rung)).one()


def features(project: Project, rung: int = 0) -> np.ndarray:
    shards = store.shards(store.features_folder(project.id, encoding(project, rung).fingerprint))
    return np.concatenate([np.load(path) for _, _, path in shards])


def test_the_effective_rank_of_the_features_is_told_when_they_are_whole(
    make_project: MakeProject, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(encoding_data, "SLICE_SECONDS", 0.0)
    monkeypatch.setattr(encoding_data, "BATCH", 25)
    project = make_project(TEXTS, recipe={"encoder": {"name": "hashed_ngrams"}})
    tasks.run_encoding(project.id)
    assert state(project)[0]["quality"] is None
    tasks.run_encoding(project.id)
    found = state(project)[0]["quality"]
    assert found == {"rankme": round(rankme(features(project)), 1), "dimensions": 1024, "rows": 40}
    with reading() as db:  # the recipe's words are what they were: nothing begins anew
        assert encodings.next_rung(db, project.id, datetime.now(UTC)) is None


def test_the_effective_rank_is_measured_again_when_the_items_have_doubled(make_project: MakeProject) -> None:
    project = make_project(TEXTS[:10], recipe={"encoder": {"name": "hashed_ngrams"}})
    rows = []
    for more in ([], TEXTS[10:15], TEXTS[15:]):
        with transaction() as db:
            add_items(db, db.get_one(Project, project.id), more)
        encode_all(project)
        rows.append(state(project)[0]["quality"]["rows"])
    assert rows == [10, 10, 40]


def test_a_model_that_is_named_encodes_after_the_quick_rung(make_project: MakeProject, tmp_path: Path) -> None:
    model = tiny.make("bert", tmp_path)
    project = make_project(TEXTS, recipe={"encoder": {"name": "transformer", "model": str(model)}})
    encode_all(project)
    assert [(one["encoder"], one["rows_done"], one["in_use"]) for one in state(project)] == [
        ("hashed_ngrams", 40, False),
        ("transformer", 40, True),
    ]


def test_a_model_that_is_not_there_is_told_and_the_quick_rung_stays(
    make_project: MakeProject, client_for: Any, alice: User
) -> None:
    project = make_project(TEXTS, recipe={"encoder": {"name": "transformer", "model": "/no/such/model"}})
    encode_all(project)
    quick, named = state(project)
    assert (quick["rows_done"], quick["in_use"], quick["error"]) == (40, True, None)
    assert (named["rows_done"], named["in_use"]) == (0, False)
    assert "There is no folder /no/such/model" in named["error"]
    with reading() as db:
        assert encodings.pending(db, datetime.now(UTC)) == []
    page = client_for(alice).get(f"/projects/{project.id}").text
    assert "There is no folder /no/such/model" in page
    assert "of 1 024 dimensions" in page.replace("\u202f", " ")


def test_another_model_is_tried_when_the_recipe_names_it(make_project: MakeProject, tmp_path: Path) -> None:
    project = make_project(TEXTS, recipe={"encoder": {"name": "transformer", "model": "/no/such/model"}})
    encode_all(project)
    named = {"name": "transformer", "model": str(tiny.make("bert", tmp_path))}
    with transaction() as db:
        one = db.get_one(Project, project.id)
        one.recipe = {**one.recipe, "encoder": named}
    encode_all(project)
    assert [(one["encoder"], one["rows_done"], one["error"]) for one in state(project)][1] == ("transformer", 40, None)


def test_weights_that_changed_on_disk_do_not_go_on_in_the_old_features(
    make_project: MakeProject, tmp_path: Path
) -> None:
    path = tiny.make("bert", tmp_path)
    project = make_project(TEXTS[:10], recipe={"encoder": {"name": "transformer", "model": str(path)}})
    encode_all(project)
    before = features(project, 1)
    weights = load_file(path / "model.safetensors")
    weights["embeddings.word_embeddings.weight"] += torch.arange(32)
    save_file(weights, path / "model.safetensors", metadata={"format": "pt"})
    with transaction() as db:
        add_items(db, db.get_one(Project, project.id), TEXTS[10:])
    encode_all(project)
    after = features(project, 1)
    assert after.shape == (40, 32)
    assert not np.allclose(after[:10], before, atol=1e-3)


def test_an_encoder_without_what_it_needs_is_refused_at_once(make_project: MakeProject) -> None:
    with pytest.raises(BadInput) as refused:
        make_project(TEXTS, recipe={"encoder": {"name": "transformer"}})
    assert "needs its setting 'model'" in str(refused.value.extra["errors"])


@pytest.fixture
def table(make_project: MakeProject) -> Project:
    """A project of 60 rows with two columns."""
    project = make_project([], modality="table")
    rng = np.random.default_rng(0)
    with transaction() as db:
        one = db.get_one(Project, project.id)
        add_items(db, one, [str(number) for number in range(60)])
        for item in db.scalars(select(Item)):
            item.content = {"columns": {"x": float(rng.normal()), "town": "Ulm" if item.row % 2 else "Bonn"}}
    return project


def test_what_an_encoder_learned_lies_beside_its_features(table: Project) -> None:
    encode_all(table)
    assert [(one["encoder"], one["rows_done"], one["in_use"]) for one in state(table)] == [
        ("columns", 60, False),
        ("landmarks", 60, True),
    ]
    one = encoding(table, 1)
    assert one.encoder.keys() == {"name", "quality"}
    folder = store.features_folder(table.id, one.fingerprint)
    learned = json.loads((folder / "learned.json").read_text())
    assert [each["name"] for each in learned["columns"]] == ["town", "x"]


def test_what_an_encoder_learned_and_is_lost_is_learned_again(table: Project) -> None:
    encode_all(table)
    before = encoding(table, 1).fingerprint
    shutil.rmtree(store.features_folder(table.id, before))
    with transaction() as db:
        add_items(db, db.get_one(Project, table.id), ["more"])
        db.scalars(select(Item).where(Item.row == 60)).one().content = {"columns": {"x": 1e6}}
    encode_all(table)
    assert encoding(table, 1).fingerprint != before
    assert len(features(table, 1)) == 61


class Counting(Encoder):
    """An encoder that takes a tenth of a second an item, on a clock of its own."""

    modality = "text"

    def __init__(self, seconds: float) -> None:
        self.seconds, self.now = seconds, 0.0
        self.sizes: list[int] = []

    @property
    def dimensions(self) -> int:
        return 1

    def encode(self, contents: Any, learned: dict[str, Any]) -> Any:
        self.sizes.append(len(contents))
        self.now += self.seconds * len(contents)
        return np.zeros((len(contents), 1), np.float32)


def sizes(seconds: float, items: int, rate: float = 0.0) -> list[int]:
    encoder = Counting(seconds)
    taken = encoding_data.Slice(1, 1, "me", {"name": "counting"}, {}, "", 0, items, rate)
    read: Callable[[int, int], list[Any]] = lambda start, n: list(range(start, min(start + n, items)))  # noqa: E731
    assert len(encoding_data.encode_slice(encoder, taken, read, lambda: encoder.now)) == sum(encoder.sizes)
    return encoder.sizes


def test_as_many_items_are_read_as_fit_into_a_slice() -> None:
    # two seconds; 32 at first, which take 0.32 s: 168 of 0.01 s are left
    assert sizes(0.01, 10_000) == [32, 168]
    # 64 a second are known: two seconds of them at once
    assert sizes(1 / 64, 10_000, rate=64) == [128]
    # never more than 1,024, nor fewer than 16, and no more than there are
    assert sizes(0.001, 10_000, rate=1000)[:2] == [1024, 976]
    assert sizes(1.0, 10_000, rate=1.0) == [16]
    assert sizes(0.01, 40) == [32, 8]
    assert sizes(0.01, 0) == []
