"""Units and constants.

Inside the code: Å, fs, eV, amu, K, elementary charge; stress in eV/Å³. Convert on reading and on printing only.
"""

from scipy import constants as _c

__all__ = [
    "ACCELERATION",
    "AKMA_FS",
    "ATM_BAR",
    "ATOMIC_FS",
    "BAR",
    "BOHR_A",
    "BOLTZMANN_EV_K",
    "CM2_S",
    "COULOMB_EV_A",
    "EV_KCAL_MOL",
    "GPA",
    "G_CM3",
    "HARTREE_EV",
    "KINETIC",
    "MS_CM",
    "ONSAGER_SI",
    "RYDBERG_EV",
]

BOLTZMANN_EV_K: float = _c.value("Boltzmann constant in eV/K")
"""Boltzmann constant [eV/K]."""

ACCELERATION: float = _c.eV / _c.angstrom / _c.atomic_mass * _c.femto**2 / _c.angstrom
"""Acceleration of 1 amu under 1 eV/Å [Å/fs²]; 1/``ACCELERATION`` turns amu Å²/fs² into eV."""

KINETIC: float = 1.0 / ACCELERATION
"""Energy of 1 amu Å²/fs² [eV]."""

GPA: float = _c.giga * _c.angstrom**3 / _c.eV
"""One gigapascal [eV/Å³]."""

AKMA_FS: float = 48.88821
"""Unit of time of CHARMM and NAMD, in which DCD files count [fs], to the digits that those programs use."""

BAR: float = 1e-4 * GPA
"""One bar [eV/Å³]."""

ATM_BAR: float = _c.atm / _c.bar
"""One atmosphere [bar]."""

ATOMIC_FS: float = _c.value("atomic unit of time") / _c.femto
"""The atomic unit of time, ħ over a hartree [fs]."""

RYDBERG_EV: float = _c.value("Rydberg constant times hc in eV")
"""One rydberg [eV]."""

HARTREE_EV: float = _c.value("Hartree energy in eV")
"""One hartree [eV]."""

BOHR_A: float = _c.value("Bohr radius") / _c.angstrom
"""One bohr [Å]."""

CM2_S: float = _c.angstrom**2 / _c.femto / _c.centi**2
"""One Å²/fs [cm²/s]."""

MS_CM: float = _c.e**2 / (_c.eV * _c.angstrom * _c.femto) / (_c.milli / _c.centi)
"""One e²/(eV Å fs), the unit of conductivity inside the code [mS/cm]."""

ONSAGER_SI: float = _c.angstrom**2 / _c.femto / (_c.angstrom**3 * _c.eV) / _c.N_A**2
"""One Å²/fs/(Å³ eV), the unit of Onsager coefficients per particle inside the code [mol²/(J m s)]."""

COULOMB_EV_A: float = HARTREE_EV * BOHR_A
"""e²/4πε₀ [eV Å]."""

G_CM3: float = _c.atomic_mass / _c.gram / (_c.angstrom / _c.centi) ** 3
"""One amu/Å³ [g/cm³]."""

EV_KCAL_MOL: float = _c.eV * _c.N_A / (_c.kilo * _c.calorie)
"""One electronvolt [kcal/mol]."""
