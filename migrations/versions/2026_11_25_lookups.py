"""indexes that find an item's labels, and leases that are over; none that tempts PostgreSQL away from a person's own

The old code still runs while this does: add before you use, drop after nobody uses.
"""

from typing import Any

from sqlalchemy import text

from migrations.online import create_index, drop_index

revision = "0010"
down_revision = "0009"
branch_labels: Any = None
depends_on: Any = None

OVER, LIVE = text("ended_at IS NOT NULL"), text("ended_at IS NULL")


def upgrade() -> None:
    create_index("ix_label_item", "label", ["item_id", "user_id"])
    create_index("ix_lease_over", "lease", ["ended_at"], sqlite_where=OVER, postgresql_where=OVER)
    drop_index("ix_lease_ended", "lease")
    drop_index("ix_lease_ends", "lease")


def downgrade() -> None:
    create_index("ix_lease_ends", "lease", ["ends_at"], sqlite_where=LIVE, postgresql_where=LIVE)
    create_index("ix_lease_ended", "lease", ["ended_at"])
    drop_index("ix_lease_over", "lease")
    drop_index("ix_label_item", "label")
