"""the share with which a coin hid a suggestion, in leases and labels: without it nobody knows which answers compare

The old code still runs while this does: add before you use, drop after nobody uses.
"""

from typing import Any

import sqlalchemy as sa
from alembic import op

from migrations.online import create_index, drop_index

revision = "0015"
down_revision = "0014"
branch_labels: Any = None
depends_on: Any = None

TOSSED = sa.text("hidden_share IS NOT NULL AND ended_at IS NULL")


def upgrade() -> None:
    for table in ("lease", "label"):
        op.add_column(table, sa.Column("hidden_share", sa.Double(), nullable=True))
    create_index("ix_label_tossed", "label", ["project_id", "created_at"], sqlite_where=TOSSED, postgresql_where=TOSSED)


def downgrade() -> None:
    drop_index("ix_label_tossed", "label")
    for table in ("label", "lease"):
        op.drop_column(table, "hidden_share")
