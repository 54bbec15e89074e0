"""PaiNN, the family of potentials that SchNetPack trains."""
