"""The rules for migrations, held against their source: an old version goes on while a new one is rolled out."""

import ast
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[1] / "migrations" / "versions"
LARGE = {"item", "label", "lease", "queue", "round"}
# Of 0.2.0 and before: nobody upgrades from these while people label.
BEFORE_THE_RULES = "2026_11_25"
RULES = {
    "drop_column": "the old version still reads it: drop it in the version after the one that stopped using it",
    "drop_table": "the old version still reads it: drop it in the version after the one that stopped using it",
    "rename_table": "the old version knows the old name: add, copy, and drop a version later",
    "alter_column": "it locks and rewrites the table, or breaks the old version: add a column, and move over",
    "create_index": "nobody can write to a large table meanwhile: migrations.online.create_index",
    "drop_index": "it waits for everybody who reads the table: migrations.online.drop_index",
    "create_check_constraint": "it reads the whole table under a lock: NOT VALID first, VALIDATE in a later one",
    "create_foreign_key": "it reads the whole table under a lock: NOT VALID first, VALIDATE in a later one",
    "create_unique_constraint": "make a unique index with migrations.online.create_index",
    "batch_alter_table": "it hides which table its operations lock: say op.add_column(table, …)",
}


def offences(source: str) -> list[str]:
    """Operations of `upgrade` that make others wait, or break the version before; ALLOWED in the file says why not.

    ALLOWED = {"drop_column": "a sentence that says why nobody minds"}
    """
    tree = ast.parse(source)
    allowed = {
        key.value
        for node in tree.body
        if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "ALLOWED"
        for key in getattr(node.value, "keys", [])
    }
    made = {_table(call) for call in _calls(tree) if call.func.attr == "create_table"}  # type: ignore[attr-defined]
    found = []
    for call in _calls(tree):
        name = call.func.attr  # type: ignore[attr-defined]
        is_index = name in ("create_index", "drop_index", "create_check_constraint", "create_foreign_key")
        if name in RULES and name not in allowed and not (is_index and (_table(call, 1) in made | _small())):
            found.append(f"{name}: {RULES[name]}")
        if name == "add_column" and "add_column" not in allowed and _is_required_without_default(call):
            found.append("add_column: not null needs a server_default, for the old version does not fill it")
    return found


def _small() -> set[str]:
    """The tables that are not large: a lock on them is over at once."""
    from app.models import Base

    return set(Base.metadata.tables) - LARGE


def _calls(tree: ast.Module) -> list[ast.Call]:
    upgrade = [node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name == "upgrade"]
    return [
        node
        for body in upgrade
        for node in ast.walk(body)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and getattr(node.func.value, "id", "") in ("op", "batch_op")
    ]


def _table(call: ast.Call, place: int = 0) -> str:
    one = call.args[place] if len(call.args) > place else None
    return one.value if isinstance(one, ast.Constant) else ""


def _is_required_without_default(call: ast.Call) -> bool:
    columns = [node for node in ast.walk(call) if isinstance(node, ast.Call) and node is not call]
    named = {word.arg: word.value for column in columns for word in column.keywords}
    is_required = isinstance(named.get("nullable"), ast.Constant) and named["nullable"].value is False  # type: ignore[attr-defined]
    return is_required and "server_default" not in named


@pytest.mark.parametrize("path", sorted(FOLDER.glob("2*.py")), ids=lambda path: path.stem)
def test_a_migration_makes_nobody_wait_and_breaks_no_older_version(path: Path) -> None:
    if path.name >= BEFORE_THE_RULES:
        assert offences(path.read_text()) == []


@pytest.mark.parametrize(
    ("line", "is_offence"),
    [
        ('op.drop_column("label", "x")', True),
        ('op.rename_table("a", "b")', True),
        ('op.alter_column("item", "x", nullable=False)', True),
        ('op.create_index("i", "label", ["x"])', True),
        ('op.create_index("i", "token", ["x"])', False),
        ('online.create_index("i", "label", ["x"])', False),
        ('op.add_column("label", sa.Column("x", sa.Integer(), nullable=False))', True),
        ('op.add_column("label", sa.Column("x", sa.Integer(), nullable=False, server_default="0"))', False),
        ('op.add_column("label", sa.Column("x", sa.Integer(), nullable=True))', False),
    ],
)
def test_each_rule_finds_what_it_forbids_and_nothing_else(line: str, is_offence: bool) -> None:
    assert bool(offences(f"def upgrade() -> None:\n    {line}\n")) is is_offence
    assert offences(f"def downgrade() -> None:\n    {line}\n") == []


def test_a_reason_allows_what_a_rule_forbids_and_a_new_table_needs_none() -> None:
    dropped = 'def upgrade() -> None:\n    op.drop_column("label", "x")\n'
    assert offences('ALLOWED = {"drop_column": "unused since 0.3"}\n' + dropped) == []
    made = 'def upgrade() -> None:\n    op.create_table("new")\n    op.create_index("i", "new", ["x"])\n'
    assert offences(made) == []
