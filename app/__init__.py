"""Marginalia: people label, a model learns from every answer, the next item is the one most worth asking."""
