"""counts that are kept in place of being counted; leases found by person and by item

The old code still runs while this does: add before you use, drop after nobody uses.
"""

from typing import Any

import sqlalchemy as sa
from alembic import op

from app.models import BigId

revision = "0007"
down_revision = "0006"
branch_labels: Any = None
depends_on: Any = None

LIVE: dict[str, Any] = {"sqlite_where": sa.text("ended_at IS NULL"), "postgresql_where": sa.text("ended_at IS NULL")}
COUNTED = """
INSERT INTO tally (project_id, user_id, settled, labelled, answers, skips)
SELECT project_id, who, sum(settled), sum(labelled), sum(answers), sum(skips) FROM (
    SELECT project_id, CASE WHEN chosen_by = 'import' THEN 0 ELSE user_id END AS who, 0 AS settled, 0 AS labelled,
           CASE WHEN answer IS NULL THEN 0 ELSE 1 END AS answers, CASE WHEN answer IS NULL THEN 1 ELSE 0 END AS skips
    FROM label WHERE ended_at IS NULL
    UNION ALL
    SELECT project_id, 0, count(DISTINCT item_id), count(DISTINCT CASE WHEN answer IS NOT NULL THEN item_id END), 0, 0
    FROM label WHERE ended_at IS NULL GROUP BY project_id
) AS counted GROUP BY project_id, who
"""


def upgrade() -> None:
    op.create_table(
        "tally",
        sa.Column("project_id", BigId, nullable=False),
        sa.Column("user_id", BigId, autoincrement=False, nullable=False),
        *(sa.Column(name, sa.Integer(), nullable=False) for name in ("settled", "labelled", "answers", "skips")),
        sa.ForeignKeyConstraint(["project_id"], ["project.id"], name=op.f("fk_tally_project_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("project_id", "user_id", name=op.f("pk_tally")),
    )
    op.execute(COUNTED)
    op.create_index("uq_lease_live_person", "lease", ["user_id", "item_id"], unique=True, **LIVE)
    op.create_index("ix_lease_item", "lease", ["item_id", "user_id"])
    op.drop_index("uq_lease_live", "lease")
    op.drop_index("ix_lease_mine", "lease")


def downgrade() -> None:
    op.create_index("ix_lease_mine", "lease", ["project_id", "user_id"], **LIVE)
    op.create_index("uq_lease_live", "lease", ["item_id", "user_id"], unique=True, **LIVE)
    op.drop_index("ix_lease_item", "lease")
    op.drop_index("uq_lease_live_person", "lease")
    op.drop_table("tally")
