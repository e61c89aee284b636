"""The pages people see, one file a page, rendered on the server."""
