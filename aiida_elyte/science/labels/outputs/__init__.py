"""Labelled frames from outputs of programs of electronic structure: one module a format, ``reading`` before them."""
