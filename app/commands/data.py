"""Commands about data: bring items in, take labels out, check the invariants."""

import argparse
import json
import shutil
import sys
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from app.commands import add_place, existing, migrated
from app.errors import Conflict, NotFound

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from app.models import Project


def add(commands: Any) -> None:
    """`marginalia import`, `export` and `check`."""
    taking = commands.add_parser("import", help="add the items of a file to a project")
    taking.add_argument("project", type=int, metavar="PROJECT_ID")
    taking.add_argument("file", type=Path, metavar="FILE", help="CSV, TSV, JSON, JSON Lines, Parquet, ZIP or an image")
    taking.add_argument("--text", metavar="COLUMN", help="the column that holds the text")
    taking.add_argument("--label", metavar="COLUMN", help="the column that holds answers")
    taking.add_argument("--external-id", metavar="COLUMN", help="the column that holds your own ids")
    taking.add_argument(
        "--label-as", choices=("import", "truth"), default="import", help="answers are labels, or hidden truth"
    )
    taking.add_argument(
        "--on-error", choices=("refuse", "keep"), default="refuse", help="refuse the file, or keep its good rows"
    )
    add_place(taking)
    taking.set_defaults(run=run_import)

    giving = commands.add_parser("export", help="write a project's items and labels")
    giving.add_argument("project", type=int, metavar="PROJECT_ID")
    giving.add_argument("--format", default="jsonl", help="jsonl (default), csv or parquet")
    giving.add_argument("--only", choices=("labelled", "all"), default="labelled")
    giving.add_argument("--predictions", action="store_true", help="add what the model would answer")
    giving.add_argument("--output", default="-", metavar="FILE", help="default: -, the standard output")
    add_place(giving)
    giving.set_defaults(run=run_export)

    checking = commands.add_parser("check", help="look for broken invariants; exit code 1 if there are any")
    checking.add_argument("--mend", action="store_true", help="put right what can be put right safely; never labels")
    checking.add_argument("--json", action="store_true", help="print the findings as JSON")
    add_place(checking)
    checking.set_defaults(run=run_check)


def run_import(args: argparse.Namespace) -> None:
    """Import one file, all of it or nothing, or its good rows if so asked."""
    if not args.file.is_file():
        raise NotFound(f"There is no file {args.file}.")
    migrated(args)
    import numpy as np

    from app.db import reading, transaction
    from app.services import uploads

    path, name = args.file, args.file.name
    with reading() as db:
        project = _project(db, args.project)
    guess = uploads.preview(path, name, project.modality, [each["name"] for each in project.task["classes"]]).guess
    # Columns with the content are guessed, answers never: a column taken for them by mistake could not be taken back.
    mapping = replace(
        guess,
        text=args.text or guess.text,
        label=args.label,
        external_id=args.external_id or guess.external_id,
        label_as=args.label_as,
    )
    checked = uploads.check(project.modality, project.task, path, name, mapping, args.on_error)
    now, rng = datetime.now(UTC), np.random.default_rng()
    with transaction() as db:
        mine = _project(db, args.project)
        result = uploads.import_file(db, mine, mine.created_by, path, name, mapping, args.on_error, now, rng, checked)
    sys.stdout.write(f"added {result.added}, duplicates {result.duplicates}, refused {result.refused_count}\n")
    for each in result.refused:
        sys.stderr.write(f"{each.get('line', each.get('name'))}: {each['error']}\n")


def _project(db: "Session", project_id: int) -> "Project":
    from app.models import Project

    project = db.get(Project, project_id)
    if project is None:
        raise NotFound("No such project.")
    return project


def run_export(args: argparse.Namespace) -> None:
    """Write the export to a file, whole or not at all, or to the standard output as it comes."""
    existing(args)
    from app import store
    from app.db import reading
    from app.services import exports

    with reading() as db:
        _project(db, args.project)
    filters = exports.Filters(only=args.only, predictions=args.predictions)
    if args.output != "-":
        exports.export(args.project, args.format, filters, Path(args.output))
        return
    path = store.temporary_path()
    try:
        exports.export(args.project, args.format, filters, path)
        with path.open("rb") as file:
            shutil.copyfileobj(file, sys.stdout.buffer)
        sys.stdout.flush()
    finally:
        path.unlink(missing_ok=True)


def run_check(args: argparse.Namespace) -> None:
    """Print what does not hold, and what that means; as JSON for programs. Raises Conflict where something is left."""
    existing(args)
    from app.services import check

    found = check.examine(datetime.now(UTC), mend=args.mend)
    if args.json:
        sys.stdout.write(json.dumps(check.shown(found, args.mend), indent=2) + "\n")
    else:
        for each in found:
            state = "mended" if each.mended else "can be mended" if each.mendable else "needs a person"
            place = "store" if each.project_id is None else f"project {each.project_id}"
            examples = ", ".join(map(str, each.examples)) + (", …" if each.count > len(each.examples) else "")
            sys.stdout.write(f"{place}: {each.count} {each.what} ({state}): {examples}\n  {each.means}\n")
    left = [each for each in found if not each.mended]
    if left:
        raise Conflict(f"{len(left)} invariants do not hold.")
    if not args.json:
        sys.stdout.write("Every invariant holds.\n" if not found else "Every invariant holds now.\n")
