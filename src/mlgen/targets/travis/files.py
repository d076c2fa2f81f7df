"""Files between jobs: one workspace a leg, https://docs.travis-ci.com/user/using-workspaces.

A workspace holds all that any job receives of its creator, so that a job removes what it does not declare. One that
could not be fetched is only a line in the log, and a path that its creator lacked becomes an empty folder: therefore
the job looks for what it is to receive.
"""

from __future__ import annotations

from mlgen.ir import Job, Leg, Pipeline
from mlgen.ir.paths import as_glob, on_leg, overlap
from mlgen.named import NamedTuple
from mlgen.quoting import sh_path
from mlgen.targets.travis.scripts import paths


class Unit(NamedTuple):
    """A job of the file: a job of the spec, or one leg of its matrix; `job` has the leg's own machine."""

    job: Job
    leg: Leg | None
    name: str
    workspace: str


def units(pipeline: Pipeline) -> tuple[Unit, ...]:
    """Every job and leg, each with a workspace of its own."""
    found: list[Unit] = []
    taken: set[str] = set()
    for job in pipeline.jobs:
        for leg in job.matrix.legs if job.matrix else (None,):
            plain = job.key if leg is None else f"{job.key}-{leg.slug}"
            # https://docs.travis-ci.com/user/using-workspaces: letters, digits, _ and - only
            base = workspace = "".join(c if c.isascii() and (c.isalnum() or c in "_-") else "_" for c in plain)
            count = 2
            while workspace.lower() in taken:
                workspace, count = f"{base}-{count}", count + 1
            taken.add(workspace.lower())
            found.append(
                Unit(_machine(job, leg), leg, job.key if leg is None else f"{job.key} ({leg.slug})", workspace)
            )
    return tuple(found)


def _machine(job: Job, leg: Leg | None) -> Job:
    if leg is None or not job.varies:
        return job
    own = {"python": leg.python, "image": leg.image, "runner": job.runner_of(leg)}
    return job._replace(**{name: own[name] for name in job.varies})  # type: ignore[arg-type]


def leg_paths(job: Job, names: tuple[str, ...], leg: Leg | None) -> tuple[str, ...]:
    """The paths of one leg, or of all legs together if it is None."""
    legs = [leg] if leg else job.matrix.legs if job.matrix else []
    if not legs:
        return names
    return tuple(dict.fromkeys(on_leg(name, dict(each.values)) for name in names for each in legs))


def collides(job: Job) -> bool:
    """Whether the legs write manifests, so that a consumer can see that two made one file."""
    return job.matrix is not None and job.matrix.collide and len(job.matrix.legs) > 1 and bool(shared(job))


def manifest(unit: Unit) -> str:
    """The file that lists what this leg made."""
    return f".mlgen/legs/{unit.workspace}.json"


def shared(job: Job) -> tuple[str, ...]:
    """The declared paths that some other job receives."""
    return tuple(path for bundle in job.bundles if bundle.consumers for path in bundle.paths)


def created(unit: Unit, root: str) -> tuple[str, ...]:
    """What the workspace of this job holds; nothing where no job receives anything of it."""
    found = leg_paths(unit.job, shared(unit.job), unit.leg)
    return tuple(below(root, path) for path in (*found, *([manifest(unit)] if collides(unit.job) else [])))


def below(root: str, path: str) -> str:
    """A path of the project as Travis' own keys name it, which are read in whatever folder the job is by then."""
    return f"$TRAVIS_BUILD_DIR/{root}/{path}" if root and not path.startswith("$") else path


class Received(NamedTuple):
    """What a job does about the files of one other job, and why; `check`: it fails where they have not come."""

    command: str
    comment: str
    check: bool = False


def received(job: Job, pipeline: Pipeline, all_units: tuple[Unit, ...]) -> list[Received]:
    """The commands that follow the extraction of the used workspaces."""
    found: list[Received] = []
    for maker, taken in takes(job, pipeline):
        unwanted = [as_glob(p) for p in shared(maker) if not any(overlap(p, t) for t in taken)]
        if unwanted:
            words = paths(unwanted)
            what = "outputs" if len(unwanted) > 1 else "output"
            found.append(Received(f"rm -rf -- {words}", f"{what} of {maker.key} that this job does not declare"))
            back = f"git ls-files -z -- {words} | git checkout-index -fqz --stdin"
            found.append(Received(back, "unless the repository has it itself"))
        if collides(maker):
            files = paths([manifest(unit) for unit in all_units if unit.job.id == maker.id])
            command = f"python3 .mlgen/ci.py merge --job {maker.id} {files}"
            optional = optional_makers(job)
            guard = f"[ ! -d .mlgen/legs ] || {command}" if maker.id in optional else command
            found.append(Received(guard, f"legs of {maker.key} must not have made the same file", True))
        if maker.id not in optional_makers(job):
            found.append(_arrived(maker, leg_paths(maker, taken, None)))
    return found


def optional_makers(job: Job) -> set[str]:
    """The jobs whose files come only if they have run: the job does not look for them."""
    return {take.job for take in job.takes if take.optional}


def _arrived(maker: Job, wanted: tuple[str, ...]) -> Received:
    if not maker.allow_failure:
        return Received(f"ls -ld -- {paths(wanted)}", f"from {maker.key}", True)
    # A path that a failed job did not make has become an empty folder.
    tests = " && ".join(f'[ -n "$(find {sh_path(path)} -type f -print -quit)" ]' for path in wanted)
    return Received(tests, f"from {maker.key}, which may have failed", True)


def takes(job: Job, pipeline: Pipeline) -> list[tuple[Job, tuple[str, ...]]]:
    """The jobs whose files this one receives, each with the declared paths."""
    found: dict[str, tuple[str, ...]] = {}
    for take in job.takes:
        found[take.job] = (*found.get(take.job, ()), *take.paths)
    return [(pipeline.job(name), names) for name, names in found.items()]
