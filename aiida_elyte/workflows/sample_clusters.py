"""Sample clusters, restarted where needed."""

from aiida_elyte.calculations.sample_clusters import SampleClustersCalculation
from aiida_elyte.workflows.script import ScriptBaseWorkChain

__all__ = ["SampleClustersBaseWorkChain"]


class SampleClustersBaseWorkChain(ScriptBaseWorkChain):
    """Run clusters and small boxes; a job that ends early resumes after the last finished run."""

    _process_class = SampleClustersCalculation
    PROTOCOL = "sample_clusters"
    CODES = ("engine",)
