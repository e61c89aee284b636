"""the index of labels that no round has seen has their mark as a column, so that no other index is taken for it

The old code still runs while this does: add before you use, drop after nobody uses.
"""

from typing import Any

from sqlalchemy import text

from migrations.online import create_index, drop_index

revision = "0012"
down_revision = "0011"
branch_labels: Any = None
depends_on: Any = None

FRESH = text("learned_round_id IS NULL")
WHERE: dict[str, Any] = {"sqlite_where": FRESH, "postgresql_where": FRESH}


def upgrade() -> None:
    create_index("ix_label_fresh", "label", ["project_id", "learned_round_id"], **WHERE)
    drop_index("ix_label_unlearned", "label")


def downgrade() -> None:
    create_index("ix_label_unlearned", "label", ["project_id", "created_at"], **WHERE)
    drop_index("ix_label_fresh", "label")
