"""Crystal streets that never ran, as provenance graphs."""

import io

import numpy as np
from aiida import orm
from ase.build import bulk

from aiida_elyte.data.frames import FramesData
from aiida_elyte.data.potential import PotentialData
from aiida_elyte.data.series import SeriesData
from aiida_elyte.science.frames import attach_labels
from aiida_elyte.science.trajectory.reduction import pack_series
from aiida_elyte.science.transport import synthetic
from aiida_elyte.science.transport.estimates import estimate_transport
from tests.provenance_graphs import add_labels, begin_training, give, judge, npz, process


def frames(n_frames, first=0, labelled=True):
    rng = np.random.default_rng(first)
    made = []
    for index in range(first, first + n_frames):
        atoms = bulk("LiCl", "rocksalt", a=5.1, cubic=True)
        atoms.rattle(0.05, rng=rng)
        atoms.info = {"origin": f"seed-{index:03d}#0", "level_of_theory": "GFN1-xTB"}
        made.append(attach_labels(atoms, energy=-1.0, forces=rng.normal(size=(8, 3))) if labelled else atoms)
    return FramesData(made)


def begin(state="finished", exit_status=0):
    """Return a street whose four seeds, of six, were labelled."""
    structure = orm.StructureData(ase=bulk("LiCl", "rocksalt", a=5.1, cubic=True)).store()
    structure.base.extras.set("citation", "doi:10.0000/salt")
    conditions = orm.Dict({"temperatures_K": [800.0, 1000.0], "charges": {"Li": 1.0}})
    inputs = {"structure": structure, "conductivity__conditions": conditions}
    street = process("CrystalWorkChain", inputs=inputs, state=state, exit_status=exit_status)
    labels = process("AseLabelWorkChain", street, "seeds_label", {"frames": frames(6, labelled=False)})
    dataset = give(labels, "frames", frames(4))
    give(labels, "refused", orm.Dict({"1": "not converged", "5": "not converged"}))
    return street, dataset


def train(learning, number, dataset, validated):
    """Attach a training of one member."""
    training = begin_training(learning, number, dataset, "painn")
    settings = orm.Dict({"seed": 3, "architecture": {"n_features": 8}})
    member = process("TrainPainnBaseWorkChain", training, "train_m00", {"settings": settings})
    results = {
        "errors": {"validation": {"force_mae_eV_A": 0.05}},
        "learning_curve": [{"epoch": 1, "force_mae_eV_A": 0.1}, {"epoch": 2, "force_mae_eV_A": 0.05}],
        "split": {"by": "block", "n_train": 3, "n_validation": 1, "validation_blocks": {validated: 1}},
        "n_epochs": 2,
    }
    give(member, "results", orm.Dict(results))
    forces, energy = np.zeros((8, 3)), np.zeros(1)
    parity = {"forces_label": forces, "forces": forces + 0.05, "energy_label": energy, "energy": energy}
    parity = npz(**{f"validation/{name}": array for name, array in parity.items()})
    give(member, "parity", orm.SinglefileData(io.BytesIO(parity), filename="parity.npz"))
    give(member, "potential", PotentialData(b"weights", {"level_of_theory": "GFN1-xTB"}))


def learn(street, dataset):
    """Attach a learning of one round that sampled five frames, refused one and labelled two."""
    inputs = {"dataset": dataset, "labeller": orm.Str("ase"), "learning": orm.Dict({"max_rounds": 1})}
    learning = process("ActiveLearningWorkChain", street, "learning", inputs)
    train(learning, 0, dataset, "seed-000")
    sampling = process(
        "MdBaseWorkChain", learning, "round_01_sample", {"settings": orm.Dict({"temperature_K": 1400.0})}
    )
    stop = {"kind": "COLLIDED", "message": "Li–Cl 1.0 Å", "step": 40}
    give(sampling, "results", orm.Dict({"stops": {"r1": stop}}))
    sampled = give(sampling, "frames", frames(5, first=10, labelled=False))
    record = {
        "n_sampled": 5,
        "refused": {"2": "collision: 0.4"},
        "spreads_eV_A": [0.1, 0.5, 0.6, 0.2],
        "n_uncertain": 2,
        "selected": [1, 3],
    }
    selection = judge(learning, sampled, dataset, 0.3, record)
    chosen = give(selection, "frames", frames(2, first=20, labelled=False))
    new = frames(2, first=20)
    merged = add_labels(learning, chosen, new, dataset, FramesData(dataset.get_frames() + new.get_frames()))
    train(learning, 1, merged, "seed-001")
    give(learning, "history", orm.Dict({"rounds": [], "reason": "all rounds are spent"}))
    return merged


def qualify(street, verdict):
    """Attach a qualification with one test that failed and one that had nothing to measure."""
    qualification = process("QualifyWorkChain", street, "qualification")
    tests = {
        "shortest_distance": {
            "value": 0.13,
            "unit": "1",
            "threshold": 1.0,
            "source": "the training set",
            "passed": False,
            "offending": {"12": "Li-Li at 0.13"},
            "reason": "",
        },
        "density": {"value": None, "passed": None, "failed": "no reference is given"},
    }
    content = {**verdict, "tests": tests, "conditions": {"temperature_K": 1200.0, "supercell": [2, 2, 2]}}
    give(qualification, "qualification", orm.Dict(content))
    give(qualification, "offending", frames(2, first=40, labelled=False))
    return qualification


def produce(street, kelvin=1000.0, next_n_steps=None):
    """Attach a production at one of the two temperatures wanted; if given, the steps to which it is to go on."""
    conditions = orm.Dict({"temperatures_K": [800.0, 1000.0], "charges": {"Li": 1.0}})
    conductivity = process("ConductivityWorkChain", street, "conductivity", {"conditions": conditions})
    rng = np.random.default_rng(4)
    replicas = [synthetic.brownian(rng, 400, 20, 1e-4, 10.0, replica=f"r{i}") for i in range(4)]
    settings = {
        "temperature_K": kelvin,
        "timestep_fs": 2.0,
        "friction_per_ps": 1.0,
        "replicas": [{"seed": i, "member": "m00"} for i in range(4)],
    }
    run = process("MdBaseWorkChain", conductivity, "md_T1000_00", {"settings": orm.Dict(settings)})
    give(run, "results", orm.Dict({"n_steps_done": {f"r{i}": 1995 for i in range(4)}, "stops": {}}))
    series = give(run, "series", SeriesData(npz(**pack_series(replicas))))
    analysis = process("transport", conductivity, "transport", {"series": series}, orm.CalcFunctionNode)
    estimates = {name: one.as_dict() for name, one in estimate_transport(replicas, {"Li": 1.0}, kelvin).items()}
    give(
        analysis,
        "result",
        orm.Dict({**estimates, "conditions": {"temperature_K": kelvin, "next_n_steps": next_n_steps}}),
    )
    return conductivity
