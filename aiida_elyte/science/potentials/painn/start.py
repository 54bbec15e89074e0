"""The PaiNN that a training begins with."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from ase import Atoms

from aiida_elyte.errors import InputError
from aiida_elyte.science.frames import fingerprint
from aiida_elyte.science.potentials.painn.model import Painn, build_painn
from aiida_elyte.science.potentials.reference import fit_energy_reference, fit_scale
from aiida_elyte.science.potentials.zbl import subtract_zbl

__all__ = ["start_painn"]


def start_painn(
    settings: Mapping[str, Any], train: Sequence[Atoms], level_of_theory: str, initial: Painn | None = None
) -> Painn:
    """Build a potential for a training set.

    Parameters
    ----------
    settings
        Complete, see ``complete_settings``.
    train
        Frames to train on: references and scale of the energy are fitted to what the baseline leaves of their labels.
    level_of_theory
        That of their labels.
    initial
        Potential whose weights, scale and references are kept.

    Raises
    ------
    InputError
        If the initial potential has another architecture.
    """
    if initial is not None and initial.architecture != settings["architecture"]:
        raise InputError(
            f"initial.pt has the architecture {initial.architecture}, the settings {settings['architecture']}; "
            "expected the same; start anew or change the settings"
        )
    known = initial.energy_reference if initial is not None else {}
    architecture, large = settings["architecture"], settings["loss"]["large_force_eV_A"]
    rest = train if architecture["baseline"] is None else subtract_zbl(train, architecture["cutoff_A"])
    potential = build_painn(
        architecture,
        energy_reference=fit_energy_reference(rest, known, large),
        scale=fit_scale(rest, large) if initial is None else initial.scale,
        seed=settings["seed"],
        dtype=getattr(torch, settings["dtype"]),
        level_of_theory=level_of_theory,
        training_hash=fingerprint(train),
    )
    if initial is not None:
        potential.load_state_dict(initial.state_dict())
    return potential
