"""What a reader sees first."""

from aiida_elyte.api.headline import headline

ESTIMATE = {"value": 1.0, "std": 0.1}
REFUSAL = {"refused": "too short", "upper_bound": None}


def test_conductivity_diffusion_transference_haven_and_activation_energy_come_first():
    names = [
        "conditions", "tracer_diffusion_Li", "tracer_diffusion_TFSI", "conductivity_nernst_einstein", "conductivity",
        "haven_ratio", "onsager_Li_TFSI", "transference_Li", "conductivity_xx", "conductivity_green_kubo", "prefactor",
        "conductivity_300K", "activation_energy",
    ]  # fmt: skip
    assert list(headline(dict.fromkeys(names, ESTIMATE))) == [
        "conductivity", "tracer_diffusion_Li", "tracer_diffusion_TFSI", "transference_Li", "haven_ratio",
        "activation_energy", "conductivity_300K",
    ]  # fmt: skip


def test_nernst_einstein_stands_in_for_a_conductivity_that_was_refused():
    found = headline({"conductivity_nernst_einstein": ESTIMATE, "conductivity": REFUSAL, "haven_ratio": REFUSAL})
    assert list(found) == ["conductivity", "conductivity_nernst_einstein", "haven_ratio"]
    assert list(headline({"conductivity_nernst_einstein": REFUSAL, "conductivity": REFUSAL})) == ["conductivity"]


def test_a_species_named_like_a_unit_is_no_temperature():
    assert list(headline({"conductivity_298.15K": ESTIMATE, "conductivity_K": ESTIMATE})) == ["conductivity_298.15K"]
