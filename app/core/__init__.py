"""Learning, and nothing else: numpy and torch in, numbers out; no web, no database, no Celery."""
