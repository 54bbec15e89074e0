"""Molecular dynamics of batched replicas: integrators, thermostats, barostats, start ramps, stops."""
