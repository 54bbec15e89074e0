"""Residence times: how long a ligand stays in the first shell of an ion."""

import math
from dataclasses import dataclass, replace

import numpy as np
from scipy import fft, stats

from aiida_elyte.errors import InputError
from aiida_elyte.science.statistics.estimate import Estimate, Refusal
from aiida_elyte.science.structure.contacts import Contacts

__all__ = ["Residence", "residence_times"]

_MAX_NUMBERS = 8_000_000
"""Numbers transformed together: bounds the memory to some 200 MB."""

_MAX_GROUPS, _MIN_GROUPS = 16, 8
"""Groups over which the jackknife of the errors goes: of ions, and of times of origin too where ions are few."""

_MIN_STRETCH = 3.0
"""Times of origin in two groups are independent when their stretches are this many residence times long."""

_WINDOW = 5.0
"""A correlation function is integrated up to this many residence times, where an exponential has lost all but 1 %."""

_FIT_END = math.exp(-2)
"""An exponential is fitted down to this value."""

_MIN_FITTED = 3
"""Fewer frames than this until 1/e show no decay."""


@dataclass(frozen=True)
class Residence:
    """How long ligands stay: two correlation functions of the contacts, and the times of their decay."""

    pair: tuple[str, str]
    """Species of the ions, and of the ligands."""
    lag_fs: np.ndarray
    """Lags up to half the run [fs], shape ``(L,)``."""
    continuous: np.ndarray
    """Probability that a contact has lasted all the while, but for the allowed absences, shape ``(L,)``."""
    intermittent: np.ndarray
    """Probability that a contact is there again, less that by chance, relative to its start, shape ``(L,)``."""
    continuous_time: Estimate | Refusal
    """Integral of the continuous function [fs]: the mean time until a ligand leaves."""
    continuous_fit: Estimate | Refusal
    """Time of an exponential fitted to it [fs]."""
    intermittent_time: Estimate | Refusal
    """Integral of the intermittent function [fs]: the time after which it is forgotten who was in contact."""
    intermittent_fit: Estimate | Refusal
    """Time of an exponential fitted to it [fs]."""
    n_departures: int
    """Times a ligand has left."""


def residence_times(contacts: Contacts, allowed_absence_fs: float = 0.0) -> Residence:
    r"""Estimate residence times from contacts.

    .. math::
        S(t) = \frac{\langle \prod_{0 \le s \le t} H(s) \rangle}{\langle H \rangle}, \qquad
        C(t) = \frac{\langle h(0) h(t) \rangle - \langle h \rangle^2}{\langle h \rangle - \langle h \rangle^2}

    with h = 1 while a pair is in contact, else 0, and H the same with absences up to ``allowed_absence_fs`` filled. All
    times that leave room for the lag are origins. Errors come from a jackknife over groups of ions, which take
    their own ways, and over times of origin too where there are fewer than eight ions.

    Parameters
    ----------
    contacts
        Contacts of one run.
    allowed_absence_fs
        Longest absence that is not a departure [fs], the t* of Impey, Madden and McDonald; it concerns S only.

    Returns
    -------
    Residence
        Times are refused where their function does not fall below 1/e within half the run, or does so within three
        frames, and where few ions and few residence times leave no error bar.

    Raises
    ------
    InputError
        If there are fewer than four frames or the absence is negative.

    References
    ----------
    Impey, Madden, McDonald, J. Phys. Chem. 87, 5071 (1983), DOI 10.1021/j150643a008; for the intermittent function
    Luzar, Chandler, Nature 379, 55 (1996), DOI 10.1038/379055a0.
    """
    if contacts.n_frames < 4:
        raise InputError(f"contacts span {contacts.n_frames} frames; expected at least four; run longer")
    if not allowed_absence_fs >= 0:
        raise InputError(f"allowed_absence_fs is {allowed_absence_fs}; expected zero or a positive time")
    filled = _fill_absences(contacts, allowed_absence_fs)
    groups = _Groups.of(contacts)
    stay = _Decay(groups.lasting(filled, filled.end), groups.lasting(filled, contacts.n_frames), None, filled)
    meet = _Decay(
        groups.meeting(contacts), groups.lasting(contacts, contacts.n_frames), groups.opportunities(contacts), contacts
    )
    continuous_time, continuous_fit = stay.times("the continuous correlation of contacts", groups)
    intermittent_time, intermittent_fit = meet.times("the intermittent correlation of contacts", groups)
    return Residence(
        pair=contacts.pair,
        lag_fs=np.arange(groups.n_lags) * contacts.interval_fs,
        continuous=stay.curve,
        intermittent=meet.curve,
        continuous_time=continuous_time,
        continuous_fit=continuous_fit,
        intermittent_time=intermittent_time,
        intermittent_fit=intermittent_fit,
        n_departures=int((filled.end < contacts.n_frames).sum()),
    )


def _fill_absences(contacts: Contacts, allowed_fs: float) -> Contacts:
    """Return the contacts with the runs of a pair joined over absences of at most the allowed time."""
    if not len(contacts.start):
        return contacts
    is_return = (contacts.ion[1:] == contacts.ion[:-1]) & (contacts.ligand[1:] == contacts.ligand[:-1])
    absence_fs = (contacts.start[1:] - contacts.end[:-1]) * contacts.interval_fs
    joins = is_return & (absence_fs <= allowed_fs * (1 + 1e-9))
    first, last = np.append(True, ~joins), np.append(~joins, True)
    return replace(
        contacts,
        ion=contacts.ion[first],
        ligand=contacts.ligand[first],
        start=contacts.start[first],
        end=contacts.end[last],
    )


@dataclass(frozen=True)
class _Groups:
    """Groups of ions and of times of origin, over which pairs of times are counted lag by lag."""

    n_ions: int
    """Groups of ions."""
    edges: np.ndarray
    """Frames at which the stretches of origins begin and end."""
    n_frames: int
    n_lags: int

    @classmethod
    def of(cls, contacts: Contacts) -> "_Groups":
        n_ions = min(_MAX_GROUPS, contacts.n_ions)
        n_stretches = 1 if n_ions >= _MIN_GROUPS else math.ceil(_MIN_GROUPS / n_ions)
        edges = np.linspace(0, contacts.n_frames, n_stretches + 1).astype(int)
        return cls(n_ions, edges, contacts.n_frames, contacts.n_frames // 2 + 1)

    @property
    def n_stretches(self) -> int:
        return len(self.edges) - 1

    def opportunities(self, contacts: Contacts) -> np.ndarray:
        """Count the origins that there could be, shape ``(G,)``."""
        ions = np.bincount(np.arange(contacts.n_ions) % self.n_ions) * contacts.n_possible / contacts.n_ions
        return np.asarray(np.outer(ions, np.diff(self.edges)).ravel())

    def lasting(self, contacts: Contacts, until: np.ndarray | int) -> np.ndarray:
        """Count the origins in contact after which more than k frames are left until the given one, shape ``(G, L)``.

        An origin at frame t has ``until`` − t frames left, itself included; those of a run are consecutive numbers.
        """
        size = self.n_frames + 2
        steps = np.zeros((self.n_ions * self.n_stretches, size))
        until = np.broadcast_to(until, contacts.end.shape)
        for stretch in range(self.n_stretches):
            first = np.maximum(contacts.start, self.edges[stretch])
            after = np.minimum(contacts.end, self.edges[stretch + 1])
            inside = first < after
            group = (contacts.ion[inside] % self.n_ions) * self.n_stretches + stretch
            for left, sign in ((until - after + 1, 1.0), (until - first + 1, -1.0)):
                steps += sign * np.bincount(group * size + left[inside], minlength=steps.size).reshape(steps.shape)
        origins = np.cumsum(steps, axis=1)
        return np.cumsum(origins[:, ::-1], axis=1)[:, ::-1][:, 1 : self.n_lags + 1]

    def meeting(self, contacts: Contacts) -> np.ndarray:
        """Count the origins in contact after which the pair is in contact k frames later, shape ``(G, L)``."""
        size = fft.next_fast_len(self.n_frames + self.n_lags, real=True)
        spectra = np.zeros((self.n_ions * self.n_stretches, size // 2 + 1), dtype=complex)
        begins = np.flatnonzero(np.append(True, (np.diff(contacts.ion) != 0) | (np.diff(contacts.ligand) != 0)))
        bounds = np.append(begins, len(contacts.start)) if len(contacts.start) else np.zeros(1, dtype=int)
        portion = max(1, _MAX_NUMBERS // size)
        for pair in range(0, len(bounds) - 1, portion):
            of_pair = bounds[pair : pair + portion + 1]
            runs = slice(of_pair[0], of_pair[-1])
            row = np.repeat(np.arange(len(of_pair) - 1), np.diff(of_pair))
            steps = np.zeros((len(of_pair) - 1, self.n_frames + 1))
            steps[row, contacts.start[runs]] += 1.0
            steps[row, contacts.end[runs]] -= 1.0
            state = np.cumsum(steps, axis=1)[:, :-1]
            later = fft.rfft(state, n=size, axis=1)
            group = contacts.ion[of_pair[:-1]] % self.n_ions
            for stretch in range(self.n_stretches):
                begin, end = self.edges[stretch : stretch + 2]
                origin = np.zeros_like(state)
                origin[:, begin:end] = state[:, begin:end]
                product = fft.rfft(origin, n=size, axis=1).conj() * later
                np.add.at(spectra, group * self.n_stretches + stretch, product)
        return np.asarray(np.rint(fft.irfft(spectra, n=size, axis=1)[:, : self.n_lags]))


class _Decay:
    """A correlation function of contacts as the ratio of two counts, and the time of its decay.

    Parameters
    ----------
    hits, origins
        Counts by group and lag, shape ``(G, L)``.
    opportunities
        Origins that there could be by group, shape ``(G,)``: contacts by chance are as frequent as origins are among
        them, and are taken off; ``None`` takes nothing off.
    contacts
        What was counted.
    """

    def __init__(
        self, hits: np.ndarray, origins: np.ndarray, opportunities: np.ndarray | None, contacts: Contacts
    ) -> None:
        n_groups = len(hits)
        self._counts = np.concatenate([hits, origins], axis=1)
        self._opportunities = np.full(n_groups, np.inf) if opportunities is None else opportunities
        self._is_continuous = opportunities is None
        self._is_used = origins[:, 0] > 0
        self._contacts = contacts
        self.curve = self._ratio(np.ones((1, n_groups)))[0]

    def _ratio(self, weights: np.ndarray) -> np.ndarray:
        """Return the function over groups of given weights, shape ``(n, G)``, one or zero; shape ``(n, L)``."""
        hits, origins = np.split(weights @ self._counts, 2, axis=1)
        possible = np.where(weights > 0, self._opportunities, 0.0).sum(axis=1)
        with np.errstate(divide="ignore", invalid="ignore"):
            chance = (origins[:, 0] / possible)[:, None]
            return np.asarray((hits / origins - chance) / (1 - chance))

    def times(self, name: str, groups: _Groups) -> tuple[Estimate | Refusal, Estimate | Refusal]:
        """Return the integral of the function and the time of an exponential fitted to it, or why there is none."""
        step_fs = self._contacts.interval_fs
        reason = self._obstacle(name)
        if reason:
            return Refusal(reason), Refusal(reason)
        is_fitted = np.cumsum(self.curve < _FIT_END) == 0
        areas = np.append(0.0, np.cumsum((self.curve[1:] + self.curve[:-1]) / 2))
        is_wide = np.arange(len(areas)) >= _WINDOW * areas
        is_wide[0] = False
        end = int(is_wide.argmax()) if is_wide.any() else len(areas) - 1
        value = _integral_and_fit(self.curve, is_fitted, end) * step_fs
        stretch_fs = groups.n_frames / groups.n_stretches * step_fs
        if groups.n_stretches > 1 and stretch_fs < _MIN_STRETCH * value[0]:
            reason = (
                f"{name} decays in {value[0] / 1e3:.3g} ps; {self._contacts.n_ions} ions and a run of "
                f"{groups.n_frames * step_fs / 1e3:.3g} ps leave no error bar; add ions or run longer"
            )
            return Refusal(reason), Refusal(reason)
        without = self._ratio(1.0 - np.eye(len(self._is_used))[self._is_used])
        if len(without) < _MIN_GROUPS or not (np.isfinite(without).all() and (without[:, is_fitted] > 0).all()):
            reason = f"{len(without)} groups of ions were in contact, too few for an error bar; add ions or run longer"
            return Refusal(reason), Refusal(reason)
        samples = np.array([_integral_and_fit(curve, is_fitted, end) for curve in without]) * step_fs
        std = np.sqrt((len(samples) - 1) * samples.var(axis=0))
        factor = np.exp(stats.t.ppf(0.975, len(samples) - 1) * std / value)
        window = end * step_fs, int(is_fitted.sum() - 1) * step_fs
        methods = f"integral of {name} with an exponential tail", f"exponential fitted to {name}"
        integral, fit = (
            Estimate(
                float(value[k]),
                float(std[k]),
                (float(value[k] / factor[k]), float(value[k] * factor[k])),
                "fs",
                float(len(samples)),
                f"{methods[k]}, error by jackknife over {len(samples)} groups of ions",
                (0.0, window[k]),
            )
            for k in range(2)
        )
        return integral, fit

    def _obstacle(self, name: str) -> str:
        """Say why the function shows no time of decay; empty when it does."""
        contacts, step_ps = self._contacts, self._contacts.interval_fs / 1e3
        if not len(contacts.start):
            return f"no {contacts.pair[1]} ever is in contact with {contacts.pair[0]}; enlarge the cut-off"
        if contacts.start.min() > contacts.n_frames - len(self.curve):
            return f"no {contacts.pair[1]} is in contact with {contacts.pair[0]} before half the run; run longer"
        is_low = self.curve < math.exp(-1)
        if is_low.any() and is_low.argmax() >= _MIN_FITTED:
            return ""
        if is_low.any():
            return f"{name} falls below 1/e within {is_low.argmax()} frames; write frames more often"
        reason = f"{name} does not fall below 1/e within half the run, {(len(self.curve) - 1) * step_ps:.3g} ps"
        area_ps = float(np.nan_to_num(self.curve).sum()) * step_ps
        stayed_ps = float((contacts.end - contacts.start).sum()) * step_ps
        departures = int((contacts.end < contacts.n_frames).sum())
        limit_ps = 2 * stayed_ps / float(stats.chi2.ppf(0.95, 2 * (departures + 1)))
        if self._is_continuous and limit_ps > area_ps:
            return (
                f"{reason}; {departures} departures in {stayed_ps:.3g} ps of contact: its time is longer than "
                f"{limit_ps:.3g} ps, at 95 % if departures are independent; run longer"
            )
        return f"{reason}; its time is longer than its integral so far, {area_ps:.3g} ps; run longer"


def _integral_and_fit(curve: np.ndarray, is_fitted: np.ndarray, end: int) -> np.ndarray:
    """Return the integral of a decay and the time of an exponential fitted to it, in frames, shape ``(2,)``."""
    fitted = np.flatnonzero(is_fitted)
    centred = fitted - fitted.mean()
    time = -(centred @ centred) / (np.log(curve[fitted]) @ centred)
    return np.array([curve[1:end].sum() + (curve[0] + curve[end]) / 2 + curve[end] * time, time])
