"""Caches: they hold files of the project's folder only, so that a tool's own cache is moved there.

https://docs.gitlab.com/ci/caching/#how-cache-is-different-from-artifacts
"""

from __future__ import annotations

from mlgen.ir import Cache, Job, Pipeline
from mlgen.named import NamedTuple

MAX_CACHES = 4
MAX_KEY_FILES = 2

TOOLS = {
    "~/.cache": "XDG_CACHE_HOME",
    "~/.cache/huggingface": "HF_HOME",
    "~/.cache/pdm": "PDM_CACHE_DIR",
    "~/.cache/pip": "PIP_CACHE_DIR",
    "~/.cache/pre-commit": "PRE_COMMIT_HOME",
    "~/.cache/pypoetry": "POETRY_CACHE_DIR",
    "~/.cache/torch": "TORCH_HOME",
    "~/.cache/uv": "UV_CACHE_DIR",
    "~/.cache/wandb": "WANDB_CACHE_DIR",
    "~/.conda/pkgs": "CONDA_PKGS_DIRS",
    "~/.keras": "KERAS_HOME",
    "~/.npm": "npm_config_cache",
    "~/nltk_data": "NLTK_DATA",
}
"""Where tools keep their caches, and the variable that moves each."""


class Placed(NamedTuple):
    """A cache as the file says it."""

    prefix: str
    files: tuple[str, ...]
    key: str
    paths: tuple[str, ...]


def folder(path: str) -> str:
    """Where a cached path lies below the project's folder; empty if it cannot be there."""
    plain = path.rstrip("/")
    if plain in TOOLS:
        return plain.removeprefix("~/") + "/"
    return "" if plain.startswith(("~", "/")) else path


def variables(pipeline: Pipeline) -> list[tuple[str, str]]:
    """The variables that move the tools' caches into the project's folder."""
    moved = {path.rstrip("/") for job in pipeline.jobs for cache in job.caches for path in cache.paths}
    own = dict(pipeline.env)
    tools = [(TOOLS[path], path.removeprefix("~/")) for path in sorted(moved & set(TOOLS))]
    return [(name, f"$CI_PROJECT_DIR/{path}") for name, path in tools if name not in own]


def placed(job: Job, pipeline: Pipeline) -> tuple[Placed, ...]:
    """The job's caches; a job that deploys has none, so that nothing that others wrote gets into what it deploys."""
    if job.deploys or job.milestone:
        return ()
    found = [_placed(cache, pipeline) for cache in job.caches]
    return tuple(cache for cache in found if cache.paths)


def _placed(cache: Cache, pipeline: Pipeline) -> Placed:
    root = f"{pipeline.root}/" if pipeline.root else ""
    kept = tuple(
        place if path.rstrip("/") in TOOLS else root + place for path in cache.paths if (place := folder(path))
    )
    others = {c for job in pipeline.jobs for c in job.caches if c.key == cache.key and c.salt == cache.salt}
    name = "-".join(path.rstrip("/").rsplit("/", 1)[-1].strip(".") for path in kept) if len(others) > 1 else ""
    prefix = "-".join(part for part in (name, cache.salt) if part)
    files = tuple(root + file for file in cache.key[:MAX_KEY_FILES])
    return Placed(prefix if files else "", files, "" if files else prefix or "cache", kept)
