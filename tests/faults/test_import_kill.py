"""kill -9 in the middle of an archive: nothing half visible, and the same file sent again goes on where it was."""

import io
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from sqlalchemy import func, select

from app import store
from app.db import Database, reading, transaction
from app.models import Item, Project, User
from app.services import upload_journal, upload_rows, uploads
from tests.conftest import NOW, MakeProject

IMAGES, KILLED_AT = 400, 250
KILLED = """
import os, signal, sys
from datetime import UTC, datetime
from pathlib import Path
import numpy as np
from app import jobs, store
from app.db import reading, transaction
from app.models import Project
from app.services import upload_check, upload_journal, upload_rows, uploads
jobs.send = lambda remembered: None
where, project_id, path = sys.argv[1], int(sys.argv[2]), Path(sys.argv[3])
upload_journal.SECONDS = 0.0
counted = [0]
def at(real):
    def seen(*given):
        counted[0] += 1
        if counted[0] > int(sys.argv[4]):
            os.kill(os.getpid(), signal.SIGKILL)
        return real(*given)
    return seen
if where == "check":
    upload_rows.examine = at(upload_rows.examine)
else:
    store.keep_media = at(store.keep_media)
with reading() as db:
    project = db.get_one(Project, project_id)
uploads.check("image", project.task, path, "many.zip", uploads.Mapping(label="folder"), "keep")
"""


@pytest.fixture
def archive(data_dir: Path) -> Path:
    """An archive of small images: every tenth a copy of the one before, every fiftieth broken."""
    path, rng = data_dir / "many.zip", np.random.default_rng(0)
    with zipfile.ZipFile(path, "w") as made:
        data = b""
        for k in range(IMAGES):
            if k % 10 != 9:
                stream = io.BytesIO()
                Image.fromarray(rng.integers(0, 255, (8, 8, 3), dtype=np.uint8)).save(stream, "PNG")
                data = stream.getvalue()
            made.writestr(f"{'spam' if k % 2 else 'ham'}/{k}.png", data[:40] if k % 50 == 25 else data)
    return path


@pytest.mark.parametrize("where", ["check", "media"])
def test_an_archive_that_was_interrupted_goes_on_when_it_is_sent_again(
    where: str,
    make_project: MakeProject,
    alice: User,
    archive: Path,
    database: Database,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    project = make_project(modality="image")
    environment = {**os.environ, "DATABASE_URL": "" if database.is_sqlite else database.url}
    calls = KILLED_AT if where == "check" else 3  # a store takes many images together
    words = [sys.executable, "-c", KILLED, where, str(project.id), str(archive), str(calls)]
    assert subprocess.run(words, env=environment, check=False).returncode == -9
    with reading() as db:
        assert db.scalar(select(func.count()).select_from(Item)) == 0
        assert db.get_one(Project, project.id).next_row == 0
    examined = []
    real = upload_rows.examine
    monkeypatch.setattr(upload_rows, "examine", lambda *given: examined.append(1) or real(*given))
    with (
        uploads.check("image", project.task, archive, "many.zip", uploads.Mapping(label="folder"), "keep") as checked,
        transaction() as db,
    ):
        held, rng = db.get_one(Project, project.id), np.random.default_rng(0)
        mapping = uploads.Mapping(label="folder")
        found = uploads.import_file(db, held, alice.id, archive, "many.zip", mapping, "keep", NOW, rng, checked)
    assert len(examined) <= IMAGES - KILLED_AT + 10
    assert (found.added, found.duplicates, found.refused_count) == (352, 40, 8)
    assert [one["name"] for one in found.refused] == [f"spam/{k}.png" for k in range(25, IMAGES, 50)]
    with reading() as db:
        names = [content["image"] for content in db.scalars(select(Item.content).order_by(Item.row))]
    assert len(set(names)) == 352
    assert all(store.media_path(name).exists() for name in names)
    assert [path.name for path in store.folder("checks").iterdir()] == []


def test_a_journal_that_is_broken_or_in_use_costs_only_time(data_dir: Path, archive: Path) -> None:
    first = upload_journal.Journal.of(archive, ["told"])
    assert first is not None
    assert upload_journal.Journal.of(archive, ["told"]) is None  # another check is at it
    first.rows.write(b"rows")
    first.digests.write(bytes(32))
    first.write(1, 0, [])
    first.rows.truncate(2)
    first.rows.close()
    first.digests.close()
    again = upload_journal.Journal.of(archive, ["told"])
    assert again is not None
    assert (again.passed, again.rows.seek(0, 2), again.digests.seek(0, 2)) == (0, 0, 0)
    again.rows.close()
    again.digests.close()
    other = upload_journal.Journal.of(archive, ["other wishes"])
    assert other is not None
    assert other.stem != again.stem
    other.rows.close()
    other.digests.close()
