"""Crystals from files: what a file lists, checked against what it says of itself."""
