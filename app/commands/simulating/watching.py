"""Watching a served project: each round's own figures, and what the truth says of its model."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from app.commands.simulating.client import Client
from app.commands.simulating.dataset import DataSet
from app.commands.simulating.encoding import Eye, encode
from app.commands.simulating.system import System

if TYPE_CHECKING:
    from app.core.cuts import Cuts


@dataclass(frozen=True)
class Served:
    """One round of a served project.

    accuracy: of its model on the test rows, which the server never had. pool: its predictions of the items that are
    there, against the truth; of labelled ones those made without their label. estimate, low, high: what the round
    itself measured and showed, None where it had not.
    """

    labels: int
    accuracy: float
    pool: float
    estimate: float | None
    low: float | None
    high: float | None
    strategy: str | None
    seconds: float


class Watcher:
    """Looks at a project's rounds as they are published; only the arrays of the latest are kept by the server."""

    def __init__(
        self, lead: Client, up: System, project: int, data: DataSet, eye: Eye, learner: dict[str, Any], test: list[int]
    ) -> None:
        from app.core import tasks

        self.lead, self.up, self.project, self.data, self.learner = lead, up, project, data, learner
        self.task = tasks.load(data.task_json)
        self.seen: dict[int, tuple[float, float]] = {}
        learned, self.rows = self._stored()
        known = [row for row in test if data.answers[row] is not None]
        self.cuts = self._cuts()
        self.test_features = encode(eye.encoder, [data.contents[row] for row in known], learned)
        self.test_truth = self._truth(known, self.test_features.cuts)

    def look(self) -> None:
        """Measure the rounds that were published since the last look, as far as their arrays are still there."""
        for one in self._rounds(5):
            if one["state"] == "published" and one["number"] not in self.seen and one["metrics"]:
                found = self._measured(one["id"])
                if found is not None:
                    self.seen[one["number"]] = found

    def is_settled(self) -> bool:
        """Whether the last label is learned and the last round measured."""
        self.look()
        progress = self.lead.call("GET", f"/projects/{self.project}/progress")
        last = next((one for one in self._rounds(5) if one["state"] == "published"), None)
        return progress["unlearned"] == 0 and last is not None and last["measured_at"] is not None

    def points(self) -> list[Served]:
        """The rounds that were seen with a model, oldest first, with what the server says of them by now."""
        found = []
        for one in reversed(self._rounds(1000)):
            if one["number"] in self.seen:
                shown = (one["metrics"] or {}).get("accuracy") or {}
                own = (shown.get("estimate"), shown.get("low"), shown.get("high"))
                seconds = (one["seconds"] or {}).get("total", 0.0)
                found.append(Served(one["labels_used"], *self.seen[one["number"]], *own, one["strategy"], seconds))
        return found

    def _rounds(self, limit: int) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.lead.call("GET", f"/projects/{self.project}/rounds?limit={limit}")["rounds"]
        return found

    def _measured(self, round_id: int) -> tuple[float, float] | None:
        """Accuracy on the test rows and on the pool; None without a model, or where its arrays are gone."""
        import numpy as np

        from app.core import plugins
        from app.core.learners import Learner

        folder = self.up.folder / "projects" / str(self.project) / "rounds" / str(round_id)
        try:
            with np.load(folder / "model.npz", allow_pickle=False) as arrays:
                state = {name: arrays[name] for name in arrays.files}
            newest = max(folder.glob("probabilities*.npy"), key=lambda one: one.stat().st_mtime)
            p = np.load(newest, allow_pickle=False).astype(np.float32)
        except (FileNotFoundError, ValueError):
            return None
        if not state:
            return None
        model = plugins.make("learners", self.learner, Learner)
        model.load(state)
        known = self.cuts.all(np.isfinite(p).all(axis=1))
        told = np.array([row for row in np.flatnonzero(known) if self.data.answers[self.rows[row]] is not None], int)
        cuts = self.cuts.some(told)
        pool = self._right(p[self.cuts.of(told)], self._truth([self.rows[row] for row in told], cuts), cuts)
        test = self.test_features
        return self._right(model.predict(test.array), self.test_truth, test.cuts), pool

    def _truth(self, rows: Sequence[int], cuts: "Cuts") -> Any:
        from app.core.simulate import targets_of

        return targets_of(self.task, [answer for row in rows if (answer := self.data.answers[row]) is not None], cuts)

    def _right(self, p: Any, targets: Any, cuts: "Cuts") -> float:
        return float(cuts.all((self.task.members(p, cuts) == (targets > 0.5)).all(axis=1)).mean())

    def _cuts(self) -> "Cuts":
        """How the server's items fall into pieces."""
        from app.core.cuts import Cuts

        if not self.task.pieces:
            return Cuts(len(self.rows))
        return Cuts.of_items([self.data.contents[row][1] for row in self.rows])

    def _stored(self) -> tuple[dict[str, Any], list[int]]:
        """What the server's encoder has learned, and which item of the data set each of its rows is."""
        from sqlalchemy import select

        from app.models import Encoding, Item, Project
        from app.services.encoding_data import learned_in

        with self.up.database() as database, database.read_session() as db:
            project = db.get_one(Project, self.project)
            encoding = db.get_one(Encoding, project.encoding_id)
            query = select(Item.external_id).where(Item.project_id == self.project).order_by(Item.row)
            names = [name or "" for name in db.scalars(query)]
            folder = self.up.folder / "projects" / str(self.project) / "features" / encoding.fingerprint
            return learned_in(folder, encoding), [int(name.removesuffix(".img")) for name in names]
