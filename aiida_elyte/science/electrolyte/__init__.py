"""From a recipe to molecules in a box: chains, packing, clusters."""
