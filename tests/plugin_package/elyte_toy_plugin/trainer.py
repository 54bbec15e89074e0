"""A trainer that needs no job: least squares for one parameter."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from aiida import orm
from aiida.engine import ProcessBuilder, WorkChain, calcfunction
from ase import Atoms

from aiida_elyte.calculations.settings import validate_record
from aiida_elyte.data.frames import FramesData
from aiida_elyte.data.potential import PotentialData
from aiida_elyte.science.cost import Rates
from aiida_elyte.science.frames import fingerprint, labels_of
from aiida_elyte.science.learning.error_key import ErrorKey
from aiida_elyte.science.potentials.family import Description
from aiida_elyte.science.settings import check_count, check_positive
from elyte_toy_plugin.family import SoftFamily
from elyte_toy_plugin.soft import soft_spheres

__all__ = ["SoftSettings", "TrainSoftWorkChain"]


@dataclass(frozen=True)
class SoftSettings:
    """Settings of a fit."""

    cutoff_A: float = 4.0
    """Range of the spheres [Å]."""
    seed: int = 0
    """Seed of the bootstrap."""

    def __post_init__(self) -> None:
        check_positive("cutoff_A", self.cutoff_A)
        check_count("seed", self.seed, 0)


class TrainSoftWorkChain(WorkChain):
    """Fit the strength of soft spheres to forces; every fourth frame is held out."""

    code_role = "python"
    needs = ()
    makes = PotentialData
    error_key = status_key = ErrorKey(("force_rmse_eV_A",), "force RMSE", "eV/Å")

    @classmethod
    def define(cls, spec: Any) -> None:
        """Define ports and outline."""
        super().define(spec)
        spec.input("dataset", valid_type=FramesData, help="Labelled frames.")
        spec.input(
            "settings", valid_type=orm.Dict, validator=validate_record(SoftSettings), help="Fields of `SoftSettings`."
        )
        spec.output("potential", valid_type=PotentialData, help="The potential.")
        spec.output("results", valid_type=orm.Dict, help="Errors of both sides of the split.")
        spec.outline(cls.run_fit)

    @classmethod
    def rates(cls, settings: Mapping[str, Any]) -> Rates | None:
        """Return nothing: it was not measured."""
        return None

    @classmethod
    def get_builder_from_protocol(
        cls,
        code: orm.AbstractCode,
        protocol: str | None = None,
        overrides: dict[str, Any] | None = None,
        options: dict[str, Any] | None = None,
    ) -> ProcessBuilder:
        """Return a builder; the code is not needed."""
        builder = cls.get_builder()
        builder.settings = orm.Dict((overrides or {}).get("settings", {}))
        return builder

    def run_fit(self) -> None:
        """Fit."""
        self.out_many(fit_soft(self.inputs.dataset, self.inputs.settings))


@calcfunction
def fit_soft(dataset: FramesData, settings: orm.Dict) -> dict[str, orm.Data]:
    """Return the potential and its errors."""
    started, choices, frames = time.monotonic(), SoftSettings(**settings.get_dict()), dataset.get_frames()
    sides = {"train": [f for i, f in enumerate(frames) if i % 4], "validation": frames[::4]}
    rng = np.random.default_rng(choices.seed)
    drawn = [sides["train"][index] for index in rng.integers(len(sides["train"]), size=len(sides["train"]))]
    shapes, forces = _forces(drawn, choices.cutoff_A)
    # Rounded, as the database rounds what it holds beside the file.
    strength = round(float(shapes @ forces / (shapes @ shapes)), 10)
    description = Description(
        family=SoftFamily.name,
        elements=sorted({symbol for frame in frames for symbol in frame.get_chemical_symbols()}),
        cutoff_A=choices.cutoff_A,
        dtype="float64",
        n_parameters=1,
        level_of_theory=str(frames[0].info["level_of_theory"]),
        seed=choices.seed,
        training_hash=fingerprint(frames),
        architecture={"strength_eV": strength},
    )
    errors = {}
    for side, chosen in sides.items():
        shapes, forces = _forces(chosen, choices.cutoff_A)
        errors[side] = {"force_rmse_eV_A": float(np.sqrt(np.mean((strength * shapes - forces) ** 2)))}
    results = {"errors": errors, "n_epochs": 1, "n_parameters": 1, "seconds": time.monotonic() - started}
    return {"potential": PotentialData(SoftFamily.write(description), description), "results": orm.Dict(results)}


def _forces(frames: list[Atoms], cutoff_A: float) -> tuple[np.ndarray, np.ndarray]:
    """Return forces of spheres of 1 eV, and labels, of all frames in a row."""
    shapes = [soft_spheres(frame, cutoff_A)[1].ravel() for frame in frames]
    return np.concatenate(shapes), np.concatenate([labels_of(frame)["forces"].ravel() for frame in frames])
