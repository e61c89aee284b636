"""What leads are told of what is to come: from rounds whose records are written here."""

from typing import Any

import pytest

from app.db import reading, transaction
from app.models import Project, Round
from app.services import outlook, progress
from tests.conftest import NOW, MakeProject


def write(project: Project, number: int, labels: int, encoder: str = "minilm", **metrics: Any) -> None:
    with transaction() as db:
        fields = {"state": "published", "opened_at": NOW, "measured_at": NOW, "seed": 1, "recipe": {}}
        db.add(
            Round(project_id=project.id, number=number, labels_used=labels, encoder=encoder, metrics=metrics, **fields)
        )


def accuracy(estimate: float, half: float = 0.05) -> dict[str, Any]:
    return {
        "estimate": estimate,
        "low": estimate - half,
        "high": min(1.0, estimate + half),
        "n": 100,
        "share": estimate,
    }


def climbing(project: Project, first: int = 1, labels: int = 20, encoder: str = "minilm") -> None:
    """Ten rounds along 0.9 − 2 / labels^0.7 or so."""
    for step in range(10):
        n = labels * (step + 1)
        write(project, first + step, n, encoder, accuracy=accuracy(0.9 - 2 / n**0.7))


def look(project: Project) -> dict[str, Any]:
    with reading() as db:
        known = db.get_one(Project, project.id)
        return outlook.outlook(db, known, progress.learning_curve(db, known))


def test_it_works(make_project: MakeProject) -> None:
    project = make_project([f"text {n}" for n in range(1000)])
    climbing(project)
    found = look(project)
    points = found["forecast"]
    assert (points[0]["labels"], points[-1]["labels"]) == (200, 400)
    assert all(0 <= one["low"] <= one["estimate"] <= one["high"] <= 1 for one in points)
    assert points[-1]["estimate"] >= points[0]["estimate"] > 0.8
    assert found["advice"]["state"] in ("climbing", "slowing")
    assert found["advice"]["said"]
    assert look(project) == found


def test_before_there_is_a_curve_nothing_is_promised(make_project: MakeProject) -> None:
    project = make_project(["one", "two"])
    assert look(project)["forecast"] is None
    write(project, 1, 20, accuracy=accuracy(0.5))
    found = look(project)
    assert (found["forecast"], found["prequential"]) == (None, [])
    assert found["advice"]["state"] == "early"
    assert found["advice"]["said"] == ["It is too early to tell what more labels would bring."]


def test_the_forecast_ends_where_the_items_do(make_project: MakeProject) -> None:
    project = make_project([f"text {n}" for n in range(240)])
    climbing(project)
    assert look(project)["forecast"][-1]["labels"] == 240


def test_of_several_votes_an_item_there_are_more_labels_than_items(make_project: MakeProject) -> None:
    project = make_project([f"text {n}" for n in range(120)], recipe={"votes_wanted": 3})
    climbing(project)
    assert look(project)["forecast"][-1]["labels"] == 360


def test_a_better_encoder_begins_another_curve(make_project: MakeProject) -> None:
    project = make_project([f"text {n}" for n in range(1000)])
    climbing(project, encoder="hashed_ngrams")
    write(project, 11, 210, accuracy=accuracy(0.95))
    assert look(project)["forecast"] is None
    with reading() as db:
        curve = progress.learning_curve(db, db.get_one(Project, project.id))
    assert [one["encoder"] for one in curve[-2:]] == ["hashed_ngrams", "minilm"]


def test_stable_predictions_are_said_first(make_project: MakeProject) -> None:
    project = make_project(["one"])
    for number, kappa in enumerate((0.9, 0.99, 0.995, 1.0), 1):
        write(project, number, 100 * number, stability={"kappa": kappa, "changed": 1 - kappa, "since": 10})
    found = look(project)["advice"]
    assert found["state"] == "stable"
    assert found["said"][0].startswith("Predictions have been stable")


def test_what_the_model_said_before_the_answers_is_added_up_over_rounds(make_project: MakeProject) -> None:
    project = make_project(["one"])
    for number, (n, right) in enumerate(((8, 4), (8, 6)), 1):
        write(project, number, 10 * number, prequential={"n": n, "right": right})
    write(project, 3, 30, prequential=None)
    (point,) = look(project)["prequential"]
    assert (point["labels"], point["n"], point["estimate"]) == (20, 16, 10 / 16)


def asked(project: Project) -> dict[str, dict[str, Any]]:
    return {one["name"]: one for one in look(project)["questions"]}


def test_three_questions_are_answered_with_figure_interval_and_sentence(make_project: MakeProject) -> None:
    project = make_project([f"text {n}" for n in range(1000)])
    climbing(project)
    verdict = {"verdict": "better", "difference": 0.06, "low": 0.01, "high": 0.11, "n": 84, "labels": 75}
    audit = {"skipped": 3, "out_of_scope": 2, "broken": 1}
    write(project, 11, 220, accuracy=accuracy(0.86), verdict=verdict, audit=audit)
    right, pays, stop = look(project)["questions"]
    assert (right["figure"], right["between"]) == ("86\u202f%", "81\u202f% to 91\u202f%")
    assert right["said"].endswith(
        "100 items drawn at random. 3 more were drawn and skipped, 2 of them as out of scope, 1 of them as broken."
    )
    assert (pays["state"], pays["answer"], pays["figure"], pays["unit"]) == ("yes", "Yes", "+6", "points")
    assert pays["between"] == "+1 to +11"
    assert "Asking by auto taught more than asking at random would have, from 75 labels of each kind" in pays["said"]
    assert stop["unit"].endswith("for 220 more labels")
    assert stop["low"] <= stop["estimate"] <= stop["high"]
    assert stop["said"] == look(project)["advice"]["said"][0]


@pytest.mark.parametrize(
    ("said", "strategy", "state", "words"),
    [
        ("worse", "margin", "no", "Consider auto, which then asks at random, or random itself."),
        ("worse", "auto", "no", "It asks at random for now."),
        ("open", "auto", "open", "cannot be told apart yet"),
    ],
)
def test_a_queue_that_does_not_pay_is_said_so(
    make_project: MakeProject, said: str, strategy: str, state: str, words: str
) -> None:
    project = make_project(["one"], recipe={"strategy": {"name": strategy}})
    verdict = {"verdict": said, "difference": -0.06, "low": -0.1, "high": -0.004, "n": 84, "labels": 75}
    write(project, 1, 150, accuracy=accuracy(0.7), verdict=verdict)
    pays = asked(project)["pays"]
    assert (pays["state"], pays["figure"], pays["between"]) == (state, "−6", "−10 to 0")
    assert words in pays["said"]


def test_before_anything_is_measured_each_question_says_why(make_project: MakeProject) -> None:
    found = asked(make_project(["one"]))
    assert [one["figure"] for one in found.values()] == [None] * 3
    assert [one["state"] for one in found.values()] == ["open"] * 3
    assert "once 30 random ones are answered" in found["pays"]["said"]
    assert asked(make_project(["one"], recipe={"strategy": {"name": "random"}}))["pays"]["said"].endswith("at random.")
