"""AiiDA nodes: the currency, the potentials, the series."""
