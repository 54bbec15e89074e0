"""Qualification: tests that say whether a potential, or one run of it, is to be trusted."""
