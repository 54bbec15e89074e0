"""Every example runs, at its tiny setting; those that show the library do so in ten lines."""

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[1] / "examples"


def run_example(name, *arguments, folder):
    return subprocess.run(
        [sys.executable, EXAMPLES / name, *arguments],
        cwd=folder,
        env={**os.environ, "AIIDA_PATH": str(folder)},
        capture_output=True,
        text=True,
        check=False,
    )


def lines_of_code(path):
    """Return the number of lines that hold code: imports and the check count, docstrings and comments do not."""
    tree = ast.parse(path.read_text())
    statements = [node for node in ast.walk(tree) if isinstance(node, ast.stmt) and node is not tree.body[0]]
    return len({line for node in statements for line in range(node.lineno, node.end_lineno + 1)})


@pytest.mark.parametrize("number", ["01", "03", "04", "05", "06"])
def test_a_task_takes_ten_lines(number):
    (path,) = EXAMPLES.glob(f"{number}_*.py")
    assert lines_of_code(path) <= 10
    assert isinstance(ast.parse(path.read_text()).body[-1], ast.Assert)


def test_demo_as_a_script(tmp_path):
    pytest.importorskip("tblite")
    done = run_example("01_demo.py", EXAMPLES / "01_demo_tiny.yaml", folder=tmp_path)
    assert done.returncode == 0, done.stderr[-2000:]
    assert "T0300_00: " in done.stdout
    assert "GFN1-xTB" in (tmp_path / "report.html").read_text()


@pytest.mark.engine("pw.x")
def test_quantum_espresso_example(tmp_path):
    folder = os.environ.get("ELYTE_PSEUDOS")
    if folder is None:
        if os.environ.get("ELYTE_REQUIRE_ENGINES") == "1":
            pytest.fail("ELYTE_PSEUDOS names no folder with UPF files; make one with examples/pseudopotentials.py")
        pytest.skip("ELYTE_PSEUDOS names no folder with UPF files; make one with examples/pseudopotentials.py")
    done = run_example("02_li6ps5cl_quantum_espresso.py", folder, "--tiny", folder=tmp_path)
    assert done.returncode == 0, done.stderr[-2000:]
    assert "force_mae_eV_A" in done.stdout


@pytest.mark.engine("lmp")
def test_liquid_example(tmp_path):
    pytest.importorskip("tblite")
    given = EXAMPLES / "recipes" / "dme_lipf6_tiny.yaml", EXAMPLES / "03_dme_lipf6_tiny.yaml"
    done = run_example("03_dme_lipf6.py", *given, folder=tmp_path)
    assert done.returncode == 0, done.stderr[-2000:]
    assert "labelled clusters:" in done.stdout
    assert "conductivity:" in done.stdout


def test_potential_is_trained_and_used(tmp_path):
    pytest.importorskip("torch")
    done = run_example("05_train_and_use_a_potential.py", folder=tmp_path)
    assert done.returncode == 0, done.stderr[-2000:]
    assert "force MAE" in done.stdout


def test_force_field_is_fitted_and_exported(tmp_path):
    pytest.importorskip("tblite")
    done = run_example("06_fit_and_export_a_force_field.py", folder=tmp_path)
    assert done.returncode == 0, done.stderr[-2000:]
    assert "force RMSE" in done.stdout
    assert "9 atoms" in (tmp_path / "dimethyl_ether" / "system.data").read_text()


def test_analysis_of_a_trajectory(tmp_path):
    done = run_example("04_analyse_trajectory.py", folder=tmp_path)
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stdout.startswith("σ = ")
