"""Molecules: graphs, topology, perception, atom types, chains."""
