"""Does choosing pay? Active learning on real PBE labels that are known already, the last round held out.

Data: Li20Ge2P4S24, 50 atoms, PBE, generated with DP-GEN: an initial set near equilibrium and four rounds of active
learning. A committee begins with a few frames of the initial set. In each round it looks at some hundred frames of the
pool, which is all but the last round; a selector buys labels; the members are trained anew on all labels. Errors are
those of the committee's mean forces on the last round, of which nothing is ever bought, and by which nothing was tuned
(`--held-out 3` holds out the third round for that, and leaves the last alone).

Before the labels of a round are trained on, the calibration of the rounds before is judged by them: how many of their
force errors lie below its bounds of 90 %.

    python examples/benchmarks/learning_retrospective.py --out retrospective

Every round is kept as it is done, with commit and seed; the command goes on where it was interrupted. `--tiny` takes a
minute and shows nothing but that it runs.
"""

import argparse
import json
import subprocess
import time
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from ase import Atoms
from sheets import Sheet, add_table_option

from aiida_elyte.plugins import configure
from aiida_elyte.science.frames import attach_committee, attach_labels, block_of, labels_of, read_frames
from aiida_elyte.science.learning.calibration import Calibration, CalibrationSettings, judge_calibration
from aiida_elyte.science.learning.calibration_fit import fit_calibration
from aiida_elyte.science.learning.observations import Observations, observe
from aiida_elyte.science.learning.selection import Candidates
from aiida_elyte.science.potentials.painn.model import Painn
from aiida_elyte.science.potentials.painn.settings import complete_settings
from aiida_elyte.science.potentials.painn.start import start_painn
from aiida_elyte.science.potentials.painn.training import Example, PainnTrainer, make_examples, parity_of
from aiida_elyte.science.statistics.spread import ForceSpread, force_spread

ROOT = Path(__file__).resolve().parents[2]
SELECTORS = {
    "random": {},
    "novelty": {},
    "spread": {"threshold_eV_A": 0.0},
    "calibrated": {"tolerance_eV_A": 0.1},
}
"""Settings of each; as many labels are bought by all, so that thresholds and tolerance must not end the learning."""
SETTINGS = {"architecture": {"n_features": 16, "n_layers": 2, "cutoff_A": 4.5}, "batch_size": 4}
N_TEST = 200
LEVEL = 0.9
_FIRST: dict[int, list[Painn]] = {}
"""Members of the first training by seed."""


def main() -> None:
    arguments = parse_arguments()
    torch.set_num_threads(1)  # frames of 50 atoms are too small to share
    arguments.out.mkdir(parents=True, exist_ok=True)
    if arguments.tiny:
        arguments.steps, arguments.rounds, arguments.seeds, arguments.candidates = 15, 2, 1, 20
        arguments.labels, arguments.initial = 6, 8
    frames = read_frames(arguments.data)
    for index, frame in enumerate(frames):
        frame.info |= {"level_of_theory": "PBE", "place": index}
    blocks = list(dict.fromkeys(map(block_of, frames)))
    held_out = blocks[arguments.held_out]
    later = blocks[blocks.index(held_out) :]
    pool = [frame for frame in frames if block_of(frame) not in later]
    test = [frame for frame in frames if block_of(frame) == held_out][: 10 if arguments.tiny else N_TEST]
    initial = [frame for frame in pool if block_of(frame) == blocks[0]]
    done: list[dict[str, Any]] = []
    for seed in range(arguments.seeds):
        for selector in arguments.selectors:
            done += Street(arguments, selector, seed, pool, initial, test).run()
    tell(done, arguments).write(arguments.table)


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    default = ROOT.parent / "shared" / "data" / "lgps_pbe_50atoms.extxyz"
    parser.add_argument("data", nargs="?", type=Path, default=default, help="extxyz with `origin` in info")
    parser.add_argument("--out", type=Path, default=Path("retrospective"), help="folder of the results")
    parser.add_argument("--held-out", type=int, default=-1, help="place of the block of frames that is held out")
    parser.add_argument("--selectors", nargs="+", choices=SELECTORS, default=list(SELECTORS))
    parser.add_argument("--seeds", type=int, default=2, help="runs of each selector")
    parser.add_argument("--rounds", type=int, default=3, help="rounds of each run")
    parser.add_argument("--labels", type=int, default=20, help="labels of each round")
    parser.add_argument("--initial", type=int, default=40, help="frames that a run begins with")
    parser.add_argument("--candidates", type=int, default=250, help="frames of the pool that a round looks at")
    parser.add_argument("--members", type=int, default=3, help="members of the committee")
    parser.add_argument("--steps", type=int, default=300, help="steps of each training")
    parser.add_argument("--tiny", action="store_true", help="one seed, two rounds, hardly any training")
    add_table_option(parser)
    return parser.parse_args()


class Street:
    """One run: a selector, a seed, its rounds; what is done already is read from its file."""

    def __init__(
        self,
        arguments: argparse.Namespace,
        selector: str,
        seed: int,
        pool: list[Atoms],
        initial: list[Atoms],
        test: list[Atoms],
    ) -> None:
        self.arguments, self.selector, self.seed = arguments, selector, seed
        self.pool = {frame.info["place"]: frame for frame in pool}
        self.initial, self.test = initial, test
        self.file = arguments.out / f"{selector}_{seed}.json"
        self.rounds: list[dict[str, Any]] = json.loads(self.file.read_text()) if self.file.exists() else []
        self.known = self._first()
        self.observations, self.calibration = Observations.none(), None

    def run(self) -> list[dict[str, Any]]:
        """Return the records of all rounds; round 0 is the first training alone."""
        for number in range(self.arguments.rounds + 1):
            if number < len(self.rounds):
                self._resume(self.rounds[number])
                continue
            start = time.monotonic()
            record: dict[str, Any] = {"selector": self.selector, "seed": self.seed, "round": number}
            if number:
                record |= self._buy(number)
            members = self._train(number)
            record |= {"n_bought": len(self.known) - self.arguments.initial, **self._judge(members)}
            record |= {"commit": commit(), "seconds": round(time.monotonic() - start, 1)}
            self.members = members
            self.rounds.append(record)
            self.file.write_text(json.dumps(self.rounds, indent=1))
            print(self.selector, self.seed, number, {key: record[key] for key in ("mae", "p99", "seconds")}, flush=True)
        return self.rounds[: self.arguments.rounds + 1]

    def _first(self) -> list[int]:
        """Return the frames that every selector begins with: the same of one seed."""
        chosen = np.random.default_rng([self.seed, 1]).choice(len(self.initial), self.arguments.initial, replace=False)
        return [self.initial[place].info["place"] for place in np.sort(chosen)]

    def _resume(self, record: dict[str, Any]) -> None:
        self.known += record.get("bought", [])
        if "observations" in record:
            kinds = {"numbers": int, "frames": int, "rounds": int}
            arrays = {name: np.array(each, kinds.get(name, float)) for name, each in record["observations"].items()}
            self.observations = Observations.from_arrays(arrays)
            self.calibration = Calibration.from_dict(record["calibration"])
        self.members = None

    def _buy(self, number: int) -> dict[str, Any]:
        """Buy the labels of a round, and calibrate by them before anything is trained on them."""
        rng = np.random.default_rng([self.seed, 2, number])  # the same candidates for every selector
        free = np.array(sorted(set(self.pool) - set(self.known)))
        looked_at = rng.choice(free, min(self.arguments.candidates, len(free)), replace=False)
        candidates = [self._bare(place) for place in looked_at]
        members = self.members or self._train(number - 1)
        spreads = spreads_of(members, candidates)
        for frame, spread in zip(candidates, spreads, strict=True):
            attach_committee(frame, spread.mean_forces, spread.per_atom)
        known = [self.pool[place] for place in self.known]
        given = Candidates(candidates, np.array([one.maximum for one in spreads]), known, self.calibration)
        chooser = configure("selectors", self.selector, SELECTORS[self.selector], "selection")
        chosen = chooser.select(given, self.arguments.labels, rng)
        bought = [int(looked_at[index]) for index in chosen]
        labelled = [self.pool[place] for place in bought]
        new = observe(labelled, [candidates[index] for index in chosen], known)
        settings = CalibrationSettings()
        judged = None if self.calibration is None else judge_calibration(self.calibration, new)
        self.observations = self.observations.pooled(new, settings.rounds)
        self.calibration = fit_calibration(self.observations, settings, None)
        self.known += bought
        observed = {name: np.round(each, 6).tolist() for name, each in self.observations.to_arrays().items()}
        return {
            "bought": bought,
            "reliability": judged,
            "calibration": self.calibration.as_dict(),
            "observations": observed,
        }

    def _bare(self, place: int) -> Atoms:
        frame = self.pool[place].copy()  # a copy has no labels
        frame.info["origin"] = self.pool[place].info["origin"]
        return frame

    def _train(self, number: int) -> list[Painn]:
        """Return the members, trained anew on all labels for the same number of steps.

        Those of the first training are the same for all selectors, and kept.
        """
        if not number and self.seed in _FIRST:
            return _FIRST[self.seed]
        known = [self.pool[place] for place in self.known]
        n_validation = max(2, len(known) // 10)
        order = np.random.default_rng([self.seed, 3, number]).permutation(len(known))
        validation, train = ([known[place] for place in part] for part in np.split(order, [n_validation]))
        examples = [make_examples(side, 4.5, torch.float32, "cpu") for side in (train, validation)]
        epochs = max(1, round(self.arguments.steps * SETTINGS["batch_size"] / len(train)))
        members = []
        for member in range(self.arguments.members):
            seed = 1000 * self.seed + member
            settings = complete_settings({**SETTINGS, "max_epochs": epochs, "seed": seed})
            trainer = PainnTrainer(start_painn(settings, train, "PBE"), settings, *examples)
            while not trainer.is_finished:
                trainer.run_epoch(lambda: 0.0, lambda: False)
            members.append(trainer.finish())
        if not number:
            _FIRST[self.seed] = members
        return members

    def _judge(self, members: list[Painn]) -> dict[str, float]:
        """Return the errors of the committee's mean on the round that is held out [eV/Å]."""
        forces = np.concatenate([spread.mean_forces for spread in spreads_of(members, self.test)])
        deviations = forces - np.concatenate([labels_of(frame)["forces"] for frame in self.test])
        lengths = np.linalg.norm(deviations, axis=1)
        return {"mae": float(np.abs(deviations).mean()), "p99": float(np.percentile(lengths, 99))}


def spreads_of(members: list[Painn], frames: list[Atoms]) -> list[ForceSpread]:
    """Return what a committee says of frames, labelled or not."""
    examples = examples_of(frames)
    forces = np.stack([parity_of(member, examples)["forces"] for member in members])
    ends = np.cumsum([len(frame) for frame in frames])[:-1]
    return [force_spread(part) for part in np.split(forces, ends, axis=1)]


def examples_of(frames: list[Atoms]) -> list[Example]:
    """Return frames as the network takes them; those without labels get zeros in their place, which nothing reads."""
    bare = [attach_labels(frame.copy(), energy=0.0, forces=np.zeros((len(frame), 3))) for frame in frames]
    return make_examples(bare, 4.5, torch.float32, "cpu")


@cache
def commit() -> str:
    """Return the commit of the code, with a mark if it was changed since."""
    command = ["git", "describe", "--always", "--dirty", "--abbrev=10", "--exclude=*"]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False).stdout.strip() or "unknown"


def tell(done: list[dict[str, Any]], arguments: argparse.Namespace) -> Sheet:
    """Return the errors against the labels bought, and the coverage of the bounds."""
    sheet = Sheet()
    commits = ", ".join(sorted({record["commit"] for record in done}))
    sheet.say(
        f"{arguments.seeds} runs of each selector, seeds from 0, commit {commits}: {arguments.members} members of 16 "
        f"features, {arguments.steps} steps of training a round; runs begin with {arguments.initial} frames, and each "
        f"round looks at {arguments.candidates} of the pool."
    )
    sheet.say(
        "Errors on the last round, meV/Å: MAE of components / 99th percentile of the length of the error, mean "
        "over the runs and half their range:"
    )
    sheet.columns("labels bought", *arguments.selectors)
    for number in range(arguments.rounds + 1):
        cells = []
        for selector in arguments.selectors:
            mine = [one for one in done if one["selector"] == selector and one["round"] == number]
            cells.append(" / ".join(span([1000 * one[key] for one in mine]) for key in ("mae", "p99")))
        sheet.row(number * arguments.labels, *cells)
    sheet.say(
        f"Share of the errors of new labels below the bound of {100 * LEVEL:.0f} %, of the calibration before they "
        "were trained on, pooled over rounds from the second on and over runs, and its standard error over frames, %:"
    )
    elements = sorted(
        {name for one in done for part in (one.get("reliability") or [])[:1] for name in part["elements"]}
    )
    sheet.columns("", "labelled frames", "all atoms", *elements, "frames", "error / spread")
    for selector in arguments.selectors:
        judged = [
            part
            for one in done
            if one["selector"] == selector
            for part in one.get("reliability") or []
            if part["nominal"] == LEVEL
        ]
        cells = [pooled([part["elements"][name] for part in judged if name in part["elements"]]) for name in elements]
        n_frames = sum(part["n_frames"] for part in judged)
        frames = 100 * sum(part["frames"] * part["n_frames"] for part in judged) / max(n_frames, 1)
        factors = [one["calibration"]["factor"] for one in done if one["selector"] == selector and "calibration" in one]
        sheet.row(selector, n_frames, pooled(judged), *cells, f"{frames:.0f}", f"{min(factors):.1f}–{max(factors):.1f}")
    return sheet


def span(values: list[float]) -> str:
    """Return a mean and half the range."""
    return f"{np.mean(values):.0f} ± {np.ptp(values) / 2:.0f}"


def pooled(parts: list[dict[str, Any]]) -> str:
    """Return a share of several rounds, weighted by their frames, with its standard error."""
    weights = np.array([part["n_frames"] for part in parts], float)
    shares = np.array([part["observed"] for part in parts])
    errors = np.array([part["error"] or 0.0 for part in parts])
    if not weights.sum():
        return ""
    weights /= weights.sum()
    return f"{100 * (weights @ shares):.1f} ± {100 * np.sqrt((weights**2) @ errors**2):.1f}"


if __name__ == "__main__":
    main()
