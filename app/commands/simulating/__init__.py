"""The command `simulate`: what asking otherwise would have cost or saved, on data whose answers are known."""

import argparse
import os
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from app.commands import add_place, existing, settings
from app.commands.simulating.keeping import Folder
from app.errors import BadInput

if TYPE_CHECKING:
    from app.commands.simulating.dataset import DataSet
    from app.commands.simulating.encoding import Eye
    from app.commands.simulating.plan import Plan

MEASURES = ("accuracy", "macro_f1", "entity_f1")


def add(commands: Any) -> None:
    """`marginalia simulate`."""
    parser = commands.add_parser("simulate", help="play a project through with known answers, against random asking")
    data = parser.add_argument_group("the data")
    data.add_argument("file", type=Path, nargs="?", metavar="FILE", help="a file that holds the answers")
    data.add_argument("--project", type=int, metavar="ID", help="a project with answers, in place of FILE")
    data.add_argument("--text", metavar="COLUMN", help="the column that holds the text; without it a table is read")
    data.add_argument("--label", metavar="COLUMN", default="label", help="the column that holds the answers")
    data.add_argument("--separator", metavar="SIGN", help="cuts an answer into several classes")
    data.add_argument("--out-of-scope", metavar="ANSWER", help="the answer of items that belong to no class")
    data.add_argument("--encoder", metavar="NAME", help="what makes features of the items (default: the quickest)")
    what = parser.add_argument_group("what is played; a plug-in's settings: NAME:setting=value")
    what.add_argument("--strategy", metavar="NAMES", help="what chooses the items, with commas; random comes by itself")
    what.add_argument("--learner", metavar="NAMES", help="what learns, with commas (default: linear)")
    what.add_argument("--cold-start", metavar="NAME", help="what chooses before there are enough labels")
    what.add_argument("--labels", type=int, help="labels to spend (default: 300, or what there is)")
    what.add_argument("--batch", type=int, default=20, help="labels between two rounds (default: 20)")
    what.add_argument("--seeds", type=int, default=10, help="repetitions, each with another fifth kept apart (10)")
    what.add_argument("--calibrate", action="store_true", help="calibrate at every round: slow; honest ECE")
    what.add_argument("--measure", choices=MEASURES, help="what the tables and plots show (default: the task's)")
    how = parser.add_argument_group("how")
    how.add_argument("--out", type=Path, metavar="DIR", help="keep every replay, plots, Parquet; a killed run goes on")
    how.add_argument("--jobs", type=int, help="processes (default: as many as there are cores)")
    how.add_argument("--served", action="store_true", help="also through a real server, its queue, leases and worker")
    how.add_argument("--people", type=int, default=4, help="annotators of the served project (4)")
    how.add_argument("--think", type=float, default=0.5, metavar="SECONDS", help="of each of them for an answer (0.5)")
    add_place(parser)
    parser.set_defaults(run=run_simulate)


def run_simulate(args: argparse.Namespace) -> None:
    """Play every strategy with every learner from every seed, and tell what each would have cost."""
    _check(args)
    (settings if args.project is None else existing)(args)
    from app.commands.simulating import encoding, plan, project, reading

    if args.project is not None:
        data = project.of_project(args.project, encodes=args.encoder is not None or args.served)
    else:
        data = reading.of_file(args.file, reading.Columns(args.text, args.label, args.separator, args.out_of_scope))
    made = plan.of(args, data)
    eye = encoding.eye_of(data, args.encoder)
    with TemporaryDirectory() as temporary:
        folder = Folder(args.out or Path(temporary) / "simulation")
        folder.open({"data": data.fingerprint(), "encoder": f"{eye.name} {eye.fingerprint}", **made.fixed()})
        features = encoding.encoded(data, eye, folder.path)
        results = _play(data, made, features, folder, args)
        _tell(data, made, eye, results, args.measure or data.task.measure, folder if args.out else None)
        if args.served:
            from app.commands.simulating import serving

            serving.serve(data, made, eye, results, args)


def _check(args: argparse.Namespace) -> None:
    """Refuse what makes no sense whatever the data are."""
    if (args.file is None) == (args.project is None):
        raise BadInput("Name a FILE or a --project.")
    numbers = {name: getattr(args, name) for name in ("labels", "batch", "seeds", "jobs", "people")}
    for name, value in numbers.items():
        if value is not None and value < 1:
            raise BadInput(f"--{name} is {value}; it must be 1 at least.")
    if not 0 <= args.think <= 3600:
        raise BadInput("--think is a number of seconds from 0 to 3600.")


def _play(
    data: "DataSet", made: "Plan", features: Path, folder: Folder, args: argparse.Namespace
) -> list[dict[str, Any]]:
    """The results of every replay, those that were finished before among them, in the order of the plan."""
    from app.commands.simulating import playing
    from app.commands.simulating.progress import Progress
    from app.core.replays import replays, rounds_of

    wanted = replays(made.strategies, made.learners, made.seeds)
    done = folder.done([one.names for one in wanted])
    rounds = {one.names: rounds_of(one, made.budget) for one in wanted}
    progress = Progress(sum(rounds.values()), sum(rounds[names] for names in done))
    if done:
        sys.stderr.write(f"{len(done)} of {len(wanted)} replays are finished already.\n")
    source = playing.Source(features, data.task_json, data.answers, made.recipe, made.budget)
    waiting = [one for one in wanted if one.names not in done]
    try:
        for result in playing.play(source, waiting, args.jobs or os.cpu_count() or 1, progress.step):
            folder.keep(result)
            done[result["strategy"], result["learner"], result["seed"]] = result
    except KeyboardInterrupt:
        progress.end()
        if args.out:
            sys.stderr.write(f"{len(done)} of {len(wanted)} replays are kept; the same command goes on from there.\n")
        raise
    finally:
        progress.end()
    return [done[one.names] for one in wanted]


def _tell(
    data: "DataSet", made: "Plan", eye: "Eye", results: list[dict[str, Any]], measure: str, folder: Folder | None
) -> None:
    """The tables on standard output, and everything in the folder where there is one."""
    from app.commands.simulating import telling
    from app.core.comparison import sentence
    from app.core.replays import standings

    found = standings(results, measure)
    told = [f"{line}." for line in (*data.said, *telling.described(data, made, eye.name, results, measure))]
    ece = telling.calibration(results) if made.budget.is_calibrated else []
    tables = [telling.curve(found), telling.summary(found, ece)]
    conclusion = sentence(found)
    sys.stdout.write("\n".join(["\n".join([*told, ""]), *map(telling.plain, tables), conclusion, ""]))
    if folder is not None:
        title = f"What asking otherwise would have cost: {data.name}"
        telling.write(folder.path, title, [*told, conclusion], tables, results, made.budget.is_calibrated, measure)
        sys.stdout.write(f"In {folder.path}: results.parquet, results.md, curve.svg, curve.png.\n")
