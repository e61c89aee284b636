"""What is to be expected: the learning curve's forecast, advice on stopping, and how the model did label by label."""

from typing import Any

import numpy as np
from sqlalchemy import select
from sqlalchemy.orm import Session

from app.core.evaluation.forecast import Forecast, forecast
from app.core.evaluation.prequential import prequential
from app.core.evaluation.stopping import advise
from app.models import Project, Round

REACH = 1.0  # the forecast goes on for as many labels again as there are
SHOWN = 12  # points of it


def outlook(db: Session, project: Project, curve: list[dict[str, Any]]) -> dict[str, Any]:
    """{"forecast": points or None, "advice": …, "prequential": points}, from the curve of `progress.learning_curve`."""
    rounds = _rounds(db, project)
    last = curve[-1]["labels"] if curve else 0
    to_come = None
    if curve and last < project.next_row:
        until = min(last * (1 + REACH), project.next_row)
        points = [(one["labels"], one["estimate"], one["low"], one["high"]) for one in curve]
        # The same points, the same forecast: a page that is looked at twice must not say two things.
        to_come = forecast(points, until, np.random.default_rng(len(points)))
    stability = [found for _, metrics in rounds if (found := metrics.get("stability"))]
    batch = max(50, 5 * project.recipe["retrain_every"])
    advice = advise([one["kappa"] for one in stability], [one["changed"] for one in stability], to_come, batch)
    judged = [(labels, found["n"], found["right"]) for labels, m in rounds if (found := m.get("prequential"))]
    return {
        "forecast": _points(to_come) if to_come else None,
        "advice": {
            "state": advice.state,
            "said": list(advice.said),
            "labels_for_a_point": advice.labels_for_a_point,
            "gain_of_a_batch": advice.gain_of_a_batch,
            "batch": batch,
        },
        "prequential": [
            {"labels": labels, "estimate": share, "low": low, "high": high, "n": n}
            for labels, share, low, high, n in prequential(judged)
        ],
    }


def verdict_in_words(verdict: dict[str, Any] | None, strategy: str) -> str:
    """What the project's own record says of asking by strategy; empty before there is a record."""
    if not verdict:
        return ""
    points = f"{abs(100 * verdict['difference']):.0f} points"
    measured = f"measured on {verdict['n']} items drawn at random, with {verdict['labels']} labels of each kind"
    if verdict["verdict"] == "better":
        return f"On this project's own record the queue teaches more than random asking: {points} more, {measured}."
    if verdict["verdict"] == "worse":
        then = (
            "it asks at random for now."
            if strategy == "auto"
            else "consider the strategy auto, which would ask at random, or random itself."
        )
        return (
            f"On this project's own record the queue does worse than random asking: {points} less, {measured}; {then}"
        )
    return f"Whether the queue teaches more than random asking cannot be told yet, {measured}."


def _rounds(db: Session, project: Project) -> list[tuple[int, dict[str, Any]]]:
    """(labels, metrics) of the published rounds, oldest first."""
    query = (
        select(Round.labels_used, Round.metrics)
        .where(Round.project_id == project.id, Round.state == "published")
        .order_by(Round.number)
    )
    return [(labels, metrics or {}) for labels, metrics in db.execute(query)]


def _points(found: Forecast) -> list[dict[str, float]]:
    places = np.unique(np.linspace(0, len(found.labels) - 1, SHOWN).round().astype(int))
    return [
        {
            "labels": float(round(found.labels[i])),
            "estimate": float(found.estimate[i]),
            "low": float(found.low[i]),
            "high": float(found.high[i]),
        }
        for i in places
    ]
