"""Uploads: everything good is added once or nothing is, and every refused row is named."""

import io
import json
import zipfile
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from sqlalchemy import select

from app import store
from app.db import reading, transaction
from app.errors import BadInput, NotFound, TooLarge
from app.models import Item, Label, Project, Upload, User
from app.services import quotas, uploads
from app.services.uploads import Mapping, Result
from app.settings import current

NOW = datetime(2026, 2, 1, tzinfo=UTC)
SEVERAL = {"kind": "multilabel", "classes": [{"name": "a"}, {"name": "b"}, {"name": "c|d"}]}
MakeProject = Callable[..., Project]


def add(
    project: Project,
    user: User | None,
    data: str | bytes,
    name: str = "items.csv",
    mapping: Mapping = Mapping(),  # noqa: B008 - frozen
    on_error: Any = "refuse",
    seed: int = 0,
) -> Result:
    path = store.folder("uploads") / "file-of-the-test"
    path.write_bytes(data.encode() if isinstance(data, str) else data)
    with transaction() as db:
        held = db.get_one(Project, project.id)
        user_id = user.id if user else None
        rng = np.random.default_rng(seed)
        return uploads.import_file(db, held, user_id, path, name, mapping, on_error, NOW, rng)


def items(project: Project) -> list[Item]:
    with reading() as db:
        return list(db.scalars(select(Item).where(Item.project_id == project.id).order_by(Item.row)))


def texts(project: Project) -> list[str]:
    return [item.content["text"] for item in items(project)]


def labels(project: Project) -> list[Label]:
    with reading() as db:
        return list(db.scalars(select(Label).where(Label.project_id == project.id).order_by(Label.item_id)))


def refused(project: Project, user: User | None, data: str | bytes, *more: Any, **named: Any) -> BadInput:
    """What the refusal says, nothing being there afterwards that was not before."""
    before = len(items(project))
    with pytest.raises(BadInput) as caught:
        add(project, user, data, *more, **named)
    assert len(items(project)) == before
    with reading() as db:
        assert db.get_one(Project, project.id).next_row == before
    return caught.value


def noise(seed: int, kind: str = "PNG") -> bytes:
    pixels = np.random.default_rng(seed).integers(0, 255, (20, 30, 3), dtype=np.uint8)
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, kind)
    return stream.getvalue()


def archive(files: dict[str, bytes]) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as made:
        for name, data in files.items():
            made.writestr(name, data)
    return stream.getvalue()


def test_it_works(make_project: MakeProject, alice: User, sent: list[Any]) -> None:
    project = make_project(recipe={"votes_wanted": 2})
    sent.clear()
    result = add(project, alice, "id,text,source\nx1,hello,web\nx2,world,mail\n", mapping=Mapping(external_id="id"))
    assert result == Result(2, 0, [], 0)
    first, second = items(project)
    assert (first.row, first.external_id, first.content, first.meta) == (0, "x1", {"text": "hello"}, {"source": "web"})
    assert (second.row, second.slots, second.is_settled, second.truth) == (1, 2, False, None)
    assert 0 <= first.key < 1
    assert first.key != second.key
    assert sent == [("run_encoding", (project.id,))]
    with reading() as db:
        (upload,) = db.scalars(select(Upload))
        assert (upload.state, upload.added, upload.file_name, upload.user_id) == ("imported", 2, "items.csv", alice.id)


def test_the_same_file_twice_adds_nothing_and_a_longer_one_adds_the_rest(
    make_project: MakeProject, alice: User
) -> None:
    project = make_project()
    add(project, alice, "text\none\ntwo\ntwo\n")
    assert add(project, alice, "text\none\ntwo\ntwo\n") == Result(0, 3, [], 0)
    assert add(project, alice, "text\nzero\none\ntwo\nthree\n").added == 2
    assert texts(project) == ["one", "two", "zero", "three"]
    assert [item.row for item in items(project)] == [0, 1, 2, 3]


def test_one_bad_row_refuses_the_file_or_only_itself(make_project: MakeProject, alice: User) -> None:
    project = make_project()
    data = "text,label\ngood,spam\nbad,nothing\n  ,spam\nfine,ham\n"
    mapping = Mapping(text="text", label="label")
    error = refused(project, alice, data, mapping=mapping)
    assert [one["line"] for one in error.extra["errors"]] == [3, 4]
    assert "nothing" in error.extra["errors"][0]["error"]
    assert error.extra["added"] == 0
    result = add(project, alice, data, mapping=mapping, on_error="keep")
    assert (result.added, result.refused_count) == (2, 2)
    assert texts(project) == ["good", "fine"]


def test_a_column_that_is_not_there_is_named(make_project: MakeProject, alice: User) -> None:
    error = refused(make_project(), alice, "a,b\nx,y\n", mapping=Mapping(text="text", label="c"), on_error="keep")
    assert [one["field"] for one in error.extra["errors"]] == ["text", "label"]


@pytest.mark.parametrize(
    ("data", "name", "reason"),
    [
        ("", "a.csv", "empty"),
        ("text,label\n", "a.csv", "no rows"),
        ("[]", "a.json", "no rows"),
        (b"PK\x03\x04", "a.zip", "takes CSV"),
        (b"\x00\x01", "a.bin", "none of"),
        ("n\n1\n", "a.parquet", "Parquet"),
    ],
)
def test_a_file_that_cannot_be_read_changes_nothing_even_where_good_rows_are_asked_for(
    make_project: MakeProject, alice: User, data: str | bytes, name: str, reason: str
) -> None:
    assert reason in refused(make_project(), alice, data, name, on_error="keep").detail


def test_a_file_that_breaks_off_gives_its_good_rows_where_they_are_asked_for(
    make_project: MakeProject, alice: User
) -> None:
    project = make_project()
    refused(project, alice, '[{"text": "a"}, {"te', "a.json")
    result = add(project, alice, '[{"text": "a"}, {"te', "a.json", on_error="keep")
    assert (result.added, result.refused_count) == (1, 1)


def test_an_external_id_names_one_content(make_project: MakeProject, alice: User) -> None:
    project, mapping = make_project(), Mapping(external_id="id")
    assert refused(project, alice, "id,text\n1,a\n1,b\n", mapping=mapping).extra["errors"][0]["line"] == 3
    add(project, alice, "id,text\n1,a\n", mapping=mapping)
    error = refused(project, alice, "id,text\n2,c\n1,b\n", mapping=mapping)
    assert error.extra["errors"] == [{"line": 3, "error": "Its external id 1 is another item's in this project."}]
    assert add(project, alice, "id,text\n1,b\n2,c\n1,a\n", mapping=mapping, on_error="keep").added == 1


def test_a_refusal_found_late_undoes_what_this_import_had_written_and_nothing_else(
    make_project: MakeProject, alice: User
) -> None:
    project, mapping = make_project(), Mapping(external_id="id")
    add(project, alice, "id,text\nlast,a\n", mapping=mapping)
    many = "id,text\n" + "".join(f"{k},text {k}\n" for k in range(1500)) + "last,other\n"
    path = store.folder("uploads") / "many"
    path.write_text(many)
    with transaction() as db:
        held = db.get_one(Project, project.id)
        held.name = "Renamed"
        with pytest.raises(BadInput):
            uploads.import_file(db, held, alice.id, path, "m.csv", mapping, "refuse", NOW, np.random.default_rng(0))
    assert len(items(project)) == 1
    with reading() as db:
        assert db.get_one(Project, project.id).name == "Renamed"
        assert db.get_one(Project, project.id).next_row == 1


def test_labels_are_imported_as_answers_of_the_person_who_sends_them(make_project: MakeProject, alice: User) -> None:
    project = make_project(recipe={"votes_wanted": 2})
    add(project, alice, "text,label\na,spam\nb,\nc,ham\n", mapping=Mapping(label="label"))
    found = labels(project)
    assert [(label.answer, label.user_id, label.chosen_by) for label in found] == [
        ({"class": "spam"}, alice.id, "import"),
        ({"class": "ham"}, alice.id, "import"),
    ]
    assert all(label.seconds is None and label.learned_round_id is None for label in found)
    assert [(item.slots, item.is_settled) for item in items(project)] == [(1, True), (2, False), (1, True)]
    assert [label.item_id for label in found] == [item.id for item in items(project) if item.is_settled]
    assert [item.truth for item in items(project)] == [None] * 3


def test_imported_labels_need_a_person(make_project: MakeProject) -> None:
    assert "person" in refused(make_project(), None, "text,label\na,spam\n", mapping=Mapping(label="label")).detail


def test_truth_is_hidden_in_the_item_and_nobodys_answer(make_project: MakeProject) -> None:
    project = make_project()
    add(project, None, "text,label\na,spam\n", mapping=Mapping(label="label", label_as="truth"))
    (item,) = items(project)
    assert (item.truth, item.meta, item.is_settled, item.slots) == ({"class": "spam"}, None, False, 1)
    assert labels(project) == []


def test_several_classes_come_as_a_list_or_separated(make_project: MakeProject, alice: User) -> None:
    project = make_project(task=SEVERAL)
    rows = ["b;a", ["a"], [], "c|d", "a|b", '{"classes": ["b"]}', {"classes": ["a"]}]
    data = "\n".join(json.dumps({"text": str(k), "label": row}) for k, row in enumerate(rows))
    add(project, alice, data, "a.jsonl", Mapping(label="label"))
    answers = [(label.answer or {})["classes"] for label in labels(project)]
    assert answers == [["a", "b"], ["a"], [], ["c|d"], ["a", "b"], ["b"], ["a"]]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ({"text": 5}, "not a text"),
        ({"text": " \n"}, "empty"),
        ({"text": "x" * 1_000_001}, "longer than"),
        ({"other": "x"}, "no field text"),
        ({"text": []}, "not a list of turns"),
        ({"text": [{"role": "user", "text": "x"}, "y"]}, "turn 2"),
        ({"text": [{"role": "user"}]}, "turn 1 without a text"),
        ({"text": [{"role": 1, "text": "x"}]}, "turn 1 whose speaker"),
        ({"text": [{"role": "a\nb", "text": "x"}]}, "turn 1 whose speaker"),
        ({"text": [{"role": "user", "text": " "}]}, "empty"),
        ({"text": "x", "external_id": 1.5}, "external id"),
        ({"text": "x", "external_id": "y" * 501}, "longer than 500"),
    ],
)
def test_a_row_that_cannot_become_an_item_is_refused_with_its_reason(
    make_project: MakeProject, alice: User, line: dict[str, Any], reason: str
) -> None:
    data = json.dumps({"text": "fine"}) + "\n" + json.dumps(line)
    (error,) = refused(make_project(), alice, data, "a.jsonl").extra["errors"]
    assert error["line"] == 2
    assert reason in error["error"]


def test_the_text_column_is_guessed_and_the_rest_is_kept_beside_it(make_project: MakeProject, alice: User) -> None:
    project = make_project()
    add(project, alice, "nr,what people said\n1,a long sentence\n2,another sentence\n")
    assert texts(project) == ["a long sentence", "another sentence"]
    assert items(project)[0].meta == {"nr": "1"}
    assert "Name" in refused(project, alice, '{"n": 1}\n', "a.jsonl").detail.replace("name", "Name")


def test_a_conversation_is_a_text_that_keeps_its_turns(make_project: MakeProject, alice: User) -> None:
    project = make_project()
    talk = [{"role": "user", "content": "Hi\n<b>"}, {"speaker": "Ada", "text": "Yes?", "at": 3}, {"text": "(leaves)"}]
    one = {"id": 1, "text": "unused", "messages": talk}
    add(project, alice, json.dumps(one) + "\n" + json.dumps({"id": 2, "messages": talk[:2]}), "a.jsonl")
    whole, part = sorted(items(project), key=lambda item: item.row)
    assert whole.content == {"text": "user: Hi\n<b>\nAda: Yes?\n(leaves)", "turns": talk}
    assert (whole.meta, whole.external_id, part.content["turns"]) == ({"id": 1, "text": "unused"}, None, talk[:2])
    exported = [json.dumps({"content": one.content}) for one in (whole, part)]  # and comes in again unchanged
    other = make_project()
    add(other, alice, "\n".join(exported), "b.jsonl")
    assert [one.content for one in items(other)] == [whole.content, part.content]
    named = make_project()
    add(named, alice, json.dumps([one]), "c.json", Mapping(text="messages"))
    assert items(named)[0].content == whole.content


def test_a_line_of_our_own_export_is_an_item_again(make_project: MakeProject, alice: User) -> None:
    project = make_project()
    line = {"id": 7, "external_id": "x", "content": {"text": "hello"}, "meta": {"a": 1}, "answer": {"class": "spam"}}
    add(project, alice, json.dumps({**line, "labels": []}), "a.jsonl", Mapping(label="answer"))
    (item,) = items(project)
    assert (item.external_id, item.content, item.meta) == ("x", {"text": "hello"}, {"a": 1})
    assert labels(project)[0].answer == {"class": "spam"}


def test_a_table_has_numbers_texts_and_gaps(make_project: MakeProject, alice: User) -> None:
    project = make_project(modality="table")
    data = "id,age,zip,city,score,label\n1,42,01234,Bern,-1.5e3,spam\n2,,99999,,NaN,ham\n"
    add(project, alice, data, mapping=Mapping(external_id="id", label="label"))
    assert [item.content["columns"] for item in items(project)] == [
        {"age": 42, "zip": "01234", "city": "Bern", "score": -1500.0},
        {"age": None, "zip": 99999, "city": None, "score": None},
    ]
    assert [item.external_id for item in items(project)] == ["1", "2"]
    assert refused(project, alice, '[{"a": [1]}]', "a.json").extra["errors"][0]["error"].startswith("a holds a list")
    add(project, alice, '[{"a": true, "b": 1}]', "a.json", Mapping(columns=("a",)))
    assert items(project)[2].content == {"columns": {"a": True}}


def test_a_zip_of_images_is_decoded_kept_once_and_labelled_by_its_folders(
    make_project: MakeProject, alice: User
) -> None:
    project = make_project(modality="image")
    files = {"x/spam/1.png": noise(1), "x/ham/2.jpg": noise(2, "JPEG"), "x/ham/copy.png": noise(1)}
    result = add(project, alice, archive(files), "a.zip", Mapping(label="folder"))
    assert (result.added, result.duplicates) == (2, 1)
    first, second = items(project)
    assert first.external_id == "x/spam/1.png"
    assert (first.content["media_type"], first.content["width"], first.content["height"]) == ("image/png", 30, 20)
    assert store.media_path(first.content["image"]).read_bytes() == noise(1)
    assert second.content["media_type"] == "image/jpeg"
    assert [label.answer for label in labels(project)] == [{"class": "spam"}, {"class": "ham"}]


def test_one_bad_image_refuses_the_archive_and_keeps_no_bytes(make_project: MakeProject, alice: User) -> None:
    project = make_project(modality="image")
    data = archive({"a.png": noise(1), "cut.png": noise(2)[:900], "notes.txt": b"hello", "../b.png": noise(3)})
    error = refused(project, alice, data, "a.zip")
    assert [one["name"] for one in error.extra["errors"]] == ["cut.png", "notes.txt", "../b.png"]
    assert not list(store.root().glob("media/*/*"))
    assert add(project, alice, data, "a.zip", on_error="keep").added == 1
    assert len(list(store.root().glob("media/*/*"))) == 1


def test_a_folder_that_is_no_class_is_refused_by_its_name(make_project: MakeProject, alice: User) -> None:
    project = make_project(modality="image")
    error = refused(project, alice, archive({"eggs/a.png": noise(1)}), "a.zip", mapping=Mapping(label="folder"))
    assert "eggs" in error.extra["errors"][0]["error"]


def test_a_single_image_has_its_files_name(make_project: MakeProject, alice: User) -> None:
    project = make_project(modality="image")
    add(project, alice, noise(5), "photo.png")
    assert items(project)[0].external_id == "photo.png"
    assert refused(project, alice, b"hello", "b.png").extra["errors"][0]["name"] == "b.png"
    assert "images" in refused(project, alice, "text\na\n").detail


def test_the_same_seed_draws_the_same_keys(make_project: MakeProject, alice: User) -> None:
    one, two = make_project(), make_project()
    add(one, alice, "text\na\nb\n", seed=3)
    add(two, alice, "text\na\nb\n", seed=3)
    assert [item.key for item in items(one)] == [item.key for item in items(two)]


def test_a_file_waits_for_its_mapping_and_is_gone_afterwards(
    make_project: MakeProject, alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    project, other = make_project(), make_project()
    name = uploads.spool(io.BytesIO(b"text\nhello\n"))
    with transaction() as db:
        upload_id = uploads.keep(db, project, alice.id, "a.csv", name, NOW).id
    with transaction() as db, pytest.raises(NotFound):
        uploads.waiting(db, other, upload_id)
    checked = uploads.check("text", project.task, uploads.spool_path(name), "a.csv", Mapping(), "refuse")
    with transaction() as db:
        held, upload = db.get_one(Project, project.id), uploads.waiting(db, project, upload_id)
        rng = np.random.default_rng(0)
        path = uploads.spool_path(name)
        uploads.import_file(db, held, alice.id, path, "a.csv", Mapping(), "refuse", NOW, rng, checked, upload)
        assert (upload.state, upload.spool, upload.added) == ("imported", None, 1)
    assert uploads.forget_spools(datetime.now(UTC) + timedelta(days=2)) >= 1
    assert not uploads.spool_path(name).exists()
    with reading() as db, pytest.raises(NotFound):
        uploads.waiting(db, project, upload_id)


def test_an_upload_over_the_limit_leaves_no_file(data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MARGINALIA_UPLOAD_LIMIT_BYTES", "10")
    current.cache_clear()
    with pytest.raises(TooLarge):
        uploads.spool(io.BytesIO(b"x" * 11))
    assert list(store.folder("uploads").iterdir()) == []


def test_a_project_holds_no_more_items_than_its_quota(
    make_project: MakeProject, alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MARGINALIA_QUOTA_ITEMS", "3")
    current.cache_clear()
    project = make_project()
    alone = refused(project, alice, "text\none\ntwo\nthree\nfour\n")
    assert "It holds at most 3 items, and the file adds 4." in alone.detail
    assert add(project, alice, "text\none\ntwo\ntwo\n").added == 2
    together = refused(project, alice, "text\ntwo\nthree\nfour\n")
    assert "It holds 2 of 3 items, and the file adds 2." in together.detail
    assert together.extra == {"errors": [{"field": "quota_items", "error": "3 items a project"}], "added": 0}
    assert add(project, alice, "text\none\nthree\n").added == 1
    assert add(project, alice, "text\none\ntwo\nthree\n") == Result(0, 3, [], 0)
    assert add(make_project(), alice, "text\nfour\n").added == 1


def test_a_project_takes_no_more_bytes_than_its_quota(
    make_project: MakeProject, alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    texts_of = make_project()
    assert add(texts_of, alice, "text,from\nwörd,x\n").added == 1
    pictures = [noise(seed) for seed in range(3)]
    project = make_project(modality="image")
    assert add(project, alice, archive({"a.png": pictures[0], "again.png": pictures[0]}), "a.zip").added == 1
    with reading() as db:
        size = len('{"text":"wörd"}'.encode()) + len('{"from":"x"}')
        assert quotas.held(db, db.get_one(Project, texts_of.id)) == quotas.Held(1, size)
        assert quotas.held(db, db.get_one(Project, project.id)) == quotas.Held(1, len(pictures[0]))
    most = sum(map(len, pictures)) - 1
    monkeypatch.setenv("MARGINALIA_QUOTA_BYTES", str(most))
    current.cache_clear()
    alone = archive({f"{number}.png": data for number, data in enumerate(pictures)})
    assert f"adds {most + 1:,}" in refused(make_project(modality="image"), alice, alone, "c.zip").detail
    assert not store.media_path(sha256(pictures[2]).hexdigest()).exists()  # no project could ever show it
    told = refused(project, alice, archive({"b.png": pictures[1], "c.png": pictures[2]}), "b.zip").detail
    assert f"It holds {len(pictures[0]):,} of {most:,} bytes" in told
    assert add(project, alice, archive({"b.png": pictures[1]}), "b.zip").added == 1


@pytest.mark.parametrize(
    ("data", "guess"),
    [
        ("id,category,body\n1,spam,hello there\n2,ham,hi you\n", Mapping("body", "category", "id")),
        ("foo,bar\nspam,a longer text here\nham,another longer text\n", Mapping("bar", "foo", None)),
        ("label,text\nother,a\nthings,b\n", Mapping("text", None, None)),
        ("id,text\n1,a\n1,b\n", Mapping("text", None, None)),
    ],
)
def test_the_mapping_is_guessed_by_names_and_by_values(data_dir: Path, data: str, guess: Mapping) -> None:
    path = data_dir / "a.csv"
    path.write_text(data)
    found = uploads.preview(path, "a.csv", "text", ("spam", "ham"))
    assert found.guess == guess
    assert len(found.rows) == 2
    assert set(found.columns) == set(data.split("\n")[0].split(","))


def test_a_preview_of_images_shows_whether_folders_are_classes(data_dir: Path) -> None:
    path = data_dir / "a.zip"
    path.write_bytes(archive({"spam/a.png": noise(1)}))
    assert uploads.preview(path, "a.zip", "image", ("spam", "ham")).guess == Mapping(label="folder")
    assert uploads.preview(path, "a.zip", "image", ("eggs",)).guess == Mapping()
    path.write_bytes(b"nothing")
    with pytest.raises(BadInput):
        uploads.preview(path, "a.zip", "image")
