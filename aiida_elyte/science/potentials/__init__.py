"""Potentials of any family: neighbours, calculators, errors; one folder a family."""
