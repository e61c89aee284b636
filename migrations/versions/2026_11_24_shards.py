"""shards of encodings and rounds, which any number of workers take

The old code still runs while this does: add before you use, drop after nobody uses.
"""

from typing import Any

import sqlalchemy as sa
from alembic import op

from app.models import BigId, UtcDateTime

revision = "0005"
down_revision = "0004"
branch_labels: Any = None
depends_on: Any = None


def upgrade() -> None:
    op.create_table(
        "shard",
        sa.Column("id", BigId, nullable=False),
        sa.Column("project_id", BigId, nullable=False),
        sa.Column("kind", sa.String(length=10), nullable=False),
        sa.Column("of_id", BigId, nullable=False),
        sa.Column("start", sa.Integer(), nullable=False),
        sa.Column("stop", sa.Integer(), nullable=False),
        sa.Column("owner", sa.String(length=200), nullable=True),
        sa.Column("lease_ends_at", UtcDateTime(), nullable=True),
        sa.Column("is_done", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["project_id"], ["project.id"], name=op.f("fk_shard_project_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_shard")),
    )
    op.create_index(op.f("ix_shard_project_id"), "shard", ["project_id"])
    op.create_index("uq_shard_start", "shard", ["kind", "of_id", "start"], unique=True)
    with op.batch_alter_table("encoding", schema=None) as batch_op:
        batch_op.add_column(sa.Column("served_at", UtcDateTime(), nullable=True))


def downgrade() -> None:
    with op.batch_alter_table("encoding", schema=None) as batch_op:
        batch_op.drop_column("served_at")
    op.drop_table("shard")
