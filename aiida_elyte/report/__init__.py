"""From a finished, running or failed street to one page: tables, figures, and the way back to the frames."""

from aiida_elyte.report.collect import collect
from aiida_elyte.report.html import write_html
from aiida_elyte.report.results import write_json

__all__ = ["collect", "write_html", "write_json"]
