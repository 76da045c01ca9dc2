"""Running stages: what is up to date is skipped, and everything else runs once.

A stage's fingerprint is made of its recipe sections, the seed, the digests of its input datasets,
the size and time of its outside files, and the source code that it reaches. A stage whose record
carries the same fingerprint is finished; parts of a killed attempt with the same one are kept.
"""

from __future__ import annotations

import ast
import hashlib
import json
import os
import platform
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import import_module, util
from pathlib import Path
from typing import Any

import msgspec

from corpus.datasets import MANIFEST, open_dataset
from corpus.errors import LedgerImbalance, NotBuilt
from corpus.ledger import Ledger
from corpus.publishing import read_attempt, write_attempt
from corpus.stages import STAGES, Stage, stage_named
from corpus.storage import SCRATCH, Store
from jobs.parts import Job
from jobs.progress import say
from jobs.recipe import Recipe
from jobs.session import Session

_PACKAGES = ("corpus", "filters", "jobs")
_NOT_FOR_WORK = ("TYPE_CHECKING", "__name__ == '__main__'")


@dataclass(frozen=True, slots=True, kw_only=True)
class StageState:
    """What a root holds of a stage."""

    stage: Stage
    state: str
    """done, stale (recipe, input or code changed), running, cut off, or missing."""
    record: dict[str, Any]
    """Its record: ledger, seconds; empty where it never finished."""
    parts_done: int


def run_stages(
    recipe: Recipe,
    root: str,
    names: Sequence[str],
    *,
    session: Session | None = None,
    force: bool = False,
) -> list[Stage]:
    """Run stages in the pipeline's order; returns those that were not skipped."""
    store = Store(root)
    store.check_writable()
    stages = [stage for stage in STAGES if stage.name in {stage_named(n).name for n in names}]
    outside = {stage.name: outside_files(stage, recipe) for stage in stages}
    session = session or Session()
    return [
        stage
        for stage in stages
        if run_stage(stage, recipe, store, session, files=outside[stage.name], force=force)
    ]


def run_all(recipe: Recipe, root: str, *, session: Session | None = None) -> list[Stage]:
    """Run the whole pipeline."""
    return run_stages(recipe, root, [stage.name for stage in STAGES], session=session)


def run_stage(
    stage: Stage,
    recipe: Recipe,
    store: Store,
    session: Session,
    *,
    files: Sequence[str],
    force: bool = False,
) -> bool:
    """Run one stage unless it is up to date; returns whether it ran."""
    mark = fingerprint(stage, recipe, store, files)
    record = read_record(store, stage)
    if not force and record.get("fingerprint") == mark and _outputs_stand(stage, store):
        say(f"{stage.name}: up to date, skipped")
        return False
    started = time.monotonic()
    _begin_attempt(stage, store, mark, force=force)
    say(f"{stage.name}: {stage.purpose}")
    ledger = Ledger()
    job = Job(stage=stage, recipe=recipe, store=store, session=session, ledger=ledger)
    import_module(stage.module).run(job)
    _check_outputs(stage, store)
    seconds = time.monotonic() - started
    _finish(stage, store, mark, ledger, seconds)
    say(f"{stage.name}: {summary(ledger)} in {seconds:.1f} s")
    return True


def summary(ledger: Ledger) -> str:
    """One line of a ledger: taken, kept, dropped by reason."""
    account = ledger.account()
    if not account.taken:
        return "done"
    reasons = ", ".join(f"{reason} {num:,}" for reason, num in account.dropped.most_common(4))
    dropped = f", dropped {account.dropped.total():,} ({reasons})" if reasons else ""
    return f"{account.taken:,} taken, {account.kept:,} kept{dropped}"


def outside_files(stage: Stage, recipe: Recipe) -> list[str]:
    """Files outside the root that a stage reads; raises InputError where one is missing."""
    module = import_module(stage.module)
    return list(module.files(recipe)) if hasattr(module, "files") else []


def fingerprint(stage: Stage, recipe: Recipe, store: Store, files: Sequence[str]) -> str:
    """SHA-256 of everything that the stage's outputs depend on."""
    sections = {name: msgspec.to_builtins(getattr(recipe, name)) for name in stage.sections}
    for section, _, field in (name.partition(".") for name in stage.without):
        del sections[section][field]
    stats = [(path, Path(path).stat()) for path in files]
    value = {
        "stage": stage.name,
        "seed": recipe.seed,
        "sections": sections,
        "inputs": {name: open_dataset(store, name).digest() for name in stage.inputs},
        "files": [(path, stat.st_size, stat.st_mtime_ns) for path, stat in stats],
        "code": code_digest(stage.module),
    }
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()


@cache
def code_digest(module: str) -> str:
    """SHA-256 over the source of a module and of all of ours that it imports."""
    sources = {name: _source(name) for name in sorted(_reached(module))}
    return hashlib.sha256(json.dumps(sources, sort_keys=True).encode()).hexdigest()


def _reached(module: str) -> set[str]:
    seen: set[str] = set()
    waiting = [module]
    while waiting:
        name = waiting.pop()
        if name not in seen and util.find_spec(name) is not None:
            seen.add(name)
            waiting += _imports(name)
    return seen


def _imports(name: str) -> Iterator[str]:
    """Modules of ours that a module imports to work; those for types, or to start it, left out."""
    waiting: list[ast.AST] = [ast.parse(_source(name))]
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.If) and ast.unparse(node.test) in _NOT_FOR_WORK:
            continue
        if isinstance(node, ast.ImportFrom) and _ours(node.module):
            yield str(node.module)
            yield from (f"{node.module}.{a.name}" for a in node.names if _is_module(node, a))
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if _ours(alias.name))
        waiting += ast.iter_child_nodes(node)


def _ours(name: str | None) -> bool:
    return name is not None and name.split(".")[0] in _PACKAGES


def _is_module(node: ast.ImportFrom, alias: ast.alias) -> bool:
    spec = util.find_spec(str(node.module))
    if spec is None or spec.submodule_search_locations is None:
        return False
    return util.find_spec(f"{node.module}.{alias.name}") is not None


def _source(name: str) -> str:
    spec = util.find_spec(name)
    read = getattr(spec.loader if spec else None, "get_source", None)
    return (read(name) or "") if read else ""


def read_record(store: Store, stage: Stage) -> dict[str, Any]:
    """The record of a stage's last finished run; empty where there is none."""
    if not store.exists("_stages", f"{stage.name}.json"):
        return {}
    record: dict[str, Any] = json.loads(store.read("_stages", f"{stage.name}.json"))
    return record


def stage_state(stage: Stage, recipe: Recipe, store: Store) -> StageState:
    """Whether a stage is done, stale, running or missing."""
    record = read_record(store, stage)
    steps = [name for name in store.names("_stages", stage.name) if "." not in name]
    parts_done = sum(len(store.names("_stages", stage.name, step)) for step in steps)
    state = "missing"
    if record:
        state = "stale"
        try:
            mark = fingerprint(stage, recipe, store, outside_files(stage, recipe))
        except NotBuilt:
            mark = ""
        if record["fingerprint"] == mark and _outputs_stand(stage, store):
            state = "done"
    if state != "done" and (attempt := read_attempt(store, stage.name)):
        state = "running" if _is_alive(attempt["host"], attempt["process"]) else "cut off"
    return StageState(stage=stage, state=state, record=record, parts_done=parts_done)


def _is_alive(host: str, process: int) -> bool:
    """Whether a process of this machine is there; one of another machine is taken to be."""
    if host != platform.node():
        return True
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _outputs_stand(stage: Stage, store: Store) -> bool:
    return all(store.exists(name, MANIFEST) for name in stage.outputs)


def _begin_attempt(stage: Stage, store: Store, mark: str, *, force: bool) -> None:
    """Keep the parts of a killed attempt with the same fingerprint, remove all else."""
    same = read_attempt(store, stage.name).get("fingerprint") == mark
    attempt = {"fingerprint": mark, "host": platform.node(), "process": os.getpid()}
    store.remove(SCRATCH)
    if same and not force:
        say(f"{stage.name}: an earlier run was cut off; its finished parts are kept")
    else:
        # First, so that tasks of the earlier attempt that are still at work publish nothing more.
        write_attempt(store, stage.name, attempt | {"fingerprint": ""})
        store.remove("_stages", f"{stage.name}.json")
        store.remove("_stages", stage.name)
        for name in stage.outputs:
            store.remove(name)
    write_attempt(store, stage.name, attempt)


def _check_outputs(stage: Stage, store: Store) -> None:
    for name in stage.outputs:
        if not store.exists(name, MANIFEST):
            raise LedgerImbalance(
                f"{stage.name}: finished without writing {name}; expected "
                f"{', '.join(stage.outputs)}: see jobs/{stage.name}.py"
            )


def _finish(stage: Stage, store: Store, mark: str, ledger: Ledger, seconds: float) -> None:
    record = {
        "stage": stage.name,
        "fingerprint": mark,
        "ledger": ledger.to_json(),
        "seconds": round(seconds, 3),
        "finished_at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
    }
    store.write(json.dumps(record, indent=1).encode(), "_stages", f"{stage.name}.json")
    store.remove("_stages", stage.name)
