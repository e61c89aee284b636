"""how many bytes the items of an upload take, for the quota

The old code still runs while this does: add before you use, drop after nobody uses.
"""

from typing import Any

import sqlalchemy as sa
from alembic import op

from app.models import BigId

revision = "0013"
down_revision = "0012"
branch_labels: Any = None
depends_on: Any = None


def upgrade() -> None:
    op.add_column("upload", sa.Column("bytes", BigId, nullable=True))


def downgrade() -> None:
    op.drop_column("upload", "bytes")
