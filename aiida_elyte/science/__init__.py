"""The science: numpy, scipy, torch and ``ase.Atoms`` as a record; no AiiDA, no job submission."""
