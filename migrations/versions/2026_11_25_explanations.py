"""explanations of suggestions

The old code still runs while this does: add before you use, drop after nobody uses.
"""

from typing import Any

import sqlalchemy as sa
from alembic import op

from app.models import BigId, Json, UtcDateTime

revision = "0011"
down_revision = "0010"
branch_labels: Any = None
depends_on: Any = None


def upgrade() -> None:
    keys = [(name, f"{name}_id") for name in ("project", "round", "item")]
    op.create_table(
        "explanation",
        sa.Column("id", BigId, nullable=False),
        *(sa.Column(column, BigId, nullable=False) for _, column in keys),
        sa.Column("answer", Json, nullable=False),
        sa.Column("state", sa.String(10), nullable=False),
        sa.Column("asked_at", UtcDateTime(), nullable=False),
        sa.Column("result", Json, nullable=True),
        *(
            sa.ForeignKeyConstraint([column], [f"{name}.id"], name=op.f(f"fk_explanation_{column}"), ondelete="CASCADE")
            for name, column in keys
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_explanation")),
    )
    op.create_index("uq_explanation_round_item", "explanation", ["round_id", "item_id"], unique=True)
    for column in ("project_id", "item_id", "asked_at"):
        op.create_index(f"ix_explanation_{column}", "explanation", [column])


def downgrade() -> None:
    op.drop_table("explanation")
