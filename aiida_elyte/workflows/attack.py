"""Adversarial attacks on an ensemble, restarted where needed."""

from aiida_elyte.calculations.attack import AttackCalculation
from aiida_elyte.workflows.script import ScriptBaseWorkChain

__all__ = ["AttackBaseWorkChain"]


class AttackBaseWorkChain(ScriptBaseWorkChain):
    """Attack from several frames; a job that ends early resumes after the last batch of them."""

    _process_class = AttackCalculation
    PROTOCOL = "attack"
    CODES = ()
    LEAST_MEMBERS = 2
