"""Celery's entry point and its tasks."""
