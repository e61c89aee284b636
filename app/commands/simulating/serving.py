"""The same replay through the real server: its queue, its leases, its worker, and people who answer over HTTP."""

import argparse
import io
import json
import sys
import time
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from app.commands.simulating import system, telling
from app.commands.simulating.client import Client
from app.commands.simulating.dataset import DataSet
from app.commands.simulating.encoding import Eye
from app.commands.simulating.people import Crowd
from app.commands.simulating.plan import Plan, Spec
from app.commands.simulating.watching import Served, Watcher
from app.core.replays import written
from app.errors import BadInput, Unavailable
from app.store import writing

ROW = "__row"  # under which an item's number travels, whatever columns a table has
ENCODED = 3600.0  # seconds a slow encoder may take
SETTLED = 120.0


def serve(data: DataSet, plan: Plan, eye: Eye, results: list[dict[str, Any]], args: argparse.Namespace) -> None:
    """Play every strategy once, with the first learner and seed 0, and tell it beside the offline replays."""
    if eye.encoder is None:
        raise BadInput("The served replay encodes anew: name an --encoder.")
    learner = plan.learners[0]
    with TemporaryDirectory(prefix="marginalia-simulate-") as temporary:
        _say(f"Starting a system with {args.people} annotators …")
        with system.running(Path(temporary) / "data", args.people) as up:
            for strategy in plan.strategies:
                served = _play(data, plan, eye, up, strategy, learner, args.think)
                offline = [one for one in results if (one["strategy"], one["learner"]) == names(strategy, learner)]
                table = telling.beside(served, offline, plan.budget.batch)
                _say("", f"Served: {written(strategy)} with {written(learner)}. {telling.honest(served)}")
                sys.stdout.write(telling.plain(table))
                if args.out:
                    _keep(args.out, written(strategy), served, table)


def names(strategy: Spec, learner: Spec) -> tuple[str, str]:
    """How the results call them."""
    return written(strategy), written(learner)


def _play(
    data: DataSet, plan: Plan, eye: Eye, up: system.System, strategy: Spec, learner: Spec, think: float
) -> list[Served]:
    """One project from its creation to its last round; a point for each round that was seen."""
    from app.core.simulate import test_rows

    test = set(test_rows(len(data.answers), plan.budget).tolist())
    pool = [row for row in range(len(data.answers)) if row not in test]
    with Client(up.address, up.lead) as lead:
        project = _create(lead, data, plan, eye, strategy, learner)
        for email in up.people:
            lead.call("POST", f"/projects/{project}/members", {"email": email, "role": "annotator"})
        _upload(lead, data, project, pool)
        _until(lambda: _is_encoded(lead, project, eye, len(pool)), ENCODED, "The items were not encoded in time.")
        truth = {_name(data, row): data.answers[row] for row in pool}
        watcher = Watcher(lead, up, project, data, eye, learner, sorted(test))
        crowd = Crowd(up.address, list(up.people.values()), project, truth, plan.budget.labels, think, seed=0)
        crowd.work(watcher.look)
        _until(lambda: watcher.is_settled(), SETTLED, "The last labels were not learned in time.")
        return watcher.points()


def _create(lead: Client, data: DataSet, plan: Plan, eye: Eye, strategy: Spec, learner: Spec) -> int:
    from app.core.simulate import with_strategy

    shared = {name: plan.recipe[name] for name in ("cold_start", "aggregation", "random_share")}
    recipe = with_strategy(shared, strategy, learner)
    fields = {
        "name": f"{data.name[:100]}: {written(strategy)[:90]}",
        "modality": data.modality,
        "task": data.task_json,
        "recipe": {**recipe, "retrain_every": plan.budget.batch, "encoder": {"name": eye.name}},
    }
    project: int = lead.call("POST", "/projects", fields)["id"]
    return project


def _upload(lead: Client, data: DataSet, project: int, pool: Sequence[int]) -> None:
    if data.modality == "image":
        body, kind = _zipped(data, pool), "application/zip"
    else:
        field = "text" if data.modality == "text" else "columns"
        rows = (data.items[row][field] for row in pool)
        lines = [
            {ROW: _name(data, row), **(each if isinstance(each, dict) else {"text": each})}
            for row, each in zip(pool, rows, strict=True)
        ]
        body, kind = "".join(json.dumps(line) + "\n" for line in lines).encode(), "application/x-ndjson"
    options = "" if data.modality == "image" else f"?external_id={ROW}"
    options += "&text=text" if data.modality == "text" else ""
    added = lead.call("POST", f"/projects/{project}/items{options}", body, kind)["added"]
    if added != len(pool):
        raise Unavailable(f"The server took {added} of {len(pool)} items.")


def _name(data: DataSet, row: int) -> str:
    """The external id of an item: of an image it is its name in the archive."""
    return f"{row:07d}.img" if data.modality == "image" else f"{row:07d}"


def _zipped(data: DataSet, pool: Sequence[int]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as archive:
        for row in pool:
            archive.writestr(_name(data, row), data.contents[row])
    return out.getvalue()


def _is_encoded(lead: Client, project: int, eye: Eye, rows: int) -> bool:
    """Whether the encoder of the simulation, and not the quick one below it, has seen every item."""
    found = lead.call("GET", f"/projects/{project}/progress")
    failed = [one["error"] for one in found["encoding"] if one["error"]]
    if failed:
        raise Unavailable(f"The items cannot be encoded: {failed[0]}")
    return found["round"] is not None and any(
        one["encoder"] == eye.name and one["in_use"] and one["rows_done"] >= rows for one in found["encoding"]
    )


def _until(is_so: Callable[[], bool], patience: float, failure: str) -> None:
    deadline = time.monotonic() + patience
    while not is_so():
        if time.monotonic() > deadline:
            raise Unavailable(failure)
        time.sleep(0.1)


def _keep(folder: Path, strategy: str, served: list[Served], table: telling.Table) -> None:
    """What was served, in the simulation's folder."""
    name = "".join(sign if sign.isalnum() or sign in "._" else "_" for sign in strategy)
    with writing(folder / f"served-{name}.json") as file:
        file.write(json.dumps([vars(one) for one in served]).encode())
    with writing(folder / f"served-{name}.md") as file:
        file.write(f"# Served: {strategy}\n\n{telling.honest(served)}\n\n{telling.markdown(table)}".encode())


def _say(*lines: str) -> None:
    sys.stdout.write("".join(f"{line}\n" for line in lines))
    sys.stdout.flush()
