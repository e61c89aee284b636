"""Exports: exactly the standing labels, the shape that scripts rely on, one snapshot, and nothing that runs."""

import csv
import io
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import numpy as np
import pyarrow.parquet as pq
import pytest

from app import store
from app.db import transaction
from app.errors import BadInput, NotFound
from app.models import Item, Label, Project, Round, User
from app.services import exports, uploads
from app.services.exports import Filters

NOW = datetime(2026, 2, 1, 8, 0, tzinfo=UTC)
MakeProject = Callable[..., Project]
LINE = {"id", "external_id", "content", "meta", "answer", "confidence", "labels", "skips"}
LABEL = {
    "id", "annotator", "answer", "seconds", "created_at", "chosen_by", "inclusion_probability", "round", "strategy",
    "score", "rank", "pool_size", "key", "suggestion", "suggestion_hidden", "hidden_share", "raw_seconds", "unsure",
    "comment",
}  # fmt: skip

SHOWN_NOW = NOW.isoformat().replace("+00:00", "Z")


def label(project: Project, row: int, user: User, answer: Any, minute: int = 0, **more: Any) -> UUID:
    number = UUID(int=row * 1000 + user.id * 10 + minute)
    with transaction() as db:
        item = db.query(Item).filter_by(project_id=project.id, row=row).one()
        item.is_settled = True
        fields = {"chosen_by": "queue", "skip_reason": None if answer else "unclear", **more}
        at = NOW + timedelta(minutes=minute)
        db.add(Label(id=number, project_id=project.id, item_id=item.id, user_id=user.id, answer=answer,
                     created_at=at, **fields))  # fmt: skip
    return number


def written(project: Project, format_name: str = "jsonl", **filters: Any) -> bytes:
    path = store.folder("exports") / "file"
    info = exports.export(project.id, format_name, Filters(**filters), path)
    assert info.bytes == path.stat().st_size
    assert info.file_name == f"project-{project.id}.{format_name}"
    return path.read_bytes()


def lines(project: Project, **filters: Any) -> list[dict[str, Any]]:
    return [json.loads(line) for line in written(project, **filters).splitlines()]


SPAM, HAM = {"class": "spam"}, {"class": "ham"}


def test_it_works(make_project: MakeProject, alice: User, bob: User) -> None:
    project = make_project(["one", "two", "three"])
    number = label(project, 1, bob, SPAM, seconds=1.5, round_number=3, strategy="margin", score=0.25, rank=2,
                   pool_size=3, key=0.5, inclusion_probability=0.1, suggestion={"answer": HAM})  # fmt: skip
    (line,) = lines(project)
    assert set(line) == LINE
    assert (line["content"], line["answer"], line["confidence"]) == ({"text": "two"}, SPAM, 1.0)
    (found,) = line["labels"]
    assert set(found) == LABEL
    assert found == {
        "id": str(number), "annotator": bob.email, "answer": SPAM, "seconds": 1.5, "created_at": SHOWN_NOW,
        "chosen_by": "queue", "inclusion_probability": 0.1, "round": 3, "strategy": "margin", "score": 0.25,
        "rank": 2, "pool_size": 3, "key": 0.5, "suggestion": {"answer": HAM},
        "suggestion_hidden": False, "hidden_share": None, "raw_seconds": None, "unsure": False, "comment": None,
    }  # fmt: skip


def test_only_what_stands_is_exported_and_skips_are_told_apart(
    make_project: MakeProject, alice: User, bob: User
) -> None:
    project = make_project(["one", "two"])
    label(project, 0, bob, SPAM, ended_at=NOW, ended_by="superseded")
    label(project, 0, bob, HAM, minute=1)
    label(project, 1, alice, None)
    assert [(line["answer"], len(line["labels"])) for line in lines(project)] == [(HAM, 1)]
    first, second = lines(project, only="all")
    assert first["skips"] == []
    assert (second["answer"], second["confidence"], second["labels"]) == (None, None, [])
    skip = {"annotator": alice.email, "reason": "unclear", "comment": None, "created_at": SHOWN_NOW}
    assert second["skips"] == [skip]


def test_answers_merge_and_the_filters_ask_for_what_they_say(
    make_project: MakeProject, alice: User, bob: User, charlie: User
) -> None:
    project = make_project(["one", "two", "three"])
    for user, answer in ((alice, SPAM), (bob, HAM), (charlie, SPAM)):
        label(project, 0, user, answer)
    label(project, 2, bob, HAM, minute=5)
    assert [(line["answer"], line["confidence"]) for line in lines(project)] == [(SPAM, 0.666667), (HAM, 1.0)]
    assert [line["content"]["text"] for line in lines(project, class_name="spam")] == ["one"]
    assert lines(project, class_name="spam", since=NOW + timedelta(minutes=1)) == []
    assert [line["content"]["text"] for line in lines(project, since=NOW + timedelta(minutes=5))] == ["three"]
    assert len(lines(project, since=(NOW + timedelta(minutes=5)).replace(tzinfo=None))) == 1  # no zone means UTC
    assert len(lines(project, only="all")) == 3
    assert [line["content"]["text"] for line in lines(project, only="all", class_name="ham")] == ["three"]


def test_a_label_whose_class_was_removed_is_still_exported(make_project: MakeProject, bob: User) -> None:
    project = make_project(["one"])
    label(project, 0, bob, {"class": "gone"})
    (line,) = lines(project)
    assert (line["answer"], line["labels"][0]["answer"]) == (None, {"class": "gone"})


def test_several_classes_are_exported(make_project: MakeProject, bob: User) -> None:
    task = {"kind": "multilabel", "classes": [{"name": "a"}, {"name": "b"}]}
    project = make_project(["one", "two"], task=task)
    label(project, 0, bob, {"classes": ["b"]})
    label(project, 1, bob, {"classes": []})
    assert [line["answer"] for line in lines(project)] == [{"classes": ["b"]}, {"classes": []}]
    assert [line["content"]["text"] for line in lines(project, class_name="b")] == ["one"]
    assert pq.read_table(io.BytesIO(written(project, "parquet")))["answer"].to_pylist() == [["b"], []]


def scored(project: Project, probabilities: list[list[float]]) -> None:
    with transaction() as db:
        made = Round(project_id=project.id, number=4, state="published", opened_at=NOW, seed=1, recipe={})
        db.add(made)
        db.flush()
        db.get_one(Project, project.id).queue_round_id = made.id
        with store.writing(store.round_folder(project.id, made.id) / "probabilities.npy") as file:
            np.save(file, np.array(probabilities, np.float16))


def test_predictions_are_those_of_the_round_whose_queue_is_asked(make_project: MakeProject, bob: User) -> None:
    project = make_project(["one", "two", "three"])
    assert [line["prediction"] for line in lines(project, only="all", predictions=True)] == [None] * 3
    scored(project, [[0.25, 0.75], [1, 0]])
    assert [line["prediction"] for line in lines(project, only="all", predictions=True)] == [
        {"answer": HAM, "confidence": 0.75, "round": 4},
        {"answer": SPAM, "confidence": 1.0, "round": 4},
        None,
    ]
    assert "prediction" not in lines(project, only="all")[0]


def test_csv_is_flat_and_does_not_run(make_project: MakeProject, bob: User) -> None:
    project = make_project(["=HYPERLINK(1)", "plain\nbroken"])
    label(project, 0, bob, SPAM)
    scored(project, [[0.25, 0.75], [1, 0]])
    data = written(project, "csv", only="all", predictions=True).decode()
    first, second = csv.DictReader(io.StringIO(data, newline=""))
    assert first["text"] == "'=HYPERLINK(1)"
    assert (first["answer"], first["confidence"], first["votes"]) == ("spam", "1.0", "1")
    assert json.loads(first["labels"])[0]["annotator"] == bob.email
    assert (first["prediction"], first["prediction_confidence"]) == ("ham", "0.75")
    assert (second["text"], second["answer"], second["votes"]) == ("plain\nbroken", "", "0")


def test_parquet_is_typed(make_project: MakeProject, bob: User) -> None:
    project = make_project(["one", "two"])
    label(project, 0, bob, SPAM, seconds=2.0)
    first, second = pq.read_table(io.BytesIO(written(project, "parquet", only="all"))).to_pylist()
    assert (first["text"], first["answer"], first["confidence"], first["votes"]) == ("one", "spam", 1.0, 1)
    assert (first["labels"][0]["created_at"], first["labels"][0]["seconds"]) == (NOW, 2.0)
    assert (second["answer"], second["labels"]) == (None, [])


def test_a_table_keeps_its_columns(make_project: MakeProject, alice: User) -> None:
    project = make_project(modality="table")
    path = store.folder("uploads") / "x"
    path.write_text("age,city,id\n1,Bern,a\n2.5,,b\n")
    with transaction() as db:
        held, rng = db.get_one(Project, project.id), np.random.default_rng(0)
        uploads.import_file(db, held, alice.id, path, "x.csv", uploads.Mapping(), "refuse", NOW, rng)
    table = pq.read_table(io.BytesIO(written(project, "parquet", only="all")))
    assert table["columns.age"].to_pylist() == [1.0, 2.5]
    assert table["columns.city"].to_pylist() == ["Bern", None]
    assert lines(project, only="all")[0]["content"] == {"columns": {"age": 1, "city": "Bern", "id": "a"}}


@pytest.mark.parametrize("format_name", ["jsonl", "csv", "tsv", "json", "parquet"])
def test_an_export_of_nothing_is_a_file_of_its_format(make_project: MakeProject, format_name: str) -> None:
    data = written(make_project(), format_name)
    assert data or format_name == "jsonl"
    if format_name == "csv":
        assert data.startswith(b"id,external_id,text,meta,answer")


def test_many_pages_come_in_order_and_once(
    make_project: MakeProject, bob: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exports, "PAGE_ROWS", 3)
    project = make_project([f"text {k}" for k in range(10)])
    assert [line["content"]["text"] for line in lines(project, only="all")] == [f"text {k}" for k in range(10)]
    for row in (0, 2, 3, 4, 9):
        label(project, row, bob, SPAM)
    assert [line["content"]["text"] for line in lines(project)] == [f"text {k}" for k in (0, 2, 3, 4, 9)]


def test_an_export_sees_one_moment(make_project: MakeProject, bob: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exports, "PAGE_ROWS", 1)
    project = make_project(["one", "two"])
    label(project, 0, bob, SPAM)
    real, calls = exports.standing_labels, []

    def and_somebody_answers(*given: Any) -> Any:
        if not calls:
            calls.append(label(project, 1, bob, HAM))
        return real(*given)

    monkeypatch.setattr(exports, "standing_labels", and_somebody_answers)
    assert [len(line["labels"]) for line in lines(project, only="all")] == [1, 0]
    assert [len(line["labels"]) for line in lines(project, only="all")] == [1, 1]


def test_an_export_comes_in_again_as_it_went_out(make_project: MakeProject, alice: User, bob: User) -> None:
    project, other = make_project(["one", "two"]), make_project()
    label(project, 1, bob, HAM)
    path = store.folder("uploads") / "x"
    path.write_bytes(written(project, only="all"))
    with transaction() as db:
        held, rng = db.get_one(Project, other.id), np.random.default_rng(0)
        mapping = uploads.Mapping(label="answer")
        assert uploads.import_file(db, held, alice.id, path, "x.jsonl", mapping, "refuse", NOW, rng).added == 2
    assert [(line["content"], line["answer"]) for line in lines(other, only="all")] == [
        ({"text": "one"}, None),
        ({"text": "two"}, HAM),
    ]


def test_an_unknown_format_or_project_is_refused(make_project: MakeProject, data_dir: Path) -> None:
    project = make_project()
    for name in ("zip", "xml"):
        with pytest.raises(BadInput, match="jsonl"):
            exports.export(project.id, name, Filters(), data_dir / "x")
    with pytest.raises(NotFound):
        exports.export(project.id + 1, "jsonl", Filters(), data_dir / "x")
    assert not (data_dir / "x").exists()
