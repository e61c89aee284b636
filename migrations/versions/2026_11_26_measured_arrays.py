"""under which names a measured round's arrays and a project's checkpoint lie

The old code still runs while this does: add before you use, drop after nobody uses.
"""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels: Any = None
depends_on: Any = None


def upgrade() -> None:
    op.add_column("round", sa.Column("measured_as", sa.String(32), nullable=True))
    op.add_column("project", sa.Column("checkpoint", sa.String(32), nullable=True))


def downgrade() -> None:
    op.drop_column("project", "checkpoint")
    op.drop_column("round", "measured_as")
