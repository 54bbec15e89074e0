"""Estimates and their errors: mean of correlated series, equilibration, spread of a committee."""
