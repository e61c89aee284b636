"""The command `simulate`: what a strategy would have saved, on data whose answers are known."""

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from app.commands import add_place, existing, settings
from app.errors import BadInput, NotFound

if TYPE_CHECKING:
    import numpy as np

    from app.core.encoders import Encoder

ENCODED_AT_ONCE = 256


class Known(NamedTuple):
    """A data set with its answers."""

    modality: str
    contents: list[Any]
    answers: list[str]


def add(commands: Any) -> None:
    """`marginalia simulate`."""
    parser = commands.add_parser("simulate", help="play a project through with known answers, against random asking")
    parser.add_argument("file", type=Path, nargs="?", metavar="FILE", help="a file that holds the answers")
    parser.add_argument("--project", type=int, metavar="ID", help="a project with hidden truth, in place of FILE")
    parser.add_argument("--text", metavar="COLUMN", help="the column that holds the text; without it a table is read")
    parser.add_argument("--label", metavar="COLUMN", default="label", help="the column that holds the answers")
    parser.add_argument("--strategy", default="margin", help="what chooses the items to ask (default: margin)")
    parser.add_argument("--labels", type=int, default=300, help="labels to spend (default: 300)")
    parser.add_argument("--batch", type=int, default=20, help="labels between two rounds (default: 20)")
    parser.add_argument("--seeds", type=int, default=3, help="repetitions (default: 3)")
    parser.add_argument("--encoder", help="what makes features of the items (default: the quickest)")
    add_place(parser)
    parser.set_defaults(run=run_simulate)


def run_simulate(args: argparse.Namespace) -> None:
    """Print a table: labels, and the accuracy on items never asked, for the strategy and for random asking."""
    if (args.file is None) == (args.project is None):
        raise BadInput("Name a FILE or a --project.")
    if min(args.labels, args.batch, args.seeds) < 1:
        raise BadInput("Labels, batch and seeds are at least 1.")
    threads = (existing(args) if args.project is not None else settings(args)).torch_threads
    known = of_project(args.project) if args.project is not None else of_file(args.file, args.text, args.label)
    print_table(args, known, threads)


def of_file(path: Path, text: str | None, label: str) -> Known:
    """The contents and answers of a file. Raises NotFound, BadInput."""
    from app.core import formats

    if not path.is_file():
        raise NotFound(f"There is no file {path}.")
    contents: list[Any] = []
    answers: list[str] = []
    with path.open("rb") as stream:
        try:
            name = formats.detect(path.name, stream)
            for row in formats.get(name).read(stream, formats.Limits()):
                if isinstance(row, formats.Bad):
                    raise BadInput(f"{path} cannot be used.", [{**row.place, "error": row.error}])
                content, answer = _content(row.values, text, label)
                contents.append(content)
                answers.append(answer)
        except formats.Unreadable as error:
            raise BadInput(f"{path} cannot be read: {error}") from None
        except KeyError as error:
            raise BadInput(f"{path} has no column {error}.") from None
    return Known("image" if name == "zip" else "text" if text else "table", contents, answers)


def _content(values: dict[str, Any], text: str | None, label: str) -> tuple[Any, str]:
    if "folders" in values:  # an archive of images: the innermost folder is the answer
        return values["image"], (values["folders"] or ("",))[-1]
    answer = str(values[label])
    return (str(values[text]) if text else {k: v for k, v in values.items() if k != label}), answer


def of_project(project_id: int) -> Known:
    """The items of a project whose truth is known. Raises NotFound, BadInput."""
    from sqlalchemy import select

    from app.db import reading
    from app.models import Item, Project
    from app.services import encodings

    with reading() as db:
        project = db.get(Project, project_id)
        if project is None:
            raise NotFound("No such project.")
        if project.task["kind"] != "classification":
            raise BadInput("A simulation wants a project of one class an item.")
        query = select(Item.content, Item.truth).where(Item.project_id == project_id, Item.truth.is_not(None))
        rows = db.execute(query.order_by(Item.row)).all()
        if not rows:
            raise BadInput("This project has no hidden truth: upload its answers as truth.")
        contents = encodings.contents_of(project.modality, [content for content, _ in rows])
        return Known(project.modality, contents, [truth["class"] for _, truth in rows if truth])


def print_table(args: argparse.Namespace, known: Known, threads: int) -> None:
    """Play the strategy and random asking with the same seeds, and print the means with the seeds' range."""
    import numpy as np
    import torch

    from app.core import plugins
    from app.core.data import ArrayFeatures
    from app.core.simulate import simulate
    from app.core.tasks.classification import Classification

    torch.set_num_threads(threads)
    try:
        plugins.describe_one("strategies", args.strategy)
        encoder = make_encoder(known.modality, args.encoder)
    except plugins.UnknownPlugin as error:
        raise BadInput(str(error)) from None
    classes = sorted(set(known.answers))
    if len(classes) < 2:
        raise BadInput("There must be two classes at least.")
    truth = np.array([classes.index(answer) for answer in known.answers])
    features = ArrayFeatures(encode(encoder, known.contents))
    sys.stdout.write(
        f"{len(truth)} items, {len(classes)} classes, {args.seeds} seeds; accuracy on the fifth kept apart\n"
    )
    sys.stdout.write(f"{'labels':>8}  {args.strategy:>20}  {'random':>20}\n")

    def points(name: str, seed: int) -> list[tuple[int, float]]:
        recipe = {"learner": {"name": "linear"}, "strategy": {"name": name}, "cold_start": {"name": "maxherding"}}
        if name == "random":
            recipe["cold_start"] = {"name": "random"}
        recipe["aggregation"] = {"name": "majority"}
        return simulate(features, truth, Classification(classes), recipe, args.labels, args.batch, seed)

    asked = {name: [points(name, seed) for seed in range(args.seeds)] for name in (args.strategy, "random")}
    for number, (labels, _) in enumerate(asked[args.strategy][0]):
        cells = (f"{_spread([run[number][1] for run in asked[name]]):>20}" for name in (args.strategy, "random"))
        sys.stdout.write(f"{labels:>8}  {'  '.join(cells)}\n")


def _spread(values: list[float]) -> str:
    return f"{sum(values) / len(values):.3f} ({min(values):.3f}–{max(values):.3f})"


def make_encoder(modality: str, name: str | None) -> "Encoder":
    """The encoder by this name, or the modality's quickest. Raises UnknownPlugin."""
    from app.core import encoders, plugins

    spec = {"name": name} if name else encoders.ladder(modality)[0]
    made = plugins.make("encoders", spec, encoders.Encoder)
    if made.modality != modality:
        raise BadInput(f"{spec['name']} reads {made.modality}, not {modality}.")
    return made


def encode(encoder: "Encoder", contents: list[Any]) -> "np.ndarray[Any, np.dtype[np.float32]]":
    """The features of all contents, in batches."""
    import numpy as np

    learned = encoder.learn(contents)
    starts = range(0, len(contents), ENCODED_AT_ONCE)
    return np.concatenate([encoder.encode(contents[i : i + ENCODED_AT_ONCE], learned) for i in starts])
