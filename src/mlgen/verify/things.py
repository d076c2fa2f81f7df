"""What the jobs have and hand on: files, secrets, variables, environments, locks, reports, rights."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from mlgen.ir import Job, Leg, Pipeline, Secret
from mlgen.ir.paths import as_glob, normal
from mlgen.readback import Fetched, Reading, SeenJob
from mlgen.verify.around import around
from mlgen.verify.caches import caches
from mlgen.verify.fault import Fault, listed
from mlgen.verify.machine import machine
from mlgen.verify.services import services
from mlgen.verify.told import told


def things(
    pipeline: Pipeline,
    job: Job,
    seen: SeenJob,
    leg: Leg | None,
    eased: frozenset[str],
    reading: Reading,
    target: str,
    opaque: bool,
) -> Iterator[Fault]:
    """The differences, each with its aspect; those that the target's fallbacks allow are left out.

    A job that is `opaque`, in the target's own words, is looked at for secrets only.
    """
    found = list(_secrets(pipeline, job, seen, eased, reading, target))
    if not opaque:
        found += _files(job, seen, eased)
        found += _sources(job, seen)
        found += _handed(pipeline, job, seen)
        found += _variables(pipeline, job, seen, leg)
        found += machine(pipeline, job, seen, leg, reading, target, eased)
        found += services(job, seen)
        found += caches(pipeline, job, seen)
        found += _place(pipeline, job, seen)
        found += _access(pipeline, job, seen, eased, target)
        found += told(pipeline, job, seen)
        found += around(pipeline, job, seen, target)
    for aspect, message in found:
        if aspect not in eased:
            yield Fault(aspect, job.id, message, seen.route)


_HELPERS = (".mlgen/**", ".mlgen/env.sh", ".mlgen/exports/", ".mlgen/legs/", ".mlgen/ran/")
"""Files by which a target's jobs tell each other more than what they declare."""


def _paths(paths: Iterable[str]) -> set[str]:
    return {as_glob(path) for path in paths if not normal(path).startswith(_HELPERS)}


def _sources(job: Job, seen: SeenJob) -> Iterator[tuple[str, str]]:
    """Files, by the jobs that made them: one path may come from several."""
    if seen.sources is not None:
        wanted = {(take.job, path) for take in job.takes for path in _paths(take.paths)}
        found = {(maker, path) for maker, paths in seen.sources for path in _paths([paths])}
        if missed := wanted - found:
            yield "files", f"it does not receive {listed(f'{path} of {maker}' for maker, path in missed)}"
        if more := found - wanted:
            yield "files", f"it receives {listed(f'{path} of {maker}' for maker, path in more)}, undeclared"


def _files(job: Job, seen: SeenJob, eased: frozenset[str]) -> Iterator[tuple[str, str]]:
    takes = _paths(path for take in job.takes for path in take.paths)
    received = _paths(seen.takes)
    if missing := takes - received:
        yield "files", f"it does not receive {listed(missing)}"
    if extra := received - takes:
        yield "files", f"it receives {listed(extra)}, which it does not declare"
    unused = "unused files" in eased
    bundles = [bundle for bundle in job.bundles if not bundle.exports and (bundle.consumers or not unused)]
    handed = _paths(path for bundle in bundles for path in bundle.paths)
    if missing := handed - _paths((*seen.hands, *seen.kept)):  # kept: no job receives them
        yield "files", f"it does not hand on {listed(missing)}"
    kept = [*(job.keep.paths if job.keep else ()), *([job.reports.coverage.path] if job.reports.coverage else [])]
    if extra := _paths((*seen.hands, *seen.kept)) - _paths(
        (*job.files, *job.reports.junit, job.reports.summary, *kept)
    ):
        yield "files", f"it hands on {listed(extra)}, which it does not declare"
    if (missing := _paths(job.files) - _paths(seen.requires)) and not job.allow_failure:
        yield "outs", f"nothing checks that it makes {listed(missing)}"
    exports = {f"{e.name}={e.file}:{e.key}" if e.file else e.name for e in job.exports}
    if exports != set(seen.exports):
        yield "exports", f"it exports {listed(seen.exports)}, not {listed(exports)}"


def _handed(pipeline: Pipeline, job: Job, seen: SeenJob) -> Iterator[tuple[str, str]]:
    """Exported values that it receives, and legs that may write the same file."""
    values = {e.name for edge in job.edges if edge.exports for e in pipeline.job(edge.job).exports}
    if seen.sees is not None and seen.sees != values:
        yield "exports", f"it receives the exported values {listed(seen.sees)}, not {listed(values)}"
    collide = bool(job.matrix and job.matrix.collide)
    received = any(bundle.consumers for bundle in job.bundles)
    if seen.lists is not None and seen.lists != collide and (seen.lists or received):
        yield "legs", "its legs list what they made" if seen.lists else "its legs do not list what they made"
    makers = {take.job for take in job.takes}
    wanted = {name for name in makers if (matrix := pipeline.job(name).matrix) and matrix.collide}
    if seen.compares is not None and seen.compares != wanted:
        yield "legs", f"it checks the legs of {listed(seen.compares)} for the same file, not of {listed(wanted)}"


def _secrets(
    pipeline: Pipeline, job: Job, seen: SeenJob, eased: frozenset[str], reading: Reading, target: str
) -> Iterator[tuple[str, str]]:
    asked = {(use.variable, use.name) for use in job.secrets}
    if job.permissions and seen.permissions not in (None, frozenset(["*"])):
        asked.add(("MLGEN_TOKEN", "MLGEN_TOKEN"))
    held, given = held_secrets(pipeline, seen, reading, target)
    for script in seen.scripts:
        named = ((variable, held.get(name, name)) for variable, name in script.secrets)
        told = {
            *given,
            *(pair for pair in named if reading.holds is None or pair[1] in _there(pipeline, reading, seen, target)),
        }
        if script.passed is not None:
            told = {pair for pair in told if pair[0] in script.passed}
        wanted = asked - {("MLGEN_TOKEN", "MLGEN_TOKEN")} if script.native else asked
        if script.when == "success" and (missing := wanted - told):
            yield "step secrets", f"a command of its does not see the secret {listed(n for _, n in missing)}"
    token = {"MLGEN_TOKEN"} if job.permissions else set()
    extra = {held.get(name, name) for _, name in seen.secrets} - set(job.secret_names) - token
    # Where one part of a credential is asked for, the others come with it.
    whole = {name.partition("#")[0] for name, known in held.items() if "#" in name and known in job.secret_names}
    extra -= {held.get(name, name) for _, name in seen.secrets if "#" in name and name.partition("#")[0] in whole}
    if "wider secrets" not in eased:
        open_to_all = {secret.name for secret in pipeline.secrets if secret.plain}
        extra |= {name for _, name in given} - set(job.secret_names) - open_to_all
    if extra and (reading.reaches or "wider secrets" not in eased):
        yield "secrets", f"it sees the secret {listed(extra)}, which it does not list"


def held_secrets(
    pipeline: Pipeline, seen: SeenJob, reading: Reading, target: str
) -> tuple[dict[str, str], set[tuple[str, str]]]:
    """The secrets by the variables in which the system itself holds them, and those of them that reach the job."""
    held = {_held_as(secret, target): secret for secret in pipeline.secrets}
    reaches = reading.reaches or (lambda *_: False)
    given = set()
    for name, secret in held.items():
        encrypted = secret.on(target).get("secure")  # it stands in the file itself, where nothing tells its name
        if reaches(seen, f"secure:{encrypted}" if encrypted else name, secret.environments):
            given.add((name, secret.name))
        if reading.open and secret.plain:
            given.add((name, secret.name))
    return {name: secret.name for name, secret in held.items()}, given


def _there(pipeline: Pipeline, reading: Reading, seen: SeenJob, target: str) -> set[str]:
    """The secrets that the system hands to the job in any way, where the reader tells it."""
    assert reading.holds is not None
    return {
        secret.name for secret in pipeline.secrets if reading.holds(seen, _held_as(secret, target), secret.environments)
    }


def _held_as(secret: Secret, target: str) -> str:
    """The name by which the system itself holds the secret; one that is a part of another has that after a `#`."""
    said = secret.on(target)
    name, part = str(said.get("id", secret.name)), said.get("part")
    return f"{name}#{part}" if part else name


def _variables(pipeline: Pipeline, job: Job, seen: SeenJob, leg: Leg | None) -> Iterator[tuple[str, str]]:
    if job.milestone and not seen.env:
        return  # nothing of it could see any
    env = dict(seen.env)
    dynamic = {name for name, _ in job.dynamic}
    asked = {**dict(pipeline.env), **dict(job.env), **(dict(leg.values) if leg else {})}
    for name, value in asked.items():
        if name not in dynamic and env.get(name) != value:
            found = f"is {env[name]!r}" if name in env else "is not set"
            yield "env", f"the variable {name} {found}, and must be {value!r}"
    for script in seen.scripts:
        if script.passed is not None and (missing := asked.keys() - dynamic - script.passed):
            yield "env", f"a command of its does not see the variable {listed(missing)}"
    if seen.own is not None:
        for name in sorted(env.keys() - asked.keys() - dynamic - seen.own):
            yield "env", f"the variable {name} is {env[name]!r}, and the spec has none of this name"


def _place(pipeline: Pipeline, job: Job, seen: SeenJob) -> Iterator[tuple[str, str]]:
    environment = job.environment.name if job.environment else ""
    own = job.approval and not environment and seen.environment not in {e.name for e in pipeline.environments}
    if seen.environment not in (environment, None) and not own:  # an approval may take an environment of its own
        yield "environment", f"its environment is {seen.environment or 'none'}, not {environment or 'none'}"
    if bool(job.lock) != bool(seen.lock):
        yield "lock", "it holds no lock" if job.lock else "it holds a lock that the spec does not ask for"
    if job.allow_failure != seen.allow_failure:
        yield "allow_failure", "it may fail" if seen.allow_failure else "it may not fail, and the spec permits it"
    if missing := _paths(job.reports.junit) - _paths(seen.reports):
        yield "junit", f"the test report {listed(missing)} is not shown"
    if missing := _paths(job.keep.paths if job.keep else ()) - _paths((*seen.kept, *seen.hands)):
        yield "keep", f"{listed(missing)} is not kept"


def _access(
    pipeline: Pipeline, job: Job, seen: SeenJob, eased: frozenset[str], target: str
) -> Iterator[tuple[str, str]]:
    """What a reader need not tell: what the job may reach, and what bounds it."""
    deployment = job.environment is not None and job.environment.deployment
    if seen.guarded is False and deployment:
        yield "deployment", "nothing keeps it from replacing a newer deployment"
    most = job.timeout * (job.retry + 1) * max(1, len(job.steps))
    if seen.limit and (seen.limit <= most or (seen.limit < _SHORT and not most and not job.milestone)):
        yield "timeout", f"it is ended after {seen.limit} seconds, and its commands may take {most or 'longer'}"
    if seen.files is not None and seen.files != (files := {use.variable for use in job.secrets if use.file}):
        yield "secrets", f"the secrets that it sees as files are {listed(seen.files)}, not {listed(files)}"
    if seen.permissions is not None:
        yield from _permissions(job, seen.permissions)
    identities = {one.variable or one.kind for one in job.oidc}
    if seen.identities is not None and seen.identities != identities:
        yield "oidc", f"it asks for the identities {listed(seen.identities)}, not {listed(identities)}"
    if seen.checkouts is not None and not job.milestone:
        deep = "more submodules" in eased
        wanted = sorted(
            _fetched(Fetched(one.repository, one.path, one.ref, one.depth, one.lfs, one.submodules))
            for one in job.checkouts
        )
        found = sorted(map(_fetched, seen.checkouts))
        if len(found) != len(wanted) or not all(_fetches(one, asked, deep) for one, asked in zip(found, wanted)):
            yield "checkout", "it checks out other repositories, another commit, or in another way"
        held = {secret.name: str(secret.on(target).get("id", secret.name)) for secret in pipeline.secrets}
        tokens = sorted(held.get(one.token, "") for one in job.checkouts)
        if (given := [one.token for one in seen.checkouts if one.token is not None]) and sorted(given) != tokens:
            yield "checkout", f"it checks out with the token {listed(given)}, not with {listed(tokens)}"
    most_legs = job.matrix.max_parallel if job.matrix else 0
    all_of_them = job.matrix is not None and most_legs >= len(job.matrix.legs)
    if seen.parallel is not None and seen.parallel != most_legs and not (all_of_them and not seen.parallel):
        yield "max_parallel", f"{seen.parallel or 'all'} of its legs run at once"
    shown = {job.reports.summary} - {""}
    shown |= {f"{job.reports.coverage.format}:{job.reports.coverage.path}"} if job.reports.coverage else set()
    if seen.shown is not None and (missing := _paths(shown) - _paths(seen.shown)):
        yield "coverage", f"the report {listed(missing)} is not shown"


UNASKED = -1
"""The depth of a checkout for which none is asked."""


def _fetched(one: Fetched) -> tuple[str, str, str, bool, int, str]:
    name = "/".join(one.repository.split("/")[-2:]).removesuffix(".git")
    return name, one.path, one.ref, one.lfs, UNASKED if one.depth is None else one.depth, one.submodules


def _fetches(
    found: tuple[str, str, str, bool, int, str], wanted: tuple[str, str, str, bool, int, str], deep: bool
) -> bool:
    """Whether the one is the other; and more may come unasked.

    Where the spec gives no depth, the file gives none, but for repositories beside the project's.
    """
    *same, large, depth, submodules = wanted
    return (
        list(found[:3]) == same
        and (found[3] or not large)
        and (found[4] in (depth, 0) or (depth == UNASKED and bool(same[0] or same[1])))
        and (found[5] == submodules or (deep and found[5] == "recursive"))
    )


_SHORT = 600
"""Seconds that a job is given at least of which the spec bounds no command."""
OWN = {"contents:read", "deployments:read", "pipelines:read"}
"""What a token may do without being asked for: the target's own steps may need it."""


def _permissions(job: Job, found: frozenset[str]) -> Iterator[tuple[str, str]]:
    wanted = {f"{scope}:{access}" for scope, access in job.permissions}
    if found == {"*"} and wanted:
        return
    covered = wanted | {each.replace(":write", ":read") for each in wanted} | OWN
    covered |= {"packages:read"} if job.built else set()  # the image that another job has pushed
    if extra := found - covered:
        yield "permissions", f"its token may {listed(extra)}, which the spec does not ask for"
    if missing := {w for w in wanted if w not in found and w.replace(":read", ":write") not in found}:
        yield "permissions", f"its token may not {listed(missing)}"
