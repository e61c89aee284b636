"""The REST API, one file a noun, under /api/v1."""
