"""Commands that keep the system's data safe: backup, restore."""

import argparse
import sys
from pathlib import Path
from typing import Any

from app.commands import add_place, existing, settings
from app.errors import Conflict


def add(commands: Any) -> None:
    """`marginalia backup` and `restore`."""
    making = commands.add_parser("backup", help="copy everything to a directory or a .tar file, while people work")
    making.add_argument("target", type=Path, metavar="TARGET", help="a new directory, or a new file that ends in .tar")
    making.add_argument(
        "--without-arrays", action="store_true", help="leave out features and models, which can be computed again"
    )
    add_place(making)
    making.set_defaults(run=run_backup)

    restoring = commands.add_parser("restore", help="fill an empty system from a backup, of either database")
    restoring.add_argument("source", type=Path, metavar="SOURCE", help="what `backup` made")
    restoring.add_argument("--replace", action="store_true", help="also where there are data, which are then lost")
    restoring.add_argument("--sha256", metavar="SUM", help="take only the backup with this sum, which `backup` told")
    add_place(restoring)
    restoring.set_defaults(run=run_restore)


def run_backup(args: argparse.Namespace) -> None:
    """Make a backup and tell its sum."""
    existing(args)
    from app.services.backups.backup import backup

    made = backup(args.target, has_arrays=not args.without_arrays)
    size = made.bytes / 2**20
    sys.stdout.write(f"{args.target}: {made.rows} rows, {made.files} files, {size:.1f} MiB\nsha256 {made.digest}\n")


def run_restore(args: argparse.Namespace) -> None:
    """Restore, check, and tell both. Raises Conflict where something does not hold that needs a person."""
    found = settings(args)
    found.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    from app.services.backups.restore import restore
    from app.supervisor import only_one

    with only_one(found.data_dir.absolute()):
        done = restore(args.source, args.replace, args.sha256)
    sys.stdout.write(f"Restored {done.rows} rows and {done.files} files, as they were at {done.made_at}.\n")
    for each in done.findings:
        state = "mended" if each.mended else "needs a person"
        sys.stdout.write(f"project {each.project_id}: {each.count} {each.what} ({state})\n")
    if any(not each.mended for each in done.findings):
        raise Conflict("Some invariants do not hold; `marginalia check` explains them.")
