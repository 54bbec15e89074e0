"""Transport: from series of displacements to diffusion, conductivity and activation energy, with honest error bars."""
