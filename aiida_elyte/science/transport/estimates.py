"""Diffusion coefficients, conductivity, Onsager coefficients and transference numbers from series, or a refusal.

Where the motion is diffusive is judged on the tracers' mean squared displacement; numbers and error bars come from the
low-frequency spectrum of displacements, whose modes are independent.
"""

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace

import numpy as np

from aiida_elyte.errors import InputError
from aiida_elyte.science.statistics.estimate import ErrorTerms, Estimate, Refusal, result_from_dict, upper_limit
from aiida_elyte.science.trajectory.reduction import Series
from aiida_elyte.science.transport.bounds import check_charge, check_interval, check_temperature, check_viscosity
from aiida_elyte.science.transport.displacement import mean_squared_displacement
from aiida_elyte.science.transport.finite_size import correct_for_finite_size
from aiida_elyte.science.transport.green_kubo import GreenKubo, green_kubo
from aiida_elyte.science.transport.grouping import Groups
from aiida_elyte.science.transport.onsager import collective_modes
from aiida_elyte.science.transport.references import Reference, parse_reference, reference_of
from aiida_elyte.science.transport.rigid_shifts import validate_laboratory
from aiida_elyte.science.transport.tracer import tracer_spectrum
from aiida_elyte.science.transport.windows import MsdCurve, msd_curve, usable_series
from aiida_elyte.units import BOLTZMANN_EV_K, CM2_S, MS_CM

__all__ = [
    "DISAGREES",
    "Estimate",
    "Refusal",
    "estimate_transport",
    "frame_of",
    "is_isotropic",
    "mobile_charges",
    "result_from_dict",
]

DISAGREES = "disagrees with"
"""Stands in the method of a Green–Kubo conductivity which is not that of Einstein's relation."""

_BOUND_BLOCKS = 8
"""Blocks over all replicas behind the upper bound of a collective quantity."""

_NEUTRAL = 1e-5
"""Part of the sum of all charges' magnitudes that their sum may be off zero: charges of force fields are rounded."""

_CUBIC_TOLERANCE = 0.02
"""Relative difference of the cell's edges, and cosine of its angles, up to which it is taken for isotropic."""


def estimate_transport(
    series: Sequence[Series],
    charges: Mapping[str, float],
    temperature_K: float,
    *,
    mobile: Collection[str] | None = None,
    frame: str | None = None,
    viscosity_mPa_s: float | None = None,
    calibration_factor: float | None = None,
) -> dict[str, Estimate | Refusal]:
    r"""Estimate diffusion, conductivity, Onsager coefficients, transference numbers and Haven ratio.

    .. math::
        D_a = \frac{1}{6} \frac{d}{dt} \langle |r_i(t) - r_i(0)|^2 \rangle_{i \in a}, \quad
        L_{ab} = \frac{1}{6 V k_B T N_A^2} \frac{d}{dt} \langle \Delta R_a(t) \cdot \Delta R_b(t) \rangle, \quad
        \sigma = F^2 \sum_{ab} z_a z_b L_{ab}, \quad
        \sigma_{NE} = \frac{e^2}{V k_B T} \sum_a z_a^2 N_a D_a, \quad
        t_a = z_a \sum_b z_b L_{ab} / \sum_{ab} z_a z_b L_{ab}, \quad
        H = \sigma_{NE} / \sigma

    with R_a the sum of the positions of species a.

    Parameters
    ----------
    series
        Replicas, of one or several ensemble members, of one system at one temperature.
    charges
        Charge of each mobile species [e]; species left out are the neutralising framework.
    temperature_K
        Temperature [K].
    mobile
        The mobile ones, when not all that have a charge are; the others may then rest by their centre of charge.
    frame
        What is at rest, see ``parse_reference``; ``None`` takes the centre of mass of the species that are not mobile,
        of all atoms when every species is. Ions of one sign alone, without the atoms that neutralise them, have only
        the laboratory (``lab``): what is refused then is what depends on how those atoms move.
    viscosity_mPa_s
        Shear viscosity of a liquid [mPa s]: adds diffusion coefficients corrected for the finite cell.
    calibration_factor
        Error of the mean force of an ensemble over the spread of its members [1], ``Calibration.factor``: what the
        scatter of the members' results is multiplied by. ``None``: not known; members are taken to err independently,
        so that the error of the model is a lower bound.

    Returns
    -------
    dict
        For each mobile species ``tracer_diffusion_<a>`` [cm²/s]; ``conductivity_nernst_einstein`` and
        ``conductivity`` [mS/cm]; ``haven_ratio``; ``onsager_<a>_<b>`` [mol²/(J m s)]; with several carriers
        ``transference_<a>``; ``conductivity_green_kubo`` [mS/cm] where the series hold currents; in a cell that is not
        isotropic ``conductivity_xx`` …; with a viscosity ``tracer_diffusion_corrected_<a>``. A ``Refusal`` where the
        data carry no number.

    Raises
    ------
    InputError
        If charges, temperature, frame or series cannot be used.

    References
    ----------
    Conventions: France-Lanord, Grossman, DOI 10.1103/PhysRevLett.122.136001; Fong et al., DOI
    10.1021/acs.macromol.0c02545.
    """
    check_temperature("temperature_K", temperature_K)
    if viscosity_mPa_s is not None:
        check_viscosity("viscosity_mPa_s", viscosity_mPa_s)
    replicas = usable_series(series)
    check_interval("time between frames", replicas[0].interval_fs)
    is_alone = _check_charges(charges, replicas[0], frame)
    reference = frame_of(replicas[0], charges, mobile, frame)
    if not reference.weights:
        validate_laboratory(replicas)
    background = frame_of(replicas[0], charges, mobile, None)  # its charge makes σ the same in every frame
    charges = mobile_charges(charges, mobile)
    note = f"frame: {reference.name}"
    if len(replicas) < len(series):
        note += f"; {len(series) - len(replicas)} replicas shorter than half the longest left out"

    curves = {name: msd_curve(replicas, name, reference) for name in charges}
    spectra = {name: tracer_spectrum(curve, curve.window) for name, curve in curves.items() if curve.window is not None}
    groups = Groups.of(replicas, calibration_factor)
    results: dict[str, Estimate | Refusal] = {}
    for name, curve in curves.items():
        found = spectra[name].diffusion(groups, note) if name in spectra else Refusal(curve.reason, _bound(curve))
        results[f"tracer_diffusion_{name}"] = found
        if viscosity_mPa_s is not None:
            volume = float(np.mean([one.volume_A3.mean() for one in replicas]))
            results[f"tracer_diffusion_corrected_{name}"] = (
                correct_for_finite_size(found, temperature_K, volume, viscosity_mPa_s)
                if isinstance(found, Estimate)
                else Refusal(found.reason)
            )
    carriers = {name: charge for name, charge in charges.items() if charge}
    reasons = [curves[name].reason for name in carriers if name not in spectra]
    if reasons:
        reason = "; ".join(reasons)
        if len(reasons) < len(carriers):
            reason += " (if it belongs to the framework, name the others with --species, mobile in Python)"
        bound = _bound_nernst_einstein(replicas, carriers, results, temperature_K)
        dipoles = [_dipole(one, carriers, background) for one in replicas]
        shares = {f"transference_{name}": Refusal(reason) for name in carriers} if len(carriers) > 1 else {}
        return results | {
            "conductivity_nernst_einstein": Refusal(reason, bound),
            "conductivity": Refusal(
                reason, None if is_alone else bound and _bound_conductivity(replicas, dipoles, temperature_K)
            ),
            "haven_ratio": Refusal(reason),
            **shares,
        }

    if is_alone:
        bare = _nernst_einstein(replicas, carriers, results, temperature_K, note)
        return results | _without_background(bare, carriers)

    modes = collective_modes(
        replicas,
        {name: spectra[name] for name in carriers},
        carriers,
        reference,
        background,
        temperature_K,
        is_isotropic=is_isotropic(replicas[0].cell_A),
        groups=groups,
        note=note,
    )
    bare, full = _nernst_einstein(replicas, carriers, results, temperature_K, note), modes.conductivity()
    results |= {
        "conductivity_nernst_einstein": bare,
        "conductivity": full,
        "haven_ratio": _haven_ratio(bare, full),
    }
    results |= {f"onsager_{a}_{b}": found for (a, b), found in modes.onsager().items()}
    if len(carriers) > 1:
        results |= {f"transference_{name}": found for name, found in modes.transference().items()}
    if not modes.is_isotropic:
        results |= {f"conductivity_{axes}": found for axes, found in modes.conductivity_tensor().items()}
    if all(len(one.currents_A_fs) for one in replicas):
        integral = green_kubo(replicas, carriers, background, temperature_K, modes.window[0], note, groups)
        results["conductivity_green_kubo"] = _compare(integral, full)
    return results


def mobile_charges(charges: Mapping[str, float], mobile: Collection[str] | None) -> dict[str, float]:
    """Return the charges of the mobile species.

    Raises
    ------
    InputError
        If one of them has none, or all are zero.
    """
    absent = [name for name in mobile or () if name not in charges]
    if absent:
        raise InputError(
            f"{', '.join(absent)} is named mobile without a charge; expected species among {', '.join(charges)}; "
            f"give the charge of {absent[0]}"
        )
    found = {name: charges[name] for name in (charges if mobile is None else mobile)}
    if not any(found.values()):
        raise InputError(
            f"charges are all zero for {', '.join(found)}; expected one mobile species with a charge; give it"
        )
    return found


def frame_of(
    series: Series, charges: Mapping[str, float], mobile: Collection[str] | None, frame: str | None
) -> Reference:
    """Return what is at rest, as ``estimate_transport`` takes it."""
    if frame is None:
        return reference_of(series, mobile_charges(charges, mobile))
    return parse_reference(frame, series, charges)


def is_isotropic(cell_A: np.ndarray) -> bool:
    """Tell whether a cell has edges of one length at right angles, rows being its vectors, shape ``(3, 3)``."""
    lengths = np.linalg.norm(cell_A, axis=1)
    cosines = (cell_A @ cell_A.T) / np.outer(lengths, lengths) - np.eye(3)
    return bool(np.ptp(lengths) <= _CUBIC_TOLERANCE * lengths.mean() and np.abs(cosines).max() <= _CUBIC_TOLERANCE)


def _check_charges(charges: Mapping[str, float], series: Series, frame: str | None) -> bool:
    """Check charges; return whether ions of one sign are alone, without what neutralises them."""
    known = ", ".join(series.species)
    if not charges:
        raise InputError(
            f"charges is empty; expected the charge of each mobile species among {known}, e.g. {{'Li': 1.0}}"
        )
    unknown = sorted(set(charges) - set(series.species))
    if unknown:
        raise InputError(f"charges names {', '.join(unknown)}; expected species among {known}; check the symbol")
    for name, charge in charges.items():
        check_charge(name, charge)
    counts = {name: charge * _count(series, name) for name, charge in charges.items()}
    net, gross = sum(counts.values()), sum(map(abs, counts.values()))
    if set(charges) != set(series.species) or abs(net) <= _NEUTRAL * gross:
        return False
    if all(charges.values()) and abs(net) >= (1 - _NEUTRAL) * gross:
        names = ", ".join(charges)
        if frame != "lab":
            raise InputError(
                f"the trajectory holds ions of one sign alone ({names}, {net:+g} e), and nothing that neutralises "
                "them; expected all atoms, which conductivities need; write them all, or add --frame lab (frame='lab' "
                "in Python) for diffusion coefficients in the laboratory frame"
            )
        return True
    listed = ", ".join(f"{name} {count:+g} e" for name, count in counts.items())
    raise InputError(
        f"charges of all species sum to {net:g} e ({listed}); expected 0, as every species has a charge; give other "
        "charges, or leave a species that only neutralises the others out of --charges"
    )


def _without_background(bare: Estimate | Refusal, carriers: Mapping[str, float]) -> dict[str, Estimate | Refusal]:
    """Return what is known of ions whose background was not written: what ions that do not know of each other have."""
    reason = (
        f"needs all atoms: the trajectory holds {', '.join(carriers)} alone, and how the atoms that neutralise them "
        "move is not known; the Nernst–Einstein conductivity needs the volume only"
    )
    names = ["conductivity", "haven_ratio", *(f"onsager_{a}_{b}" for a in carriers for b in carriers if a <= b)]
    names += [f"transference_{name}" for name in carriers] if len(carriers) > 1 else []
    return {"conductivity_nernst_einstein": bare} | dict.fromkeys(names, Refusal(reason))


def _count(series: Series, species: str) -> int:
    return int(series.counts[series.species.index(species)])


def _conductivity_factor(series: Series, temperature_K: float) -> float:
    """Return what turns e² Å²/fs into conductivity [mS/cm]: 1/(V k T)."""
    return float(MS_CM / (series.volume_A3.mean() * BOLTZMANN_EV_K * temperature_K))


def _dipole(series: Series, charges: Mapping[str, float], background: Reference) -> np.ndarray:
    """Return Σ z_a ΔR_a where the neutralising background rests [e Å], shape ``(T, 3)``."""
    z = np.array([charges.get(name, 0.0) for name in series.species])
    return np.einsum("s,tsd->td", z, series.collective_A) - (z @ series.counts) * background.drift_of(series)


def _nernst_einstein(
    replicas: Sequence[Series],
    charges: Mapping[str, float],
    results: Mapping[str, Estimate | Refusal],
    temperature_K: float,
    note: str,
) -> Estimate | Refusal:
    """Return the conductivity of carriers that do not know of each other; limits combine as in DOI 10.1002/sim.3095."""
    parts = {name: results[f"tracer_diffusion_{name}"] for name in charges}
    factor = float(np.mean([_conductivity_factor(one, temperature_K) for one in replicas])) / CM2_S
    value, edges, windows, errors = 0.0, [], [], []
    for name, part in parts.items():
        if isinstance(part, Refusal):
            return Refusal(f"the tracer diffusion of {name} is refused: {part.reason}")
        weight = factor * charges[name] ** 2 * _count(replicas[0], name)
        value += weight * part.value
        edges.append((weight * (part.value - part.ci95[0]), weight * (part.ci95[1] - part.value)))
        windows.append(part.window or (0.0, math.inf))
        errors.append(_scaled(part, weight))
    n_effective = min(part.n_effective for part in parts.values() if isinstance(part, Estimate))
    window = (max(start for start, _ in windows), min(end for _, end in windows))
    terms = _sum_of(errors)
    std = math.hypot(terms.statistical, terms.model or 0.0)
    below, above = (_add_widths(side, errors, std) for side in zip(*edges, strict=True))
    interval = (value - below, value + above)
    return Estimate(value, std, interval, "mS/cm", n_effective, f"Nernst–Einstein, {note}", window, terms)


def _scaled(part: Estimate, weight: float) -> ErrorTerms:
    """Return the error terms of an estimate times a weight."""
    errors = part.errors or ErrorTerms(part.std)
    return replace(
        errors,
        statistical=weight * errors.statistical,
        model=None if errors.model is None else weight * errors.model,
        members={name: (weight * one, weight * std) for name, (one, std) in errors.members.items()},
    )


def _sum_of(errors: Sequence[ErrorTerms]) -> ErrorTerms:
    """Return the error terms of a sum: statistics are independent, while one model errs on all carriers at once."""
    models = [one.model for one in errors if one.model is not None]
    members = {
        name: (math.fsum(one.members[name][0] for one in errors), math.hypot(*(one.members[name][1] for one in errors)))
        for name in errors[0].members
    }
    return replace(
        errors[0],
        statistical=math.hypot(*(one.statistical for one in errors)),
        model=math.fsum(models) if models else None,
        members=members,
    )


def _add_widths(widths: Sequence[float], errors: Sequence[ErrorTerms], std: float) -> float:
    """Return the half width of the interval of a sum; half widths add as the errors do that make its ``std``."""
    known = [math.hypot(one.statistical, one.model or 0.0) for one in errors]
    apart, together = math.hypot(*known) ** 2, math.fsum(known) ** 2
    shared = (std**2 - apart) / (together - apart) if together > (1 + 1e-9) * apart else 0.0
    return math.sqrt((1 - shared) * math.hypot(*widths) ** 2 + shared * math.fsum(widths) ** 2)


def _haven_ratio(bare: Estimate | Refusal, full: Estimate | Refusal) -> Estimate | Refusal:
    """Return σ_NE/σ, its interval symmetric in ln H; errors are added as if independent, which is the safe side."""
    if isinstance(bare, Refusal):
        return Refusal(f"the Nernst–Einstein conductivity is refused: {bare.reason}")
    if isinstance(full, Refusal):
        return Refusal(f"the conductivity is refused: {full.reason}")
    ratio = bare.value / full.value
    relative = math.hypot(bare.std / bare.value, full.std / full.value)
    below = math.hypot(math.log(bare.value / bare.ci95[0]), math.log(full.ci95[1] / full.value))
    above = math.hypot(math.log(bare.ci95[1] / bare.value), math.log(full.value / full.ci95[0]))
    interval = (ratio * math.exp(-below), ratio * math.exp(above))
    n_effective = min(bare.n_effective, full.n_effective)
    method = "Nernst–Einstein over full conductivity, errors added as if independent"
    parts = _scaled(bare, 1 / bare.value), _scaled(full, 1 / full.value)
    models = [one.model for one in parts if one.model is not None]
    errors = replace(
        parts[0],
        statistical=ratio * math.hypot(*(one.statistical for one in parts)),
        model=ratio * math.hypot(*models) if models else None,
        members={},
    )
    return Estimate(ratio, ratio * relative, interval, "1", n_effective, method, full.window, errors)


def _compare(integral: GreenKubo | Refusal, full: Estimate | Refusal) -> Estimate | Refusal:
    """Return the Green–Kubo conductivity, its method saying whether it agrees with Einstein's."""
    found = integral.conductivity if isinstance(integral, GreenKubo) else integral
    if isinstance(found, Refusal) or isinstance(full, Refusal):
        return found
    apart = abs(found.value - full.value) / math.hypot(found.std, full.std)
    verdict = "agrees with" if apart <= 2 else DISAGREES
    said = f"{found.method}; {verdict} Einstein's relation: {apart:.1f} standard errors apart"
    return replace(found, method=said)


def _bound(curve: MsdCurve) -> Estimate | None:
    """Return the upper limit of MSD/6t at the longest lag: it falls with t as long as the MSD grows slower."""
    known = np.flatnonzero(np.isfinite(curve.slope))
    limit = curve.msd_limit_A2[-1]
    if not (len(known) and math.isfinite(limit) and limit > 0):
        return None
    if curve.slope[known[-1]] > 1.0 + 2 * curve.slope_error[known[-1]]:
        return None
    lag_fs, factor = float(curve.lag_fs[-1]), CM2_S / (6 * float(curve.lag_fs[-1]))
    method = f"MSD/6t of the tracer at t = {lag_fs / 1e3:.3g} ps"
    std = float(curve.msd_error_A2[-1]) * factor
    return upper_limit(float(limit) * factor, std, "cm2/s", curve.n_independent, method, (lag_fs, lag_fs))


def _bound_nernst_einstein(
    replicas: Sequence[Series],
    charges: Mapping[str, float],
    results: Mapping[str, Estimate | Refusal],
    temperature_K: float,
) -> Estimate | None:
    """Return the sum of the carriers' upper limits."""
    factor = float(np.mean([_conductivity_factor(one, temperature_K) for one in replicas])) / CM2_S
    lags: list[float] = []
    total, variance, n_effective = 0.0, 0.0, math.inf
    for name, charge in charges.items():
        result = results[f"tracer_diffusion_{name}"]
        bound = result.upper_bound if isinstance(result, Refusal) else result
        if bound is None:
            return None
        weight = factor * charge**2 * _count(replicas[0], name)
        total += weight * bound.ci95[1]
        variance += (weight * bound.std) ** 2
        n_effective = min(n_effective, bound.n_effective)
        lags.extend(bound.window or ())
    method = "Nernst–Einstein with the upper limits of the tracer diffusion"
    return upper_limit(total, math.sqrt(variance), "mS/cm", n_effective, method, (min(lags), max(lags)))


def _bound_conductivity(
    replicas: Sequence[Series], dipoles: Sequence[np.ndarray], temperature_K: float
) -> Estimate | None:
    """Return the upper limit of the charge displacement over 6t, at the longest lag that leaves eight blocks.

    Blocks are twice as long as the lag, so that they share no displacement.
    """
    lengths = [len(one.time_fs) - 1 for one in replicas]
    lag = max(1, min(lengths) // 2)
    while lag > 1 and sum(length // (2 * lag) for length in lengths) < _BOUND_BLOCKS:
        lag -= 1
    if sum(length // (2 * lag) for length in lengths) < _BOUND_BLOCKS:
        return None
    lag_fs = lag * replicas[0].interval_fs
    samples = []
    for one, dipole, length in zip(replicas, dipoles, lengths, strict=True):
        size = length // max(1, length // (2 * lag))
        blocks = [dipole[start : start + size + 1, None] for start in range(0, length - size + 1, size)]
        factor = _conductivity_factor(one, temperature_K) / (6 * lag_fs)
        samples.append(np.array([mean_squared_displacement(block, lag)[lag] for block in blocks]) * factor)
    mean = Groups.of(replicas).mean(samples)
    if not mean.value > 0:
        return None
    method = f"charge displacement at t = {lag_fs / 1e3:.3g} ps, {sum(map(len, samples))} blocks"
    return upper_limit(mean.limit(), mean.std, "mS/cm", mean.n_effective, method, (lag_fs, lag_fs))
