"""Labelled frames from what programs of electronic structure write: one module a format, ``reading`` in front of them."""
