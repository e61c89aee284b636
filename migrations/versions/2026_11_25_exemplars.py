"""exemplars of classes: what a round chose, what leads pinned

The old code still runs while this does: add before you use, drop after nobody uses.
"""

from typing import Any

import sqlalchemy as sa
from alembic import op

from app.models import BigId, Json, UtcDateTime

revision = "0009"
down_revision = "0008"
branch_labels: Any = None
depends_on: Any = None


def upgrade() -> None:
    op.create_table(
        "exemplars",
        sa.Column("round_id", BigId, nullable=False),
        sa.Column("project_id", BigId, nullable=False),
        sa.Column("chosen", Json, nullable=False),
        sa.ForeignKeyConstraint(
            ["project_id"], ["project.id"], name=op.f("fk_exemplars_project_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["round_id"], ["round.id"], name=op.f("fk_exemplars_round_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("round_id", name=op.f("pk_exemplars")),
    )
    op.create_index("ix_exemplars_project_id", "exemplars", ["project_id"])
    op.create_table(
        "pin",
        sa.Column("project_id", BigId, nullable=False),
        sa.Column("class_name", sa.String(200), nullable=False),
        sa.Column("item_id", BigId, nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["project_id"], ["project.id"], name=op.f("fk_pin_project_id"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["item_id"], ["item.id"], name=op.f("fk_pin_item_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("project_id", "class_name", "item_id", name=op.f("pk_pin")),
    )
    op.create_index("ix_pin_item_id", "pin", ["item_id"])


def downgrade() -> None:
    op.drop_table("pin")
    op.drop_table("exemplars")
