"""why an item is asked, in parts, beside the English sentence

The old code still runs while this does: add before you use, drop after nobody uses.
"""

from typing import Any

import sqlalchemy as sa
from alembic import op

from app.models import Json

revision = "0008"
down_revision = "0007"
branch_labels: Any = None
depends_on: Any = None

TABLES = ("queue", "lease", "label")


def upgrade() -> None:
    for table in TABLES:
        op.add_column(table, sa.Column("why", Json, nullable=True))


def downgrade() -> None:
    for table in TABLES:
        op.drop_column(table, "why")
