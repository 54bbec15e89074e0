import numpy as np
import pytest

from aiida_elyte.errors import InputError
from aiida_elyte.science.electrolyte.cutouts import cut_cluster, cut_shells, room_for_shell
from aiida_elyte.science.electrolyte.packing import pack
from aiida_elyte.science.molecules.matching import match
from aiida_elyte.science.molecules.perception import topology_from_frame
from aiida_elyte.science.molecules.topology import join, topology_from_smiles

SMILES = {"COC": 12, "[Li+]": 2, "[Cl-]": 2}


@pytest.fixture(scope="module")
def box():
    return pack({}, SMILES, 0.3, np.random.default_rng(3))


def lithium(box):
    return box.topology.elements.index("Li")


def nearest_images(box, centre):
    """Return the least distance of every molecule to an atom over 27 images."""
    shifts = [np.array([i, j, k]) @ box.cell for i in (-1, 0, 1) for j in (-1, 0, 1) for k in (-1, 0, 1)]
    wrapped = box.positions % box.cell[0, 0]
    distances = np.min([np.linalg.norm(wrapped + shift - wrapped[centre], axis=1) for shift in shifts], axis=0)
    return [distances[box.topology.molecules == m].min() for m in range(len(box.topology.names))]


def test_the_molecules_within_the_radius_are_taken_whole(box):
    centre, radius = lithium(box), 6.0
    cluster = cut_cluster(box.positions, box.cell, box.topology, centre, radius, 500)
    near = [m for m, distance in enumerate(nearest_images(box, centre)) if distance <= radius]
    assert len(near) > 2
    assert len(cluster) == sum(np.count_nonzero(box.topology.molecules == m) for m in near)
    expected = join([topology_from_smiles(box.topology.names[m]) for m in near])
    match(expected, topology_from_frame(cluster, cluster.info["charge"]))
    assert cluster.info["charge"] == sum({"[Li+]": 1, "[Cl-]": -1}.get(box.topology.names[m], 0) for m in near)


def test_distances_within_molecules_are_those_of_the_box(box):
    centre = lithium(box)
    cluster = cut_cluster(box.positions, box.cell, box.topology, centre, 6.0, 500)
    whole = cut_cluster(box.positions + 17.3, box.cell, box.topology, centre, 6.0, 500)
    assert np.allclose(cluster.get_all_distances(), whole.get_all_distances(), atol=1e-9)
    assert (
        np.allclose(cluster.positions[cluster.symbols == "Li"].min(axis=0), 0)
        or len(cluster[cluster.symbols == "Li"]) > 1
    )


def test_the_nearest_molecules_come_first_where_room_is_short(box):
    centre = lithium(box)
    small = cut_cluster(box.positions, box.cell, box.topology, centre, 30.0, 11)
    order = np.argsort(nearest_images(box, centre))
    sizes = [np.count_nonzero(box.topology.molecules == m) for m in order]
    expected = 0
    for size in sizes:
        if expected + size > 11:
            break
        expected += size
    assert len(small) == expected


def test_a_molecule_too_large_is_refused(box):
    carbon = box.topology.elements.index("C")
    with pytest.raises(InputError, match=r"max_atoms is 5 and .* has 9 atoms"):
        cut_cluster(box.positions, box.cell, box.topology, carbon, 3.0, 5)


def test_there_is_room_for_the_largest_molecule_a_cation_and_two_anions(box):
    # Of 9, 1 and 1 atoms.
    assert room_for_shell(box.topology) == 9 + 1 + 2
    chain_and_salt = join([topology_from_smiles(one) for one in ("C" * 20, "[Li+]", "F[P-](F)(F)(F)(F)F", "COC")])
    # C20H42, Li and twice PF6.
    assert room_for_shell(chain_and_salt) == 62 + 1 + 2 * 7
    # An ionic liquid: the cation is the largest, there is none besides it.
    assert room_for_shell(join([topology_from_smiles(one) for one in ("C[N+](C)(C)C", "[Cl-]")])) == 17 + 2


def test_a_cation_is_cut_out_with_a_chain_larger_than_max_atoms():
    box = pack({}, {"C" * 20: 4, "[Li+]": 2, "[Cl-]": 2}, 0.3, np.random.default_rng(3))
    assert len(cut_cluster(box.positions, box.cell, box.topology, lithium(box), 30.0, 30)) < 62
    rng = np.random.default_rng(1)
    cuts = cut_shells(box.positions, box.cell, box.topology, n_cuts=5, radius_A=30.0, max_atoms=30, rng=rng)
    assert len(cuts) == 2  # as many as there are cations
    for cut in cuts:
        assert "C" * 20 in cut.info["system"]
        assert 63 <= len(cut) <= 62 + 1 + 2


def test_a_molecule_alone_is_no_cut(box):
    given = {"n_cuts": 3, "max_atoms": 500, "rng": np.random.default_rng(1)}
    assert cut_shells(box.positions, box.cell, box.topology, radius_A=0.1, **given) == []
