"""Seed frames: the geometries a street starts from, before any potential exists."""

from aiida_elyte.science.seeds.clusters import Ingredient, Recipe, make_clusters
from aiida_elyte.science.seeds.perturb import DEFAULTS, make_seeds

__all__ = ["DEFAULTS", "Ingredient", "Recipe", "make_clusters", "make_seeds"]
