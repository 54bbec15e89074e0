"""Files of VASP, which cannot run here: an MD of five steps in the layout of VASP 6."""

import numpy as np

from tests.fuzz.molten_salt import CELL, N_FRAMES, SYMBOLS, labels, numbers, walk

__all__ = ["outcar", "poscar", "vasprun", "xdatcar"]


def vasprun():
    """Return a vasprun.xml of an MD of five steps, with electrons that need 3 of at most 60 steps."""
    energies, forces, stresses = labels()
    calculations = []
    for scaled, energy, force, stress in zip(walk(), energies, forces, stresses, strict=True):
        told = f'<i name="e_fr_energy">{energy:16.8f}</i>\n   <i name="e_wo_entrp">{energy + 0.02:16.8f}</i>\n   '
        told += f'<i name="e_0_energy">{energy + 0.01:16.8f}</i>'
        xx, yy, zz, xy, yz, zx = stress
        calculations.append(
            " <calculation>\n"
            + f"  <scstep>\n   <energy>\n   {told}\n   </energy>\n  </scstep>\n" * 3
            + _vasp_structure(scaled)
            + f'  <varray name="forces" >\n{_vectors(force)}  </varray>\n'
            + f'  <varray name="stress" >\n{_vectors([[xx, xy, zx], [xy, yy, yz], [zx, yz, zz]])}  </varray>\n'
            + f"  <energy>\n   {told}\n  </energy>\n </calculation>\n"
        )
    atoms = "".join(f"    <rc><c>{name}</c><c>   {1 + (name == 'Cl')}</c></rc>\n" for name in SYMBOLS)
    kinds = "".join(
        f"    <rc><c>   2</c><c>{name}</c><c>{mass}</c><c>  1.0</c><c>  PAW_PBE {name} 01Jan2001  </c></rc>\n"
        for name, mass in (("Li", "6.941"), ("Cl", "35.453"))
    )
    first = _vasp_structure(walk()[0], ' name="initialpos"')
    last = _vasp_structure(walk()[-1], ' name="finalpos"')
    return f"""<?xml version="1.0" encoding="ISO-8859-1"?>
<modeling>
 <generator>
  <i name="program" type="string">vasp </i>
  <i name="version" type="string">6.4.2  </i>
 </generator>
 <incar>
  <i name="ENCUT">    520.00000000</i>
  <i type="int" name="NSW">5</i>
 </incar>
 <kpoints>
  <varray name="kpointlist" >
   <v>       0.00000000       0.00000000       0.00000000 </v>
  </varray>
  <varray name="weights" >
   <v>       1.00000000 </v>
  </varray>
 </kpoints>
 <parameters>
  <separator name="electronic" >
   <i name="ENMAX">    520.00000000</i>
   <i type="int" name="ISMEAR">     0</i>
   <i name="SIGMA">      0.05000000</i>
   <separator name="electronic convergence" >
    <i type="int" name="NELM">    60</i>
    <i name="EDIFF">      0.00001000</i>
   </separator>
  </separator>
  <separator name="electronic exchange-correlation" >
   <i type="string" name="GGA">PE</i>
  </separator>
 </parameters>
 <atominfo>
  <atoms>       4 </atoms>
  <types>       2 </types>
  <array name="atoms" >
   <field type="string">element</field>
   <field type="int">atomtype</field>
   <set>
{atoms}   </set>
  </array>
  <array name="atomtypes" >
   <field type="int">atomspertype</field>
   <field type="string">element</field>
   <field>mass</field>
   <field>valence</field>
   <field type="string">pseudopotential</field>
   <set>
{kinds}   </set>
  </array>
 </atominfo>
{first}{"".join(calculations)}{last}</modeling>
"""


def _vectors(rows):
    return "".join(f"   <v> {numbers(row, '{:16.8f}')} </v>\n" for row in rows)


def _vasp_structure(scaled, name=""):
    return (
        f'  <structure{name}>\n   <crystal>\n   <varray name="basis" >\n{_vectors(CELL)}   </varray>\n   </crystal>\n'
        f'   <varray name="positions" >\n{_vectors(scaled)}   </varray>\n  </structure>\n'
    )


def outcar():
    """Return an OUTCAR of an MD of five steps of three electronic steps each."""
    energies, forces, stresses = labels()
    inverse = np.linalg.inv(CELL).T
    lattice = "".join(
        f" {numbers(row, '{:12.9f}')} {numbers(back, '{:12.9f}')}\n" for row, back in zip(CELL, inverse, strict=True)
    )
    rule = " " + "-" * 83 + "\n"
    steps = []
    for step in range(N_FRAMES):
        cartesian = walk()[step] @ CELL
        for iteration in (1, 2, 3):
            guess = energies[step] + 0.01 * (3 - iteration)
            steps.append(
                f"----------------------------------------- Iteration {step + 1:4d}({iteration:4d})  "
                f"---------------------------------------\n\n Free energy of the ion-electron system (eV)\n{rule}"
                f"  free energy    TOTEN  = {guess:18.8f} eV\n\n"
                f"  energy without entropy = {guess + 0.02:18.8f}  energy(sigma->0) = {guess + 0.01:18.8f}\n\n"
            )
        rows = "".join(
            f" {numbers(place, '{:12.5f}')} {numbers(force, '{:13.6f}')}\n"
            for place, force in zip(cartesian, forces[step], strict=True)
        )
        steps.append(
            f"{'-' * 24} aborting loop because EDIFF is reached {'-' * 40}\n\n"
            "  FORCE on cell =-STRESS in cart. coord.  units (eV):\n"
            "  Direction    XX          YY          ZZ          XY          YZ          ZX\n"
            f"  in kB   {numbers(stresses[step], '{:11.5f}')}\n"
            f"  external pressure = {stresses[step][:3].mean():11.2f} kB  Pullay stress =        0.00 kB\n\n"
            " VOLUME and BASIS-vectors are now :\n"
            f"{rule}  energy-cutoff  :      520.00\n  volume of cell : {np.linalg.det(CELL):11.2f}\n"
            f"      direct lattice vectors                 reciprocal lattice vectors\n{lattice}\n"
            f" POSITION                                       TOTAL-FORCE (eV/Angst)\n{rule}{rows}{rule}"
            "    total drift:                                0.000000      0.000000      0.000000\n\n\n"
            f"  FREE ENERGIE OF THE ION-ELECTRON SYSTEM (eV)\n{rule}"
            f"  free  energy   TOTEN  = {energies[step]:18.8f} eV\n\n"
            f"  energy  without entropy={energies[step] + 0.02:18.8f}"
            f"  energy(sigma->0) ={energies[step] + 0.01:18.8f}\n\n\n"
        )
    head = f""" vasp.6.4.2 20Jul23 (build Jan 01 2024 00:00:00) complex

 POTCAR:    PAW_PBE Li 01Jan2001
 POTCAR:    PAW_PBE Cl 01Jan2001
 POTCAR:    PAW_PBE Li 01Jan2001
   VRHFIN =Li: s1p0
 POTCAR:    PAW_PBE Cl 01Jan2001
   VRHFIN =Cl: s2p5
   ions per type =               2   2
   k-points           NKPTS =      1   k-points in BZ     NKDIM =      1   number of bands    NBANDS=      8
   number of dos      NEDOS =    301   number of ions     NIONS =      4
   ISPIN  =      1    spin polarized calculation?
   ENCUT  =  520.0 eV  38.22 Ry    6.18 a.u.  10.39 10.39 11.80*2*pi/ulx,y,z
   NELM   =     60;   NELMIN=  2; NELMDL= -5     # of ELM steps
   EDIFF  = 0.1E-04   stopping-criterion for ELM
   ISMEAR =     0;   SIGMA  =   0.05  broadening in eV -4-tet -1-fermi 0-gaus
   GGA     =    PE    GGA type

 k-points in units of 2pi/SCALE and weight: Gamma
   0.00000000  0.00000000  0.00000000       1.000

 k-points in reciprocal lattice and weights: Gamma
   0.00000000  0.00000000  0.00000000       1.000

      direct lattice vectors                 reciprocal lattice vectors
{lattice}
"""
    tail = (
        " General timing and accounting informations for this job:\n"
        + " " * 24
        + "Voluntary context switches:           12\n"
    )
    return head + "".join(steps) + tail


def xdatcar(repeats_header=False):
    """Return an XDATCAR, with one header or one for each configuration."""
    vectors = "".join(f"  {numbers(row, '{:10.6f}')}\n" for row in CELL)
    head = f"LiCl\n           1\n{vectors}   Li   Cl\n     2     2\n"
    text = [] if repeats_header else [head]
    for index, scaled in enumerate(walk()):
        text += [head] if repeats_header else []
        text.append(f"Direct configuration= {index + 1:5d}\n")
        text += [f"  {numbers(place, '{:10.8f}')}\n" for place in scaled]
    return "".join(text)


def poscar():
    """Return a POSCAR of VASP 5."""
    vectors = "".join(f"  {numbers(row, '{:20.16f}')}\n" for row in CELL)
    places = "".join(f"  {numbers(place, '{:18.16f}')}   T   T   T\n" for place in walk()[0])
    return f"LiCl\n   1.00000000000000\n{vectors}   Li   Cl\n     2     2\nSelective dynamics\nDirect\n{places}"
