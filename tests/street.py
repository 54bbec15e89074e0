"""The crystal street on a toy engine: a Lennard-Jones salt, a network of a few neurons, picoseconds."""

from aiida import orm
from ase.build import bulk

CHARGES = {"Li": 1.0}
OVERRIDES = {
    "seeds": {
        "perturb": {
            "rattle": {"count": 6, "amplitude_A": 0.08},
            "strain": {"count": 0},
            "shear": {"count": 0},
            "shrink": {"count": 0},
            "supercell": {"count": 0},
        },
        "repel": None,
    },
    "active_learning": {
        "label": {
            "ase": {
                "batch_size": 8,
                "settings": {
                    "calculator": "lj",
                    "parameters": {"sigma": 2.3, "epsilon": 0.1, "rc": 5.0},
                    "level_of_theory": "Lennard-Jones",
                },
            }
        },
        "ensemble": {
            "n_members": 2,
            "max_in_flight": 2,
            "train": {
                "settings": {
                    "architecture": {"n_features": 8, "n_layers": 1, "n_rbf": 8, "cutoff_A": 4.0},
                    "max_epochs": 8,
                    "batch_size": 2,
                    "split": {"validation_fraction": 0.34},
                }
            },
        },
        "learning": {
            "max_rounds": 1,
            "label_budget": 3,
            "sampling": {
                "temperature_K": 300.0,
                "n_replicas": 2,
                "n_steps": 60,
                "sample_stride": 20,
                "spread_stride": 20,
                "series_stride": 20,
            },
            "selection": {"n_select": 3, "selection": {"tolerance_eV_A": 1e-6}},
            "retraining": {"max_epochs": 4},
        },
        # A limit that no crystal keeps: what becomes of an ensemble that fails is what the street shows.
        "qualification": {
            "tests": {"framework_rmsd": {"max_lindemann": 1e-6}},
            "conditions": {
                "n_replicas": 2,
                "n_steps": 60,
                "nve_steps": 40,
                "sample_stride": 20,
                "spread_stride": 20,
                "series_stride": 5,
            },
            "md": {"settings": {"ramp": {"ramp_steps": 20, "hold_steps": 0}, "stops": {"min_distance_factor": None}}},
        },
        "sample": {"settings": {"ramp": {"ramp_steps": 20, "hold_steps": 0}, "stops": {"min_distance_factor": None}}},
    },
    "conductivity": {
        "md": {"settings": {"ramp": {"ramp_steps": 20, "hold_steps": 0}, "stops": {"min_distance_factor": None}}},
        "conditions": {
            "n_replicas": 2,
            "n_steps": 200,
            "series_stride": 2,
            "sample_stride": 50,
            "spread_stride": 50,
            "trajectory_stride": 50,
        },
    },
}


def salt():
    """Rock salt with a fully occupied lithium sublattice."""
    return bulk("LiCl", "rocksalt", a=5.14, cubic=True)


def prompt_python(label, workdir, executable):
    """Return a Python as a code on a computer of its own, which is asked for jobs without delay."""
    computer = orm.Computer(
        label=label,
        hostname="localhost",
        transport_type="core.local",
        scheduler_type="core.direct",
        workdir=str(workdir),
    ).store()
    computer.configure(safe_interval=0)
    computer.set_minimum_job_poll_interval(0)
    return orm.InstalledCode(label="python", computer=computer, filepath_executable=str(executable)).store()
