"""Seeds that cannot be labelled end the street before a label is paid for."""

from types import SimpleNamespace

import pytest
from aiida import orm
from aiida.common import AttributeDict
from ase.build import bulk

from aiida_elyte.data.frames import FramesData
from aiida_elyte.provenance.names import seeds_call
from aiida_elyte.science.seeds.perturb import Perturb
from aiida_elyte.workflows.crystal import CrystalWorkChain


def salt(symbols="LiCl"):
    frame = bulk(symbols, "rocksalt", a=5.13, cubic=True)
    frame.info["origin"] = "seed-own-000#0"
    return FramesData([frame])


@pytest.fixture
def inspect(aiida_profile_clean):
    """Return a function that inspects the seeds of a street: of kinds made here, and what jobs made, by their names."""

    def run(seeds, **made):
        jobs = {
            name: SimpleNamespace(is_finished_ok=True, outputs=AttributeDict({"frames": made[name]})) for name in made
        }
        ctx = AttributeDict({"start": salt(), **{seeds_call(name): node for name, node in jobs.items()}})
        inputs = AttributeDict({"seeds": orm.Dict(seeds), "seed_jobs": jobs})
        chain = SimpleNamespace(inputs=inputs, ctx=ctx, exit_codes=CrystalWorkChain.exit_codes)
        return CrystalWorkChain.inspect_seeds(chain), ctx

    return run


def test_seeds_of_kinds_and_of_jobs_stand_in_one_set(inspect):
    code, ctx = inspect({"perturb": {}}, own=salt())
    assert code is None
    assert ctx.seeds.get_frames()[-1].info["origin"] == "seed-own-000#0"
    assert len(ctx.seeds) > 1


def test_a_kind_that_fails_ends_the_street_with_its_name(inspect, monkeypatch):
    monkeypatch.setattr(Perturb, "make", lambda *_: None)
    code, _ = inspect({"perturb": {}})
    assert code.status == 449
    assert "kind of seeds 'perturb' made None; expected a list of frames" in code.message


def test_frames_of_a_job_obey_the_same_rules(inspect):
    code, _ = inspect({}, own=salt("NaCl"))
    assert code.status == 449
    assert "kind of seeds 'own' made seed 0 with Na; expected elements of the crystal (Cl, Li)" in code.message
