"""Alembic's migrations, dated and reversible."""
