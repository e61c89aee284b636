"""what a person says beside an answer, honest times, and whether the model's suggestion was hidden

The old code still runs while this does: add before you use, drop after nobody uses.
"""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels: Any = None
depends_on: Any = None


def upgrade() -> None:
    # Columns that are added one by one and have defaults: no table is written anew.
    for table in ("lease", "label"):
        op.add_column(table, sa.Column("suggestion_hidden", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.add_column("label", sa.Column("raw_seconds", sa.Double(), nullable=True))
    op.add_column("label", sa.Column("unsure", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.add_column("label", sa.Column("comment", sa.String(length=2000), nullable=True))


def downgrade() -> None:
    for name in ("comment", "unsure", "raw_seconds", "suggestion_hidden"):
        op.drop_column("label", name)
    op.drop_column("lease", "suggestion_hidden")
