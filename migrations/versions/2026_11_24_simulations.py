"""simulations of a project's own answers

The old code still runs while this does: add before you use, drop after nobody uses.
"""

from typing import Any

import sqlalchemy as sa
from alembic import op

from app.models import BigId, Json, UtcDateTime

revision = "0003"
down_revision = "0002"
branch_labels: Any = None
depends_on: Any = None


def upgrade() -> None:
    op.create_table(
        "simulation",
        sa.Column("id", BigId, nullable=False),
        sa.Column("project_id", BigId, nullable=False),
        sa.Column("created_by", BigId, nullable=True),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("state", sa.String(length=12), nullable=False),
        sa.Column("plan", Json, nullable=False),
        sa.Column("encoder", sa.String(length=100), nullable=False),
        sa.Column("fingerprint", sa.String(length=64), nullable=False),
        sa.Column("rows", sa.Integer(), nullable=False),
        sa.Column("owner", sa.String(length=200), nullable=True),
        sa.Column("lease_ends_at", UtcDateTime(), nullable=True),
        sa.Column("rounds_done", sa.Integer(), nullable=False),
        sa.Column("rounds_total", sa.Integer(), nullable=False),
        sa.Column("finished_at", UtcDateTime(), nullable=True),
        sa.Column("result", Json, nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(
            ["created_by"], ["user.id"], name=op.f("fk_simulation_created_by"), ondelete="SET NULL"
        ),
        sa.ForeignKeyConstraint(
            ["project_id"], ["project.id"], name=op.f("fk_simulation_project_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_simulation")),
    )
    is_open = {"sqlite_where": sa.text("state = 'open'"), "postgresql_where": sa.text("state = 'open'")}
    with op.batch_alter_table("simulation", schema=None) as batch_op:
        batch_op.create_index("ix_simulation_project_id", ["project_id"], unique=False)
        batch_op.create_index("uq_simulation_open", ["project_id"], unique=True, **is_open)
    op.create_table(
        "simulation_run",
        sa.Column("simulation_id", BigId, nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("result", Json, nullable=False),
        sa.ForeignKeyConstraint(
            ["simulation_id"], ["simulation.id"], name=op.f("fk_simulation_run_simulation_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("simulation_id", "number", name=op.f("pk_simulation_run")),
    )


def downgrade() -> None:
    op.drop_table("simulation_run")
    with op.batch_alter_table("simulation", schema=None) as batch_op:
        batch_op.drop_index("uq_simulation_open")
        batch_op.drop_index("ix_simulation_project_id")
    op.drop_table("simulation")
