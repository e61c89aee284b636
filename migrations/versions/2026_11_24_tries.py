"""tries to sign in by address and browser

The old code still runs while this does: add before you use, drop after nobody uses.
"""

from typing import Any

import sqlalchemy as sa
from alembic import op

from app.models import BigId, UtcDateTime

revision = "0004"
down_revision = "0003"
branch_labels: Any = None
depends_on: Any = None


def upgrade() -> None:
    with op.batch_alter_table("failed_sign_in", schema=None) as batch_op:
        batch_op.add_column(sa.Column("address", sa.String(length=64), nullable=False, server_default=""))
        batch_op.add_column(sa.Column("browser", sa.LargeBinary(length=32), nullable=True))
        batch_op.create_index("ix_failed_sign_in_address_at", ["address", "at"])
    op.create_table(
        "known_browser",
        sa.Column("key_hash", sa.LargeBinary(length=32), nullable=False),
        sa.Column("user_id", BigId, nullable=False),
        sa.Column("seen_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["user_id"], ["user.id"], name=op.f("fk_known_browser_user_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("key_hash", name=op.f("pk_known_browser")),
    )
    op.create_index(op.f("ix_known_browser_user_id"), "known_browser", ["user_id"])


def downgrade() -> None:
    op.drop_table("known_browser")
    with op.batch_alter_table("failed_sign_in", schema=None) as batch_op:
        batch_op.drop_index("ix_failed_sign_in_address_at")
        batch_op.drop_column("browser")
        batch_op.drop_column("address")
