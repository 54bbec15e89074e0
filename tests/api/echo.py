"""A WorkChain that starts no job: it returns its input."""

from aiida import orm
from aiida.engine import WorkChain


class EchoWorkChain(WorkChain):
    @classmethod
    def define(cls, spec):
        super().define(spec)
        spec.input("x", valid_type=orm.Int)
        spec.output("x", valid_type=orm.Int)
        spec.outline(cls.echo)

    def echo(self):
        self.out("x", self.inputs.x)
