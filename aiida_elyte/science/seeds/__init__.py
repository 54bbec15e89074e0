"""Seed frames of crystals."""
