"""Polymer streets that never ran, as provenance graphs: whole, failed, running."""

from dataclasses import replace

import numpy as np
from aiida import orm
from ase import Atoms

from aiida_elyte.data.frames import FramesData
from aiida_elyte.data.series import SeriesData
from aiida_elyte.science.frames import attach_labels
from aiida_elyte.science.qualification.boxes import judge_box, judge_force_fields, judge_street
from aiida_elyte.science.statistics.equilibration import judge_settling
from aiida_elyte.science.structure.pooling import pool_shells
from aiida_elyte.science.structure.shells import ShellFinder, ShellRecorder
from aiida_elyte.science.trajectory.reduction import pack_series
from aiida_elyte.science.transport import synthetic
from aiida_elyte.science.transport.estimates import estimate_transport
from aiida_elyte.science.verdict import Verdict
from tests.provenance_graphs import add_labels, begin_training, give, judge, npz, process

RECIPE = {
    "name": "peo_litfsi",
    "polymer": {"unit": "*CCO*", "n_units": 100, "head": "*OC", "tail": "*C"},
    "salt": {"name": "LiTFSI", "ratio": 0.075},
    "n_atoms": 3000,
    "temperature_K": 400.0,
    "pressure_bar": 1.0,
}
CHARGES = {"Li": 1, "TFSI": -1}
SITES = ("O of chain", "O of TFSI")
STAGES = [
    {"name": "compress", "kind": "npt", "n_steps": 20_000, "timestep_fs": 1.0},
    {
        "name": "settle",
        "kind": "npt",
        "n_steps": 80_000,
        "timestep_fs": 1.0,
        "pressure_bar": [1.0, 1.0],
        "temperature_K": [400.0, 400.0],
    },
]
BONDS = {"n_bonds": 3000, "stretch": 1.17, "length_A": 1.78, "bond": "C12–C13", "frame": 40}
BUILT = {
    "amounts": {
        "n_chains": 4,
        "molecules": {"[Li+]": 30, "O=S(=O)([N-]S(=O)(=O)C(F)(F)F)C(F)(F)F": 30},
        "n_atoms": 3324,
        "n_sites": 404,
        "ratio": 30 / 404,
        "molality_mol_kg": 1.67,
    },
    "charges": CHARGES,
    "environment": {"versions": {"numpy": "2.4.1"}, "device": "cpu"},
}


def begin(state="finished", exit_status=0):
    """Return a street whose clusters, all but one, were labelled."""
    inputs = {"recipe": orm.Dict(RECIPE), "n_boxes": orm.Int(2), "learning__labeller": orm.Str("ase")}
    street = process("PolymerWorkChain", inputs=inputs, state=state, exit_status=exit_status)
    labels = process("AseLabelWorkChain", street, "clusters_label", {"frames": _clusters(6, labelled=False)})
    dataset = give(labels, "frames", _clusters(5))
    give(labels, "refused", orm.Dict({"4": "no convergence: 250 iterations"}))
    return street, dataset


def _clusters(n_frames, labelled=True, first=0):
    rng = np.random.default_rng(first)
    made = []
    for number in range(first, first + n_frames):
        atoms = Atoms("LiO", rng.normal(0, 1, (2, 3)), info={"origin": f"complex-{number}#0", "charge": 1})
        atoms.info |= {"level_of_theory": "GFN2-xTB (tblite)", "charge_method": "Mulliken, GFN2-xTB"}
        made.append(attach_labels(atoms, energy=-1.0, forces=rng.normal(size=(2, 3))) if labelled else atoms)
    return FramesData(made)


def learn(street, dataset, reason="2 of 40 sampled frames (5 %) were uncertain or refused"):
    """Attach a learning of one round; two members."""
    inputs = {"dataset": dataset, "labeller": orm.Str("ase"), "learning": orm.Dict({"max_rounds": 1})}
    learning = process("ForceFieldWorkChain", street, "learning", inputs)
    _fit(learning, 0, dataset, 4.2)
    sampling = process(
        "SampleClustersBaseWorkChain", learning, "round_01_sample", {"settings": orm.Dict({"temperature_K": 400.0})}
    )
    give(sampling, "results", orm.Dict({"stops": {"r1": "Out of range atoms"}}))
    sampled = give(sampling, "frames", _clusters(40, labelled=False, first=10))
    spreads = np.random.default_rng(3).lognormal(np.log(0.05), 0.4, 39).round(5)
    record = {
        "n_sampled": 40,
        "refused": {"7": "collision: Li–O 0.80 Å, below 1.0"},
        "spreads_eV_A": spreads.tolist(),
        "n_uncertain": int((spreads > 0.1).sum()),
        "selected": [1, 2, 3],
    }
    judge(learning, sampled, dataset, 0.1, record)
    chosen, new = _clusters(3, labelled=False, first=50), _clusters(3, first=50)
    merged = add_labels(learning, chosen, new, dataset, _clusters(8))
    _fit(learning, 1, merged, 3.6)
    if reason:
        give(learning, "history", orm.Dict({"reason": reason}).store())
    return learning


def _fit(learning, number, dataset, error):
    training = begin_training(learning, number, dataset, "forcefield")
    summary = {}
    for seed, name in enumerate(("m00", "m01")):
        settings = orm.Dict({"seed": seed, "fit": {"terms": "class2", "depth": 3}})
        member = process("FitForceFieldBaseWorkChain", training, f"train_{name}", {"settings": settings})
        errors = {
            side: {"overall": _errors(error + extra + 0.1 * seed, 9), "systems": _systems(error + extra + 0.1 * seed)}
            for side, extra in (("train", -0.3), ("validation", 0.0), ("test", 0.2))
        }
        results = {
            "errors": errors,
            "undetermined": {"atoms li0_f50e046c q": 1.0} | ({"bonds c4 o2 k4": 0.94} if seed else {}),
            "n_parameters": 587,
            "n_epochs": 8,
            "seconds": 21.0,
            "split": {"by": "cluster"},
            "warnings": ["1 of 587 parameters are not determined by the data: they are what their priors say"],
            "environment": {"versions": {"torch": "2.13.0"}, "device": "cpu"},
        }
        give(member, "results", orm.Dict(results))
        summary[name] = results
    give(training, "summary", orm.Dict(summary))


def _errors(rmse, n_frames):
    return {"force_rmse_kcal_mol_A": rmse, "force_mae_kcal_mol_A": 0.7 * rmse, "n_frames": n_frames}


def _systems(rmse):
    return {"Li-G4": _errors(rmse + 0.5, 4), "TFSI-TFSI": _errors(rmse - 0.5, 5)}


def run_box(street, name, seed, refused=False, until="solvation"):
    """Attach a box; ``until`` names the last step that there is."""
    inputs = {"recipe": orm.Dict(RECIPE), "force_field": orm.Dict({"member": name[:3]})}
    box = process("BoxWorkChain", street, name, inputs, exit_status=510 if refused else 0)
    build = process("BuildBoxBaseWorkChain", box, "build")
    give(build, "results", orm.Dict(BUILT))
    records = _records(seed, drifts=refused)
    settling = process("LammpsBaseWorkChain", box, "settle_00", {"settings": orm.Dict({"stages": STAGES})})
    thermo = give(settling, "thermo", _array_node(records))
    judge = process(
        "judge_box", box, "judge_box", {"thermo": thermo, "settings": settling.inputs.settings}, orm.CalcFunctionNode
    )
    give(judge, "result", orm.Dict(judge_settling(records, STAGES)))
    if refused or until == "settle":
        return box, None, None
    series = _produce(box, name, seed)
    give(box, "qualification", orm.Dict(judge_box(judge_settling(records, STAGES), BONDS)))
    return box, series, _solvate(box, seed) if until == "solvation" else None


def _records(seed, drifts):
    rng = np.random.default_rng(seed)
    step = np.arange(0, 100_001, 100)
    time = step / 1000
    density = 1.2 - 0.9 * np.exp(-time / 6) + rng.normal(0, 0.004, len(step))
    if drifts:
        density = 0.6 + 0.005 * time + rng.normal(0, 0.004, len(step))
    return {
        "step": step,
        "density_g_cm3": density,
        "pressure_bar": rng.normal(1.0, 300.0, len(step)) + 2000 * np.exp(-time / 5),
        "temperature_K": rng.normal(400.0, 6.0, len(step)),
        "potential_eV": rng.normal(-50.0, 1.0, len(step)) - 20 * (1 - np.exp(-time / 5)),
    }


def _array_node(arrays):
    node = orm.ArrayData()
    for name, array in arrays.items():
        node.set_array(name, array)
    return node


def _produce(box, name, seed):
    stages = [
        {"name": "thermalise", "kind": "nvt", "n_steps": 1000, "timestep_fs": 1.0, "is_production": False},
        {"name": "produce", "kind": "nvt", "n_steps": 2_000_000, "timestep_fs": 1.0, "is_production": True},
    ]
    settings = orm.Dict({"stages": stages, "dump_stride": 1000})
    production = process("LammpsBaseWorkChain", box, "production", {"settings": settings})
    results = {"simulated_ns": 2.0, "ns_per_day": 31.4, "trajectory": ["part_000.lammpstrj"], "lammps": "29 Aug 2024"}
    give(production, "results", orm.Dict(results))
    _, computer = orm.Computer.collection.get_or_create(
        label="cluster", hostname="cluster", transport_type="core.local", scheduler_type="core.direct"
    )
    folder = orm.RemoteData(computer=computer.store(), remote_path=f"/scratch/{name}")
    give(production, "remote_folder", folder)
    rng = np.random.default_rng(seed)
    step = np.arange(0, 2_001_001, 1000)
    records = {
        "step": step,
        "temperature_K": rng.normal(400, 5, len(step)),
        "pressure_bar": rng.normal(20, 90, len(step)),
    }
    give(production, "thermo", _array_node(records))
    reduction = process("ReduceTrajectoryBaseWorkChain", box, "reduce")
    series = series_of(seed, name)
    return give(reduction, "series", SeriesData(npz(**pack_series([series]))))


def series_of(seed, name):
    matrix = [[3e-6, -1e-6], [-1e-6, 6e-6]]  # Å²/fs, the ions against each other
    labels = {"volume_A3": 42875.0, "replica": name, "member": name[:3]}
    made = synthetic.electrolyte(np.random.default_rng(seed), 2000, 30, matrix, 1000.0, **labels)
    return replace(made, species=("Li", "TFSI", "C"), tracked=("Li",) * 30 + ("TFSI",) * 30)


def _solvate(box, seed):
    """Attach the shells of Li with four chain O and an anion that comes and goes, all found by the analysis itself."""
    rng = np.random.default_rng(seed)
    n_ions, edge, n_frames = 4, 22.0, 400
    names = np.array(["Li"] * n_ions + ["O of chain"] * 4 * n_ions + ["O of TFSI"] * n_ions, dtype=object)
    molecules = np.concatenate([np.arange(n_ions), n_ions + np.repeat(np.arange(n_ions), 4), 99 + np.arange(n_ions)])
    centres = edge * np.array([[0.0, 0, 0], [0.5, 0.5, 0], [0.5, 0, 0.5], [0, 0.5, 0.5]])
    around = np.array([[1, 1, 1], [1, -1, -1], [-1, 1, -1], [-1, -1, 1]]) / np.sqrt(3)
    is_near = np.zeros((n_frames, n_ions), dtype=bool)
    for time in range(1, n_frames):
        is_near[time] = is_near[time - 1] ^ (rng.random(n_ions) < np.where(is_near[time - 1], 0.1, 0.04))
    frames = []
    for near in is_near:
        chain = centres[:, None] + rng.normal(2.05, 0.12, (n_ions, 4, 1)) * around
        far = np.where(near, 2.1, 5.0 + rng.normal(0, 0.3, n_ions))[:, None]
        anions = centres + far * np.array([0, 0, 1.0]) + rng.normal(0, 0.06, (n_ions, 3))
        spread = np.concatenate([centres, chain.reshape(-1, 3), anions])
        loose = rng.random(len(chain.reshape(-1, 3))) < 0.15
        spread[n_ions : n_ions + 4 * n_ions][loose] += 2.5 * np.tile(around, (n_ions, 1))[loose]
        frames.append(spread)
    cell = edge * np.eye(3)
    finder = ShellFinder(names, "Li", SITES, 9.0, 0.1)
    for frame in frames:
        finder.add(frame, cell)
    functions = finder.finish()
    cutoffs = {site: function.first_minimum_A for site, function in functions.items()}
    recorder = ShellRecorder(names, "Li", cutoffs, molecules, 1000.0)
    for frame in frames:
        recorder.add(frame, cell)
    found = recorder.finish("O of TFSI", 0.0)
    curves = {"r_A": functions[SITES[0]].r_A}
    for site, one in functions.items():
        array = site.replace(" ", "_")
        found["sites"][site] |= {"array": array}
        found["sites"][site] |= {"first_peak_A": one.first_peak_A, "first_minimum_A": one.first_minimum_A}
        curves |= {f"g_{array}": one.g, f"g_{array}_error": one.g_error}
        curves |= {f"n_{array}": one.coordination, f"n_{array}_error": one.coordination_error}
    node = process("SolvationBaseWorkChain", box, "solvation")
    results = give(node, "results", orm.Dict({**found, "centre": "Li", "anion": "O of TFSI"}))
    give(node, "curves", _array_node(curves))
    return results


def analyse(street, boxes, with_solvation=True, bonds=BONDS):
    """Attach what the pooled boxes give, and the verdict on it; ``bonds`` are those of the first box."""
    pool = process(
        "pool_series",
        street,
        "pool_series",
        {name: series for name, (series, _) in boxes.items()},
        orm.CalcFunctionNode,
    )
    series = [one for node, _ in boxes.values() for one in node.get_series()]
    pooled = give(pool, "result", SeriesData(npz(**pack_series(series))))
    settings = {"charges": CHARGES, "temperature_K": 400.0}
    analysis = process(
        "transport", street, "transport", {"series": pooled, "settings": orm.Dict(settings)}, orm.CalcFunctionNode
    )
    estimates = {name: one.as_dict() for name, one in estimate_transport(series, **settings).items()}
    settled = judge_settling(_records(0, drifts=False), STAGES)
    errors = {"m00": {"train_rmse_kcal_mol_A": 3.3, "validation_rmse_kcal_mol_A": 3.6}}
    judged = {name: judge_box(settled, BONDS if place else bonds) for place, name in enumerate(boxes)}
    qualification = judge_street(judge_force_fields(errors, 400.0), judged)
    give(street, "qualification", orm.Dict(qualification))
    verdict = Verdict.from_dict(qualification)
    if not verdict.is_qualified:
        refused = {"refused": f"{verdict.status}: {'; '.join(verdict.reasons)}", "upper_bound": None}
        estimates = dict.fromkeys(estimates, refused)
    content = {**estimates, "conditions": {"temperature_K": 400.0}, **verdict.as_dict()}
    result = give(analysis, "result", orm.Dict(content))
    give(street, "transport", result)
    if with_solvation:
        shells = {name: shells for name, (_, shells) in boxes.items()}
        pooling = process("pool_solvation", street, "pool_solvation", shells, orm.CalcFunctionNode)
        result = give(pooling, "result", orm.Dict(pool_shells([node.get_dict() for node in shells.values()])))
        give(street, "solvation", result)


def whole_street(bonds=BONDS):
    street, dataset = begin()
    learn(street, dataset)
    boxes = {}
    for seed, name in enumerate(("m00_b00", "m01_b01")):
        _, series, shells = run_box(street, name, seed)
        boxes[name] = (series, shells)
    analyse(street, boxes, bonds=bonds)
    return street


def torn_street():
    """A bond of the first box tears in production."""
    return whole_street({**BONDS, "stretch": 2.1, "length_A": 3.19})


def running_street():
    """Learned, one box settles."""
    street, dataset = begin(state="waiting")
    learn(street, dataset)
    run_box(street, "m00_b00", 0, until="settle")
    return street


def failed_street():
    """The only box begun has not settled."""
    street, dataset = begin(exit_status=453)
    learn(street, dataset)
    run_box(street, "m00_b00", 5, refused=True)
    return street
