"""Streets that never ran, in the shape ``collect`` returns: whole, without diffusion, failed, running."""

import copy
from functools import cache

import numpy as np
from ase.build import bulk

from aiida_elyte.provenance.judged_frames import KNOWN, JudgedFrame
from aiida_elyte.report.curves import arrhenius_band, describe_material, describe_series, learning_curve, pool_parity
from aiida_elyte.report.frame_map import place_frames
from aiida_elyte.science.statistics.estimate import Refusal
from aiida_elyte.science.transport import synthetic
from aiida_elyte.science.transport.arrhenius import fit_arrhenius
from aiida_elyte.science.transport.estimates import estimate_transport
from aiida_elyte.science.verdict import quantities_of

MEMBERS = ("m00", "m01", "m02", "m03")
CHARGES = {"Li": 1.0}
QUALIFIED = {"verdict": "qualified", "reasons": ["3 of 3 tests passed"]}


@cache
def whole_street():
    """Three rounds, three temperatures with a number, one with a bound."""
    rng = np.random.default_rng(7)
    diffusion = {600.0: 0.0, 800.0: 6e-6, 1000.0: 1.9e-5, 1200.0: 4e-5}
    runs = [_run(rng, kelvin, value, diffuses=kelvin > 700) for kelvin, value in diffusion.items()]
    return _street(rng, runs)


@cache
def street_without_diffusion():
    rng = np.random.default_rng(8)
    return _street(rng, [_run(rng, kelvin, 0.0, diffuses=False) for kelvin in (600.0, 800.0)])


@cache
def marked_street():
    """Potentials that failed a test; their numbers are shown all the same."""
    rng = np.random.default_rng(11)
    diffusion = {600.0: 0.0, 800.0: 6e-6, 1000.0: 1.9e-5, 1200.0: 4e-5}
    runs = [_run(rng, kelvin, value, diffuses=kelvin > 700) for kelvin, value in diffusion.items()]
    verdict = {"verdict": "unqualified", "reasons": [FAILED]}
    for run in runs:
        run["transport"] |= verdict
    data = _street(rng, runs)
    data["arrhenius"] |= verdict
    return data | {"qualification": _qualification(verdict, False)}


@cache
def molten_street():
    """Three temperatures of six with a number; the framework melts above, and ions collide at the highest."""
    rng = np.random.default_rng(12)
    kelvins = (700.0, 800.0, 900.0, 1000.0, 1200.0, 1300.0)
    runs = [_run(rng, kelvin, 3e-6 * (kelvin / 700) ** 5, diffuses=True) for kelvin in kelvins]
    reasons = {1000.0: "molten", 1200.0: "molten", 1300.0: "collided"}
    for run in runs:
        kelvin = run["settings"]["temperature_K"]
        if kelvin in reasons:
            verdict = {"verdict": reasons[kelvin], "reasons": [MELTED if kelvin < 1300 else COLLIDED]}
            refused = {"refused": f"{verdict['verdict']}: {verdict['reasons'][0]}", "upper_bound": None}
            run["transport"] = dict.fromkeys(quantities_of(run["transport"]), refused) | verdict
            run["estimates"] = {"conductivity": Refusal(refused["refused"])}
    return _street(rng, runs)


@cache
def learned_street():
    """Three rounds of calibrated learning, of two samplers and a qualification that failed, that did not converge."""
    rng, data = np.random.default_rng(13), dict(whole_street())
    frames = judged_frames(rng)
    data["rounds"] = [
        one
        | {
            "threshold_eV_A": None,
            "tolerance_eV_A": 0.2,
            "errors_eV_A": np.array([f.error_eV_A for f in frames if f.round == one["number"] and f.error_eV_A]),
        }
        for one in data["rounds"]
    ]
    data["learning"] = data["learning"] | {"reason": "all 3 rounds are spent", "ending": NOT_CONVERGED}
    data["calibrations"] = [_calibration(rng, number) for number in (1, 2, 3)]
    return data | {"map": place_frames(frames)}


NOT_CONVERGED = {"criterion": "rounds", "is_converged": False, "advice": ["raise max_rounds above 3", "sample longer"]}
HOSTILE = "like the data </script><script>alert(1)</script>"


def judged_frames(rng, n_frames=40):
    """Return ten known frames and in each round those of two samplers, and a few that failed a qualification."""
    frames = [JudgedFrame(_crystal(rng, 0.03), 0, "", KNOWN, "labelled before the first round") for _ in range(10)]
    for number in (1, 2, 3):
        for index in range(n_frames):
            source = "offending" if index < 3 and number == 3 else "attack" if index % 4 == 3 else "md"
            error = float(rng.lognormal(np.log(0.3 / number), 0.4))
            decision = "refused" if index % 10 == 9 else "bought" if error > 0.25 else "left"
            reason = {"refused": "collision: Li–Cl 0.90 Å, below 0.5", "bought": "bought", "left": HOSTILE}[decision]
            known = () if decision == "refused" else (error / 2, error)
            true = error * float(rng.lognormal(0, 0.3)) if decision == "bought" else None
            told = (true, min(1.0, error), 1.2) if known else ()
            frames.append(JudgedFrame(_crystal(rng, 0.08 * number), number, source, decision, reason, *known, *told))
    return frames


def _crystal(rng, width):
    atoms = bulk("LiCl", "rocksalt", a=5.1, cubic=True)
    atoms.rattle(width, rng=rng)
    return atoms


def _calibration(rng, number):
    levels = [
        {
            "nominal": level,
            "observed": level - 0.04 * number,
            "error": 0.03,
            "n_frames": 20,
            "frames": level,
            "elements": {
                name: {"observed": level + float(rng.normal(0, 0.03)), "error": 0.04, "n_frames": 20}
                for name in ("Li", "Cl")
            },
        }
        for level in (0.5, 0.8, 0.9, 0.95)
    ]
    fallback = "labelled frames are too few for a bound of 90 % for Cl: it is the largest error seen"
    return {
        "round": number,
        "pk": 1500 + number,
        "n_frames": 20 * number,
        "factor": 2.4,
        "fallback": fallback if number == 1 else None,
        "reliability": levels if number > 1 else [],
    }


MELTED = "the P-S framework moved 2.10 Å in replica r1; the limit is 1.50 Å"
COLLIDED = "Li-Li came to 0.27 Å in replica r0; the labelled frames never come below 2.07 Å"
FAILED = "shortest distance: 0.13 of the shortest in the training set, the limit is 1"


def _qualification(verdict, passed):
    """Return a qualification of three tests: one as said, one that passed, one with nothing to measure."""
    return {
        "pk": 2001,
        "process_pk": 1990,
        **verdict,
        "tests": {
            "shortest_distance": {
                "value": 1.02 if passed else 0.13,
                "unit": "1",
                "threshold": 1.0,
                "source": "the training set: below its shortest distance the repulsion is extrapolated",
                "passed": passed,
                "offending": {} if passed else {"12": COLLIDED, "13": COLLIDED},
            },
            "energy_drift": {
                "value": 0.00031,
                "unit": "eV/atom/ns",
                "threshold": 0.001,
                "source": "kT at 300 K in 25 ns",
                "passed": True,
                "offending": {},
            },
            "density": {"value": None, "passed": None, "failed": "no reference is given"},
        },
        "conditions": {"temperature_K": 1200.0, "n_replicas": 4, "n_steps": 20000},
        "offending_pk": None if passed else 2002,
    }


@cache
def failed_street():
    """Sampling of round 2 failed; nothing was produced after it."""
    data = _street(np.random.default_rng(9), [])
    data["process"] |= {
        "ok": False,
        "exit_status": 451,
        "exit_message": "The ensemble could not be learned: sampling gave no frame: every replica stopped",
    }
    data["rounds"], data["training"] = data["rounds"][:1], data["training"][:2]
    data["learning"] |= {"reason": None, "ending": None, "n_frames": 58}
    data["stages"] = data["stages"][:4]
    data["missing"] = [
        f"The street failed with exit status 451: {data['process']['exit_message']}",
        "No production run has begun: there is no conductivity.",
    ]
    return data


@cache
def running_street():
    """The seeds are with the labeller."""
    data = _street(np.random.default_rng(10), [])
    data["process"] |= {"state": "waiting", "finished": False, "ok": False, "exit_status": None}
    data["seeds"] |= {"n_labelled": 0, "refused": {}, "finished": False}
    data |= {"rounds": [], "training": [], "parity": {}, "learning": None, "trail": [], "stages": data["stages"][:2]}
    data["missing"] = ["The street is still waiting; this is what exists so far.", "No ensemble has been trained."]
    return data


def _street(rng, runs):
    conductivities = {run["settings"]["temperature_K"]: run["estimates"]["conductivity"] for run in runs}
    fit = {
        name: one.as_dict() for name, one in fit_arrhenius(list(conductivities), list(conductivities.values())).items()
    }
    for run in runs:
        del run["estimates"]
    trainings = [_training(rng, number, frames) for number, frames in enumerate((40, 58, 72, 84))]
    crystal = bulk("LiCl", "rocksalt", a=5.13, cubic=True)
    return {
        "made": "2026-11-20T12:00:00+00:00",
        "process": _process("CrystalWorkChain", 1204, 561.0),
        "material": {
            **describe_material(crystal),
            "pk": 1190,
            "uuid": "4d1f2c5e-0000-4000-8000-000000000001",
            "label": "LiCl",
            "description": "",
            "citation": "A. Author, B. Author, J. Solids 12, 345 (1999), doi:10.0000/example",
        },
        "charges": CHARGES,
        "theory": {"levels": ["GFN1-xTB (tblite, Gamma point)"], "labeller": "ase"},
        "seeds": {
            "pk": 1215,
            "n_frames": 42,
            "n_labelled": 40,
            "finished": True,
            "refused": {"3": "not converged", "17": "not converged"},
        },
        "given": {"dataset": False, "potentials": False},
        "rounds": [_round(rng, number) for number in (1, 2, 3)],
        "learning": {
            "settings": {},
            "n_frames": 84,
            "dataset_pk": 1822,
            "n_given": 40,
            "reason": "6 of 200 sampled frames (3 %) were uncertain: the ensemble has learned",
            "ending": {"criterion": "converged", "is_converged": True, "advice": []},
        },
        "map": None,
        "calibrations": [],
        "training": trainings,
        "parity": pool_parity({name: _parity(rng) for name in MEMBERS}),
        "qualification": _qualification(QUALIFIED, True) if runs else None,
        "runs": runs,
        "arrhenius": {**fit, **QUALIFIED} if runs else None,
        "arrhenius_band": arrhenius_band({kelvin: one.as_dict() for kelvin, one in conductivities.items()}),
        "stages": _stages(runs),
        "environment": {
            "versions": {
                "aiida-core": ["2.9.4"],
                "aiida-elyte": ["0.1.0"],
                "torch": ["2.13.0"],
                "schnetpack": ["2.1.1"],
                "tblite": ["0.8.0"],
            },
            "devices": ["cpu"],
        },
        "trail": [
            {"what": "Result at 800 K", "kind": "Dict", "pk": 2210},
            {"what": "Analysis of the displacements", "kind": "transport", "pk": 2209, "process": True},
            {"what": "Molecular dynamics at 800 K", "kind": "MdCalculation", "pk": 2190, "process": True},
            {"what": "Potential m00", "kind": "PotentialData", "pk": 1950},
            {"what": "84 labelled frames", "kind": "FramesData", "pk": 1822},
        ],
        "missing": [
            f"{run['settings']['temperature_K']:g} K: replica r3 stopped at step 8200 (MOLTEN: the P-S framework moved "
            "1.62 Å; the limit is 1.50 Å)."
            for run in runs[-1:]
        ],
    }


def _process(label, pk, seconds):
    return {
        "pk": pk,
        "uuid": "4d1f2c5e-0000-4000-8000-00000000abcd",
        "label": label,
        "name": "",
        "state": "finished",
        "finished": True,
        "ok": True,
        "exit_status": 0,
        "exit_message": None,
        "begun": "2026-11-20T11:50:12+00:00",
        "seconds": seconds,
    }


def _stages(runs):
    named = [
        ("the whole", "CrystalWorkChain", 0, 561),
        ("seeds_label", "AseLabelWorkChain", 1, 42),
        ("learning", "ActiveLearningWorkChain", 1, 301),
        ("round_00_train", "TrainEnsembleWorkChain", 2, 95),
        ("round_01_sample", "MdBaseWorkChain", 2, 31),
        ("round_01_label", "AseLabelWorkChain", 2, 14),
        ("conductivity", "ConductivityWorkChain", 1, 210),
    ]
    named += [(f"md_{run['name']}", "MdBaseWorkChain", 2, 70) for run in runs]
    return [
        {**_process(label, 1204 + 11 * i, s), "stage": name, "level": level}
        for i, (name, label, level, s) in enumerate(named)
    ]


def _round(rng, number):
    spreads = np.round(rng.lognormal(np.log(0.32 / number**1.4), 0.45, 196 if number == 1 else 200), 5)
    uncertain = int((spreads > 0.3).sum())
    refused = {str(i): f"collision: Li–Cl {0.9 + 0.03 * i:.2f} Å, below 0.5" for i in range(3)} | {
        "9": "not finite: positions"
    }
    return {
        "number": number,
        "n_sampled": 200,
        "refused": refused if number == 1 else {},
        "spreads_eV_A": spreads,
        "threshold_eV_A": 0.3,
        "errors_eV_A": np.array([]),
        "tolerance_eV_A": None,
        "n_uncertain": uncertain,
        "n_selected": min(uncertain, 20),
        "temperature_K": 1400.0,
        "n_labelled": min(uncertain, 18),
        "labels_refused": {"4": "not converged"} if number == 1 else {},
        "stops": {"r1": {"kind": "COLLIDED", "message": "Li–Cl 1.0 Å", "step": 1420}} if number == 1 else {},
        "n_frames_before": {1: 40, 2: 58, 3: 76}[number],
    }


def _training(rng, number, n_frames):
    return {
        "round": number,
        "pk": 1300 + 100 * number,
        "dataset_pk": 1250 + 100 * number,
        "n_frames": n_frames,
        "seconds": 95.0,
        "members": {name: _member(rng, number, n_frames, seed) for seed, name in enumerate(MEMBERS)},
    }


def _member(rng, number, n_frames, seed):
    epochs = np.arange(1, 61 if number == 0 else 26)
    best = 60 * 0.8**number
    mae = (best + (400 if number == 0 else 30) * np.exp(-epochs / 9)) * np.exp(rng.normal(0, 0.04, len(epochs))) / 1000
    error = float(mae[-1])
    return {
        "pk": 1310 + seed,
        "state": "ok",
        "potential_pk": 1950 + seed,
        "given_validation": False,
        "settings": {"seed": seed, "architecture": {"n_features": 32, "n_layers": 2, "n_rbf": 20, "cutoff_A": 5.0}},
        "curve": learning_curve(
            [{"epoch": int(e), "force_mae_eV_A": float(m)} for e, m in zip(epochs, mae, strict=True)]
        ),
        "errors": {
            "validation": {
                "force_mae_eV_A": error,
                "force_rmse_eV_A": 1.4 * error,
                "energy_mae_eV_atom": 0.0021,
                "by_element": {"Li": {"force_mae_eV_A": 0.8 * error}, "Cl": {"force_mae_eV_A": 1.2 * error}},
            },
            "train": {"force_mae_eV_A": 0.7 * error},
        },
        "n_epochs": len(epochs),
        "n_parameters": 51201,
        "seconds": 88.0,
        "warnings": [],
        "verdict": QUALIFIED,
        "split": {"by": "block", "n_train": n_frames - n_frames // 10, "n_validation": n_frames // 10},
        "n_validation_seen": 2 if number == 3 else 0,
    }


def _parity(rng):
    arrays = {}
    for side, frames, noise in (("train", 70, 0.03), ("validation", 9, 0.05)):
        forces, energy = rng.normal(0, 0.8, (frames * 8, 3)), rng.normal(-3.4, 0.05, frames)
        arrays |= {
            f"{side}/forces_label": forces,
            f"{side}/forces": forces + rng.laplace(0, noise, forces.shape),
            f"{side}/energy_label": energy,
            f"{side}/energy": energy + rng.normal(0, noise / 15, frames),
            f"{side}/numbers": np.tile([3, 17], frames * 4),
        }
    return arrays


def _run(rng, kelvin, diffusion_cm2_s, diffuses):
    n_replicas, n_times, interval = 4, 2000, 50.0
    series = []
    for r in range(n_replicas):
        labels = {"replica": f"r{r}", "member": MEMBERS[r], "volume_A3": 4000.0}
        args = (n_times, 24, 10 * diffusion_cm2_s, 0.2, 200.0, interval)
        one = (
            synthetic.caged_then_diffusive(rng, *args, **labels)
            if diffuses
            else synthetic.caged(rng, *args[:2], 0.2, 200.0, interval, **labels)
        )
        series.append(_with_temperature(one, rng, kelvin))
    estimates = estimate_transport(series, CHARGES, kelvin)
    steps = round((n_times - 1) * interval / 2)
    return {
        "name": f"T{kelvin:07.2f}".replace(".", "_"),
        "pk": 2100 + int(kelvin),
        "state": "ok",
        "seconds": 71.0,
        "settings": {
            "temperature_K": kelvin,
            "timestep_fs": 2.0,
            "ensemble": "nvt_langevin",
            "friction_per_ps": 1.0,
            "supercell": [2, 2, 2],
            "replicas": [{"seed": 100 + r, "member": MEMBERS[r]} for r in range(n_replicas)],
        },
        "results": {
            "n_steps_done": {f"r{r}": steps for r in range(n_replicas)},
            "stops": {},
            "device": "cpu",
            "temperature_K": {f"r{r}": {"mean": kelvin + rng.normal(0, 3), "std_err": 3.0} for r in range(n_replicas)},
            "atom_steps_per_second": 4100.0,
        },
        "transport": {name: one.as_dict() for name, one in estimates.items()}
        | {"conditions": {"temperature_K": kelvin}, **QUALIFIED},
        "result_pk": 2210,
        "analysis_pk": 2209,
        "series_pk": 2200,
        "job_pk": 2190,
        "estimates": estimates,
        **describe_series(series, CHARGES),
    }


def _with_temperature(series, rng, kelvin):
    changed = copy.copy(series)
    object.__setattr__(changed, "temperature_K", kelvin * (1 + rng.normal(0, 0.1, len(series.time_fs))))
    return changed
