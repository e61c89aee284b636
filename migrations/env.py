"""Alembic's environment: one connection, our tables."""

from typing import Any, Literal

from alembic import context
from alembic.autogenerate.api import AutogenContext

from app.db import database
from app.models import Base, UtcDateTime


def run() -> None:
    given = context.config.attributes.get("connection")
    if given is not None:
        _migrate(given)
        return
    with database().writing.connect() as connection:
        _migrate(connection)
        connection.commit()


def _render(kind: str, thing: Any, context: AutogenContext) -> str | Literal[False]:
    """Write our own types by their names."""
    if kind == "type" and isinstance(thing, UtcDateTime):
        context.imports.add("from app.models import UtcDateTime")
        return "UtcDateTime()"
    if kind == "type" and "JSONB" in repr(getattr(thing, "_variant_mapping", "")):
        context.imports.add("from app.models import Json")
        return "Json"
    if kind == "type" and type(thing).__name__ == "BigInteger" and thing._variant_mapping:
        context.imports.add("from app.models import BigId")
        return "BigId"
    return False


def _migrate(connection: object) -> None:
    context.configure(
        connection=connection,  # type: ignore[arg-type]  # Alembic's stub is narrower than its code
        target_metadata=Base.metadata,
        compare_type=True,
        render_as_batch=True,
        render_item=_render,
        # Each its own: one that fails undoes no other, and an index can be made CONCURRENTLY, outside of any.
        transaction_per_migration=True,
    )
    with context.begin_transaction():
        context.run_migrations()


run()
