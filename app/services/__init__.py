"""What the system can do: functions `verb(db, ...)` that query and write, and never commit."""
