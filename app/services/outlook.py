"""What a lead looks at: three questions answered, the learning curve with its forecast, and advice on stopping."""

from functools import lru_cache
from typing import Any

import numpy as np
from sqlalchemy import select
from sqlalchemy.orm import Session

from app.core.evaluation.forecast import Forecast, forecast
from app.core.evaluation.prequential import prequential
from app.core.evaluation.stopping import advise
from app.models import Project, Round
from app.services import progress
from app.services.questions import questions

REACH = 1.0  # the forecast goes on for as many labels again as there are
SHOWN = 12  # points of it


def outlook(db: Session, project: Project, curve: list[dict[str, Any]]) -> dict[str, Any]:
    """{"questions", "forecast": points or None, "advice", "prequential": points}, from `learning_curve`'s points."""
    rounds = _rounds(db, project)
    # A better encoder begins another curve: the jump between the two is no slope.
    same = [one for one in curve if one["encoder"] == curve[-1]["encoder"]]
    points = tuple((one["labels"], one["estimate"], one["low"], one["high"]) for one in same)
    most = project.next_row * project.recipe["votes_wanted"]
    until = min(points[-1][0] * (1 + REACH), most) if points else 0
    to_come = _forecast(points, until)
    stability = [found for _, metrics in rounds if (found := metrics.get("stability"))]
    batch = max(50, 5 * project.recipe["retrain_every"])
    advice = advise([one["kappa"] for one in stability], [one["changed"] for one in stability], to_come, batch)
    judged = [(labels, found["n"], found["right"]) for labels, m in rounds if (found := m.get("prequential"))]
    return {
        "questions": questions(progress.last_measured(db, project), project.recipe, to_come, advice),
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


@lru_cache(maxsize=64)
def _forecast(points: tuple[tuple[float, float, float, float], ...], until: float) -> Forecast | None:
    """The same points, the same forecast: a page that is looked at twice must not say two things, nor compute twice."""
    return forecast(points, until, np.random.default_rng(len(points)))


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
