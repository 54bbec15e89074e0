"""Labels of molecular clusters: charge and spin, relaxation, thermal displacement, DFT, charges of atoms."""
