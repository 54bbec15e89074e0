"""WorkChains, one a file."""
