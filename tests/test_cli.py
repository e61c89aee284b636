"""The command line as a script sees it: exit codes, standard output, standard error."""

import io
import json
import lzma
import os
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text

from app import db as database
from app import demo
from app.cli import main
from app.models import FailedSignIn, SignIn
from app.services import projects, recipes, tries, users
from app.settings import Settings, current

ROOT = Path(__file__).parents[1]
PERSON = "anna@example.org"


@dataclass
class Done:
    """What a command left behind."""

    returncode: int
    stdout: str
    stderr: str


@pytest.fixture
def marginalia(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[Callable[..., Done]]:
    """The command, run in this process, in an environment with nothing set but its data directory."""
    for name in ("DATABASE_URL", "REDIS_URL"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.setenv(f"MARGINALIA_{name}", "")  # set, so that what an option writes there is taken back
    monkeypatch.setenv("MARGINALIA_PORT", "8000")
    monkeypatch.setenv("MARGINALIA_DATA_DIR", str(tmp_path / "data"))

    def run(*arguments: str, stdin: str = "") -> Done:
        monkeypatch.setattr(sys, "stdin", io.StringIO(stdin))
        try:
            code = main(arguments)
        except SystemExit as left:  # argparse
            code = int(str(left.code))
        database.use(None)
        told = capsys.readouterr()
        return Done(code, told.out, told.err)

    current.cache_clear()
    database.use(None)
    yield run
    database.use(None)
    current.cache_clear()


@pytest.fixture
def folder(tmp_path: Path, marginalia: Callable[..., Done]) -> Path:
    options = ("--name", "Anna", "--admin", "--password-stdin")
    done = marginalia("user", "add", PERSON, *options, stdin="long enough\n")
    assert done.returncode == 0, done.stderr
    return tmp_path / "data"


def make_project(name: str = "Mails") -> int:
    """A project as the services make it, in the command's own database."""
    task = {"kind": "classification", "classes": ["spam", "not spam"]}
    fields = {"name": name, "modality": "text", "task": task}
    with database.transaction() as db:
        caller = users.caller(users.by_email(db, PERSON))
        made = projects.create_project(db, caller, fields, datetime.now(UTC)).id
    database.use(None)
    return made


def test_an_account_is_made_once_and_a_second_time_refused_in_one_line(
    folder: Path, marginalia: Callable[..., Done]
) -> None:
    again = marginalia("user", "add", PERSON, "--password-stdin", stdin="long enough\n")
    assert again.returncode == 1
    assert len(again.stderr.splitlines()) == 1
    assert PERSON in again.stderr


def test_a_new_password_is_set_and_what_was_counted_is_forgotten(folder: Path, marginalia: Callable[..., Done]) -> None:
    database.use(database.Database(f"sqlite:///{folder}/marginalia.sqlite3"))
    with database.transaction() as db:
        user = users.by_email(db, PERSON)
        users.start_sign_in(db, user.id, datetime.now(UTC))
        tries.begin(db, PERSON, user.id, "10.0.0.1", "", datetime.now(UTC))
    done = marginalia("user", "password", PERSON, "--password-stdin", stdin="another good one\n")
    assert done.returncode == 0, done.stderr
    database.use(database.Database(f"sqlite:///{folder}/marginalia.sqlite3"))
    with database.reading() as db:
        assert users.is_password(users.look_up(db, PERSON), "another good one")
        assert db.query(SignIn).count() == db.query(FailedSignIn).count() == 0
    database.use(None)
    assert marginalia("user", "password", "who@example.org", "--password-stdin", stdin="long enough\n").returncode == 1


def test_an_account_needs_a_password_on_standard_input(tmp_path: Path, marginalia: Callable[..., Done]) -> None:
    assert marginalia("user", "add", PERSON, "--password-stdin").returncode == 1
    assert marginalia("user", "add", PERSON, stdin="long enough\n").returncode == 2


def test_a_token_is_all_that_is_printed_and_it_works(folder: Path, marginalia: Callable[..., Done]) -> None:
    done = marginalia("token", "create", PERSON, "--scope", "read", "--days", "7")
    assert done.returncode == 0, done.stderr
    assert done.stdout == done.stdout.strip() + "\n"
    engine = create_engine(f"sqlite:///{folder}/marginalia.sqlite3")
    with engine.connect() as connection:
        assert connection.execute(text("SELECT scope FROM token")).scalars().all() == ["read"]
    engine.dispose()
    assert marginalia("token", "create", "nobody@example.org").returncode == 1
    assert marginalia("token", "create", PERSON, "--scope", "everything").returncode == 1


def test_what_is_imported_is_exported(folder: Path, tmp_path: Path, marginalia: Callable[..., Done]) -> None:
    project = str(make_project())
    source = tmp_path / "mails.csv"
    source.write_text("body,kind,nr\nBuy now,spam,1\nSee you at eight,not spam,2\n")
    options = ("--text", "body", "--label", "kind", "--external-id", "nr")
    done = marginalia("import", project, str(source), *options)
    assert done.stdout == "added 2, duplicates 0, refused 0\n", done.stderr
    assert marginalia("import", project, str(source), *options).stdout.startswith("added 0, duplicates 2")
    done = marginalia("export", project)
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert [(line["external_id"], line["answer"]) for line in lines] == [
        ("1", {"class": "spam"}),
        ("2", {"class": "not spam"}),
    ]
    target = tmp_path / "out.csv"
    assert marginalia("export", project, "--format", "csv", "--output", str(target)).returncode == 0
    assert "See you at eight" in target.read_text()
    assert marginalia("check").returncode == 0


def test_a_file_with_a_bad_row_changes_nothing_unless_the_good_ones_are_asked_for(
    folder: Path, tmp_path: Path, marginalia: Callable[..., Done]
) -> None:
    project = str(make_project())
    source = tmp_path / "mails.jsonl"
    source.write_text('{"text": "Buy now", "label": "spam"}\n{"text": "Hm", "label": "perhaps"}\n')
    options = (project, str(source), "--text", "text", "--label", "label", "--label-as", "truth")
    refused = marginalia("import", *options)
    assert refused.returncode == 1
    assert "line 2" in refused.stderr
    assert "Traceback" not in refused.stderr
    kept = marginalia("import", *options, "--on-error", "keep")
    assert kept.stdout == "added 1, duplicates 0, refused 1\n"


def test_a_broken_invariant_is_found_and_mended(folder: Path, tmp_path: Path, marginalia: Callable[..., Done]) -> None:
    project = str(make_project())
    source = tmp_path / "mails.csv"
    source.write_text("text\nBuy now\n")
    marginalia("import", project, str(source))
    engine = create_engine(f"sqlite:///{folder}/marginalia.sqlite3")
    with engine.begin() as connection:
        connection.execute(text("UPDATE item SET slots = 7"))
    engine.dispose()
    assert marginalia("check").returncode == 1
    assert marginalia("check", "--mend").returncode == 0
    assert marginalia("check").returncode == 0


def test_a_project_is_simulated_on_its_hidden_truth(
    folder: Path, tmp_path: Path, marginalia: Callable[..., Done]
) -> None:
    project = str(make_project())
    options = ("--project", project, "--labels", "20", "--batch", "10", "--seeds", "2", "--jobs", "1")
    assert marginalia("simulate", *options).stderr.startswith("marginalia: Nothing in this project has an answer yet")
    assert marginalia("simulate", "--project", "77").stderr == "marginalia: No such project.\n"
    words = {"spam": "cheap pills winner prize", "not spam": "meeting agenda minutes lunch"}
    rows = [f'"{word} {n} {words[kind]}",{kind}' for n in range(60) for kind, word in zip(words, "ab", strict=True)]
    source = tmp_path / "known.csv"
    source.write_text("text,label\n" + "\n".join(rows) + "\n")
    truth = ("--text", "text", "--label", "label", "--label-as", "truth")
    assert marginalia("import", project, str(source), *truth).returncode == 0
    done = marginalia("simulate", *options)
    assert done.returncode == 0, done.stderr
    assert "120 answers are hidden truth, 0 merged from people's labels." in done.stdout
    last = next(line for line in done.stdout.splitlines() if line.strip().startswith("20 "))
    assert float(last.split()[1]) > 0.9


@pytest.mark.parametrize(
    "arguments",
    [
        ("import", "1", "no-such-file.csv"),
        ("export", "1"),
        ("check",),
        ("simulate",),
        ("check", "--database-url", "postgresql://nobody@127.0.0.1:1/none"),
        ("check", "--database-url", "nonsense"),
    ],
)
def test_a_refusal_is_a_sentence_and_never_a_traceback(
    tmp_path: Path, arguments: tuple[str, ...], marginalia: Callable[..., Done]
) -> None:
    done = marginalia(*arguments)
    assert done.returncode in (1, 2)
    assert done.stderr.startswith("marginalia: ")
    assert "Traceback" not in done.stderr


def test_a_setting_out_of_range_is_named(tmp_path: Path, marginalia: Callable[..., Done]) -> None:
    done = marginalia("up", "--port", "99999")
    assert done.returncode == 2
    assert "port" in done.stderr


def test_commands_about_people_do_not_import_torch(tmp_path: Path) -> None:
    code = "import sys; from app.cli import main; main(['migrate']); sys.exit('torch' in sys.modules)"
    environment = {**os.environ, "MARGINALIA_DATA_DIR": str(tmp_path)}
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=environment, check=True)


def test_the_parser_knows_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--help"])
    told = capsys.readouterr().out
    for name in ("up", "demo", "web", "migrate", "user", "token", "import", "export", "check", "simulate"):
        assert f"    {name} " in told


@pytest.mark.parametrize("project", [demo.MAILS, demo.CLIP_ART], ids=lambda project: project.modality)
def test_a_demo_project_has_data_for_every_class_and_a_form_that_is_accepted(project: demo.Project) -> None:
    recipes.read(recipes.ProjectFields, demo._fields(project))
    if project.modality == "text":
        with lzma.open(demo.DATA / project.file, "rt", encoding="utf-8") as lines:
            found = [json.loads(line)["label"] for line in lines]
    else:
        with zipfile.ZipFile(demo.DATA / project.file) as archive:
            found = [name.split("/")[0] for name in archive.namelist()]
    assert set(found) == {each["name"] for each in project.classes}
    assert len(found) > 1000


def test_the_demo_is_made_once_and_found_again(tmp_path: Path) -> None:
    code = """
from app import demo, migrate
migrate.upgrade()
said = []
assert demo.load(said.append) == demo.load(said.append)
assert len(said) == 2, said
"""
    environment = {**os.environ, "MARGINALIA_DATA_DIR": str(tmp_path)}
    environment.pop("DATABASE_URL", None)
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "demo-sign-in.txt").stat().st_mode & 0o777 == 0o600
    engine = create_engine(f"sqlite:///{tmp_path}/marginalia.sqlite3")
    with engine.connect() as connection:
        assert connection.execute(text("SELECT count(*) FROM project")).scalar() == 2
        assert connection.execute(text("SELECT count(*) FROM item WHERE truth IS NULL")).scalar() == 0
        assert (
            connection.execute(text("SELECT min(n) FROM (SELECT count(*) n FROM item GROUP BY project_id)")).scalar()
            > 1000
        )
    engine.dispose()


def test_the_operators_page_names_every_setting() -> None:
    page = (ROOT / "docs" / "operate.md").read_text(encoding="utf-8")
    assert [name for name in Settings.model_fields if f"`{name}`" not in page] == []
