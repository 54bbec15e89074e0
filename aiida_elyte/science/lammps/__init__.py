"""What LAMMPS reads, how it is run and what it writes."""
