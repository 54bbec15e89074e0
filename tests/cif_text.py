"""What the CIFs of the tests have in common."""

SITE_COLUMNS = """loop_
_atom_site_label
_atom_site_type_symbol
_atom_site_fract_x
_atom_site_fract_y
_atom_site_fract_z
_atom_site_occupancy
"""
"""Head of a loop of sites: label, element with its charge, x, y, z, occupancy."""
