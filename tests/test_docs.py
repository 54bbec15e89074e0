"""What the pages say exists: files behind links, commands with their options, modules, files of the package."""

import ast
import inspect
import re
import shlex
from functools import cache
from importlib import import_module
from pathlib import Path

import click
import pytest
import yaml

import aiida_elyte as elyte
from aiida_elyte.cli import main
from aiida_elyte.plugins import GROUPS, configure_all
from aiida_elyte.workflows.active_learning import ActiveLearningWorkChain
from aiida_elyte.workflows.conductivity import ConductivityWorkChain
from aiida_elyte.workflows.crystal import CrystalWorkChain

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted(DOCS.rglob("*.md"))]
NEWS = ROOT / "CHANGELOG.md"
LONGEST, LONGEST_ROW = 120, 140
GENERATED = "formats.md"
"""A page that a script writes."""
FOREIGN = {"--seeds", "--steps", "--repeats", "--tiny", "--shuffled", "--table"}
"""Options of scripts and of other programs."""

each_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))


def blocks(text, language=r"\w*"):
    """Return the content of blocks of code."""
    return re.findall(rf"^ *```{language}\n(.*?)^ *```", text, re.DOTALL | re.MULTILINE)


def without_code(text):
    return re.sub(r"`[^`\n]+`", "", without_blocks(text))


def without_blocks(text):
    return re.sub(r"^ *```.*?^ *```", "", text, flags=re.DOTALL | re.MULTILINE)


def lines_of_commands(text):
    """Return what stands behind ``aiida-elyte`` in blocks of code, lines that go on joined, and in inline code."""
    for block in blocks(text):
        yield from re.findall(r"^aiida-elyte (.*)$", block.replace("\\\n", " "), re.MULTILINE)
    yield from (" ".join(found.split()) for found in re.findall(r"`aiida-elyte ([^`]+)`", text))


def follow(words):
    """Return the command that words name, and the words behind its name."""
    command = main
    while isinstance(command, click.Group) and words and not words[0].startswith("-"):
        found = command.get_command(click.Context(command), words[0])
        if found is None:
            return None, words
        command, words = found, words[1:]
    return command, words


def walk(command):
    """Yield a command and all below it."""
    yield command
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            yield from walk(command.get_command(context, name))


def is_module(parts):
    return (ROOT.joinpath(*parts, "__init__.py")).exists() or ROOT.joinpath(*parts).with_suffix(".py").exists()


def anchors_of(page):
    """Return the anchors of the headings of a page."""
    headings = re.findall(r"^#+ (.+)$", without_blocks(page.read_text()), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading).lower().replace(" ", "-") for heading in headings}


@each_page
def test_relative_links_lead_to_files_and_their_headings(page):
    for target, anchor in re.findall(r"\]\(([^)#\s]*)#?([^)\s]*)[^)]*\)", without_code(page.read_text())):
        if not target.startswith(("http:", "https:")):
            linked = page.parent / target if target else page
            assert linked.exists(), target
            assert not anchor or anchor in anchors_of(linked), anchor


@pytest.mark.parametrize("page", [*PAGES, NEWS], ids=lambda page: page.name)
def test_commands_and_their_options_exist(page):
    for line in lines_of_commands(page.read_text()):
        first, *others = line.split(" | ")
        command, words = follow([word.split("=")[0] for word in shlex.split(first, comments=True)])
        assert command is not None, line
        known = {flag for one in command.params for flag in (*one.opts, *one.secondary_opts)} | {"--help"}
        assert {word for word in words if word.startswith("--")} <= known, line
        for other in others:
            assert follow([*line.split()[:1], other])[0] is not None, line


@each_page
def test_options_that_are_named_alone_belong_to_some_command(page):
    known = {flag for command in walk(main) for one in command.params for flag in one.opts}
    for option in re.findall(r"`(--[\w-]+)", without_blocks(page.read_text())):
        assert option in known | FOREIGN, option


@each_page
def test_calls_of_the_library_fit_its_signatures(page):
    text = page.read_text()
    calls = [
        node
        for block in blocks(text, "python")
        for node in ast.walk(ast.parse(block))
        if isinstance(node, ast.Call) and re.fullmatch(r"elyte\.\w+", ast.unparse(node.func))
    ]
    assert set(re.findall(r"\belyte\.([a-z_]+)\(", text)) <= set(elyte.__all__)
    for call in calls:
        name = ast.unparse(call.func).removeprefix("elyte.")
        signature = inspect.signature(getattr(elyte, name))
        signature.bind(*call.args, **{keyword.arg: keyword.value for keyword in call.keywords})


def test_overrides_on_the_page_are_those_of_the_protocols():
    (block,) = blocks((DOCS / "quickstart.md").read_text(), "yaml")
    overrides = yaml.safe_load(block)
    inputs = CrystalWorkChain.get_inputs("balanced", overrides, None)
    learning = ActiveLearningWorkChain.get_inputs("balanced", inputs["active_learning"], None)["learning"]
    ConductivityWorkChain.get_inputs("balanced", inputs["conductivity"], None)
    assert configure_all("seeds", inputs["seeds"], "seeds")["perturb"].rattle["count"] == 8
    assert configure_all("filters", learning["selection"]["filters"], "filters")["molten"].framework == ["P", "S"]
    assert learning["max_rounds"] == 8


@each_page
def test_modules_that_are_named_exist(page):
    for name in set(re.findall(r"\b(?:aiida_elyte|science)(?:\.\w+)+", page.read_text())):
        full = name if name.startswith("aiida_elyte.") else f"aiida_elyte.{name}"
        if full.split(".")[1] in (*GROUPS, "__init__"):
            continue
        parts = full.split(".")
        ends = [end for end in range(1, len(parts) + 1) if is_module(parts[:end])]
        found = import_module(".".join(parts[: ends[-1]]))
        for part in parts[ends[-1] :]:
            assert hasattr(found, part), name
            found = getattr(found, part)


@each_page
def test_files_that_are_named_exist(page):
    text = page.read_text()
    for name in set(
        re.findall(r"`((?:aiida_elyte|examples|tests|docs|science|workflows|remote|calculations)/[\w./+-]+)", text)
    ):
        assert any((folder / name.rstrip(".")).exists() for folder in (ROOT, ROOT / "aiida_elyte")), name


@each_page
def test_lines_wrap(page):
    is_code = False
    for number, line in enumerate(page.read_text().splitlines(), 1):
        is_code ^= line.lstrip().startswith("```")
        if line.startswith("|") and page.name != GENERATED:
            assert len(line) <= LONGEST_ROW, f"{page.name}:{number}"
        if not (is_code or line.startswith(("|", "![", "<!--", "    "))):
            assert len(line) <= LONGEST, f"{page.name}:{number}"


def test_every_door_has_its_page():
    index = (DOCS / "plugins.md").read_text()
    for group in GROUPS:
        assert f"`aiida_elyte.{group}`" in index
    for page in (DOCS / "development").glob("new_*.md"):
        assert f"(development/{page.name})" in index


@cache
def parameters_in(*paths):
    """Return name of each function of some files → sets of its parameters."""
    found = {}
    for path in paths:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.FunctionDef):
                arguments = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
                extra = [one for one in (node.args.vararg, node.args.kwarg) if one is not None]
                found.setdefault(node.name, []).append({one.arg for one in [*arguments, *extra]})
    return found


@pytest.mark.parametrize("page", sorted((DOCS / "development").glob("new_*.md")), ids=lambda page: page.stem)
def test_doors_are_described_as_they_are(page):
    text = page.read_text()
    functions = parameters_in(
        *(ROOT / "aiida_elyte" / "science").rglob("*.py"), *(ROOT / "aiida_elyte" / "workflows").rglob("*.py")
    )
    for name, given in re.findall(r"`([a-z_]\w*)\(([^)`]*)\)`", text):
        wanted = {word.strip().strip("*").partition("=")[0] for word in given.split(",") if word.strip()}
        assert any(wanted <= parameters for parameters in functions[name]), name
    (contract,) = re.findall(r"`aiida_elyte\.contracts\.(\w+)\.", text)
    (sentence,) = re.findall(r"gives? the fixtures? ([^.;:]*)", text)
    tests = parameters_in(ROOT / "aiida_elyte" / "contracts" / f"{contract}.py")
    fixtures = set().union(*(one for each in tests.values() for one in each))
    assert set(re.findall(r"`(\w+)`", sentence)) <= fixtures


def test_links_lead_from_the_readme_to_every_page():
    found, todo = set(), [ROOT / "README.md"]
    while todo:
        page = todo.pop()
        if page not in found:
            found.add(page)
            links = re.findall(r"\]\(([^)#\s]+\.md)[^)]*\)", without_blocks(page.read_text()))
            todo += [(page.parent / target).resolve() for target in links if not target.startswith("http")]
    assert {page for page in PAGES if page.parent.name != "tables"} <= found
