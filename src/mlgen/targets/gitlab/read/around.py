"""What stands around the scripts of a job: the containers beside it, its caches, how long files stay, identities.

https://docs.gitlab.com/ci/yaml/
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from mlgen.readback import Cached, Served
from mlgen.readback.unread import Unread
from mlgen.regex import fullmatch, regex
from mlgen.targets.gitlab.read.config import known
from mlgen.targets.gitlab.read.helpers import template
from mlgen.targets.gitlab.read.jobs import Native, relative
from mlgen.typed import Any

MOST_KEY_FILES = 2
"""https://docs.gitlab.com/ci/yaml/#cachekeyfiles"""
_HOSTED = regex(r"saas-(linux|macos|windows)-[\w-]+")
_AUDIENCES = {"aws": "$CI_SERVER_URL", "azure": "api://AzureADTokenExchange"}
"""What the tokens for clouds are for: https://docs.gitlab.com/ci/cloud_services/"""


def served(job: Native) -> Iterator[Served]:
    """The containers beside the job: https://docs.gitlab.com/ci/services/#available-settings-for-services"""
    for said in job.said.get("services") or ():
        known(said, ("name", "alias", "command", "variables"), f"{job.name}: services")
        host = str(said.get("alias", ""))
        if host == "docker" and fullmatch(r"docker:[\w.]+-dind", str(said["name"])):
            continue  # a Docker daemon is no service of the language
        names = {variable for variable, value in job.variables.items() if value == host}
        waited = (each.partition("/") for each in job.seen.ready)
        yield Served(
            host=host,
            image=str(said["name"]),
            env=tuple(sorted((name, _literal(str(value))) for name, value in (said.get("variables") or {}).items())),
            command=tuple(map(str, said.get("command") or ())),
            waited=frozenset(int(port) for variable, _, port in waited if port and variable in names),
        )


def _literal(value: str) -> str:
    """A value in which every `$` is doubled, so that none is expanded; else as it is written, marked."""
    text = value.replace("$$", "\0")
    return f"$ {value}" if "$" in text else text.replace("\0", "$")


def started(said: Any) -> tuple[str, ...]:
    """The entry point that the image is given."""
    found = said.get("entrypoint") if isinstance(said, dict) else None
    return () if found is None else tuple(word for word in found if word) or ("",)


def pull(said: Any) -> str:
    """When the image is fetched, in the language's words: https://docs.gitlab.com/ci/yaml/#imagepull_policy"""
    policy = str(said.get("pull_policy", "")) if isinstance(said, dict) else ""
    return {"if-not-present": "missing"}.get(policy, policy)


def days(job: Native) -> frozenset[tuple[str, int]]:
    """How long its files are kept."""
    said = (job.said.get("artifacts") or {}).get("expire_in", "0 days")
    found = fullmatch(r"(\d+) days?", str(said))
    if found is None:
        raise Unread(f"{job.name}.artifacts.expire_in: {said} is no number of days")
    return frozenset((path, int(found[1])) for path in job.archived)


def cached(job: Native, tools: Mapping[str, str]) -> Iterator[Cached]:
    """The caches; a folder to which a tool's variable points stands for that tool's own."""
    here = "$CI_PROJECT_DIR/"
    values = {name: job.variables.get(name) for name in tools}
    moved = {v.removeprefix(here).rstrip("/"): tools[n] for n, v in values.items() if str(v).startswith(here) and v}
    root = job.seen.root
    said = job.said.get("cache") or []
    for cache in [said] if isinstance(said, dict) else said:
        known(cache, ("key", "paths"), f"{job.name}: cache")
        key = cache.get("key", "default")
        known(key if isinstance(key, dict) else {}, ("files", "prefix"), f"{job.name}: cache.key")
        paths = cache.get("paths") or ()
        files = key.get("files", ()) if isinstance(key, dict) else ()
        yield Cached(
            paths=tuple(moved.get(path.rstrip("/")) or relative(path, root, frozenset()) for path in paths),
            files=frozenset(relative(str(file), root, frozenset()) for file in files),
            key=str(key.get("prefix", "")) if isinstance(key, dict) else str(key),
            most=MOST_KEY_FILES,
        )


def address(said: str, job: Native, reports: Mapping[str, Any]) -> str:
    """The address of its environment; one that its scripts tell comes from a report."""
    if said != "$MLGEN_URL":
        return said
    told = reports.get("dotenv", [])
    file = f"{job.seen.root}/.mlgen/url.env" if job.seen.root else ".mlgen/url.env"
    return job.seen.address if file in ([told] if isinstance(told, str) else told) else "nowhere"


def grants(job: Native) -> frozenset[tuple[str, str]]:
    """What its identity tokens are for; at a cloud, what they log in to."""
    found = set(job.seen.granted.items())
    for name, said in (job.said.get("id_tokens") or {}).items():
        cloud = name.removeprefix("MLGEN_").removesuffix("_TOKEN").lower()
        audience = str(said.get("aud"))
        if cloud not in job.seen.clouds or name != f"MLGEN_{cloud.upper()}_TOKEN":
            found.add((name, template(audience)))
        elif audience != (
            _AUDIENCES.get(cloud) or f"https://iam.googleapis.com/{job.seen.granted.get('gcp.provider')}"
        ):
            found.add((f"{cloud}.audience", audience))
    return frozenset(found)


def system(tags: Sequence[Any]) -> str:
    """The system of the machine, where it is one that everybody has: https://docs.gitlab.com/ci/runners/hosted_runners/"""
    if not tags:
        return "linux"
    found = _HOSTED.fullmatch(str(tags[0])) if len(tags) == 1 else None
    return found[1] if found else ""
