"""propensities of drawn queues, and the cold start under its paper's name

The old code still runs while this does: add before you use, drop after nobody uses.
"""

from typing import Any

import sqlalchemy as sa
from alembic import op

from app.models import BigId, Json

revision = "0002"
down_revision = "0001"
branch_labels: Any = None
depends_on: Any = None


def upgrade() -> None:
    with op.batch_alter_table("queue", schema=None) as batch_op:
        batch_op.add_column(sa.Column("propensity", sa.Double(), nullable=True))
    _rename("typical", "maxherding")


def downgrade() -> None:
    _rename("maxherding", "typical")
    with op.batch_alter_table("queue", schema=None) as batch_op:
        batch_op.drop_column("propensity")


def _rename(old: str, new: str) -> None:
    """Recipes name strategies; a project whose cold start does not exist would have no round any more."""
    project = sa.table("project", sa.column("id", BigId), sa.column("recipe", Json))
    db = op.get_bind()
    for project_id, recipe in db.execute(sa.select(project.c.id, project.c.recipe)).all():
        renamed = {
            key: {**spec, "name": new} if isinstance(spec, dict) and spec.get("name") == old else spec
            for key, spec in recipe.items()
        }
        if renamed != recipe:
            db.execute(sa.update(project).where(project.c.id == project_id).values(recipe=renamed))
