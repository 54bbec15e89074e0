"""Force fields with a fixed topology: internal coordinates, families of terms, export to LAMMPS."""
