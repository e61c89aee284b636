"""Backups: the rows of one snapshot and the files that they speak of, in a form that either database can read."""
