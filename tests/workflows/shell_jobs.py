"""A fan-out of jobs that run a line of shell, in a module of its own, where a daemon finds it."""

import os
import signal
from pathlib import Path

from aiida import orm
from aiida.calculations.arithmetic.add import ArithmeticAddCalculation
from aiida.common import AttributeDict
from aiida.engine import while_

from aiida_elyte.workflows.fan_out import FanOutWorkChain

__all__ = ["ShellJobsWorkChain"]


class ShellJobsWorkChain(FanOutWorkChain):
    """One job for each line, which adds its number to zero after it; one with the line ``fail`` fails.

    The line ``kill FILE`` kills, unless the file exists, the worker that is about to submit its job.
    """

    @classmethod
    def define(cls, spec):
        """Define ports and outline."""
        super().define(spec)
        spec.input("code", valid_type=orm.AbstractCode)
        spec.input("lines", valid_type=orm.List)
        spec.output("ended", valid_type=orm.List)
        spec.output("first", valid_type=orm.Int)
        spec.outline(cls.setup, while_(cls.should_run_children)(cls.run_children, cls.inspect_children), cls.results)

    def setup(self):
        """Start with no job."""
        self.ctx.ended, self.ctx.sums = [], {}

    def list_children(self):
        """Return the names of the jobs."""
        return [f"j{index:02d}" for index in range(len(self.inputs.lines))]

    def call_label(self, name):
        """Return the label of a call."""
        return f"job_{name}"

    def build_child(self, name):
        """Return an addition after the line."""
        index = int(name[1:])
        line = self.inputs.lines[index]
        word, _, rest = line.partition(" ")
        if word == "kill":
            line = ""
            if not Path(rest).exists():
                Path(rest).touch()
                os.kill(os.getpid(), signal.SIGKILL)
        options = {"resources": {"num_machines": 1}, "prepend_text": line if line != "fail" else ""}
        x = orm.Int(index if line != "fail" else -1000)
        inputs = {"code": self.inputs.code, "x": x, "y": orm.Int(0), "metadata": {"options": options}}
        return ArithmeticAddCalculation, AttributeDict(inputs)

    def inspect_child(self, name, node):
        """Note the job."""
        self.ctx.ended.append([name, node.exit_status])
        if node.is_finished_ok:
            self.ctx.sums[name] = node.outputs.sum

    def results(self):
        """Attach the order in which jobs ended, and the sum of the first that did not fail."""
        self.out("ended", orm.List(self.ctx.ended).store())
        self.out("first", self.first_of(self.ctx.sums))
