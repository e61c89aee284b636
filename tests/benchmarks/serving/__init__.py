"""Closed-loop load on an annotation server: people who never think, each with a connection of their own."""
