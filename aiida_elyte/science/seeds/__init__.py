"""Seed frames: the geometries a street starts from, before any potential exists."""

from aiida_elyte.science.seeds.perturb import DEFAULTS, make_seeds

__all__ = ["DEFAULTS", "make_seeds"]
