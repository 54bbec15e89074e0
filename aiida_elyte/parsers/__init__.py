"""Parsers: they read ``retrieved`` only, and map the ``kind`` a program wrote to an exit code."""
