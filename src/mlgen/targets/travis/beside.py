"""What stands beside a job: the repositories that it checks out, and its services.

Loaded only where a job has some, as all that is imported counts in the time of a compilation.
"""

from __future__ import annotations

from collections.abc import Iterator

from mlgen.ir import Checkout, Job, Service
from mlgen.quoting import sh
from mlgen.targets.travis.before import Command, image_word, own_checkout

READY_SECONDS = 120


def checkouts(job: Job, received: list[str], root: str) -> Iterator[Command]:
    """What Travis' own clone of the repository lacks, and the repositories beside it.

    Travis fetches submodules, all the way down, by itself: https://docs.travis-ci.com/user/customizing-the-build
    """
    if own_checkout(job) is None:
        folder = f"./{root}/" if root else "./"
        stay = " -o ".join(f"-path {sh(folder + path.rstrip('/'))}" for path in [".mlgen", *received])
        command = f"find . -mindepth 1 \\( {stay} \\) -prune -o ! -type d -exec rm -f -- {{}} +"
        yield f'(cd "$TRAVIS_BUILD_DIR" && {command})' if root else command, "checkout: none"
    for one in job.checkouts:
        if one.repository or one.path:
            yield _clone(one)
            continue
        lines = []
        if one.ref:
            lines.append(f"git{_login(one)} fetch --quiet{_depth(one)} origin {sh(one.ref)}")
            lines += ["git checkout --quiet --detach FETCH_HEAD", 'git checkout --quiet "$TRAVIS_COMMIT" -- .mlgen']
        if one.lfs:
            lines.append(f"git{_login(one)} lfs pull")
        if lines:
            yield " &&\n".join(lines), "checkout"


def _clone(one: Checkout) -> Command:
    folder = sh(one.path or one.repository.rstrip("/").rsplit("/", 1)[-1].removesuffix(".git"))
    whole = "://" in one.repository or "@" in one.repository
    address = one.repository if whole else f"https://{one.repository.rstrip('/').removesuffix('.git')}.git"
    url = sh(address) if one.repository else '"$MLGEN_REPOSITORY_URL.git"'
    ref = sh(one.ref) if one.ref else "HEAD" if one.repository else '"$TRAVIS_COMMIT"'
    git = f"git -C {folder}{_login(one)}"
    shallow = "" if one.depth == 0 else f" --depth={one.depth or 1}"
    lines = [f"git init --quiet {folder}", f"{git} fetch --quiet{shallow} {url} {ref}"]
    lines.append(f"git -C {folder} checkout --quiet --detach FETCH_HEAD")
    if one.submodules:
        lines.append(f"{git} submodule update --init{' --recursive' if one.submodules == 'recursive' else ''}")
    if one.lfs:
        lines.append(f"{git} lfs pull {url}")
    return " &&\n".join(lines), f"checkout of {one.repository or 'the project'}"


def _depth(one: Checkout) -> str:
    return f" --depth={one.depth}" if one.depth else ""


def _login(one: Checkout) -> str:
    if not one.token:
        return ""
    words = f'echo username=x-access-token; echo "password=${one.token}"'
    return f" -c credential.helper='!f() {{ {words}; }}; f'"


def services(job: Job) -> Iterator[Command]:
    """Containers beside the job, reached at their own addresses; the job goes on once they are ready."""
    for service in job.services:
        yield _started(service), f"services.{service.name}"
        waits = [_ready(service)] if service.ready else [_answers(service, port) for port in service.ports]
        for wait in waits:
            yield wait, ""


def _name(service: Service) -> str:
    return f"service-{service.name}"


def _started(service: Service) -> str:
    words = [f"docker run --detach --name {_name(service)}"]
    words += [f"--env {sh(f'{name}={value}')}" for name, value in service.env]
    line = " ".join([*words, image_word(service.image), *map(sh, service.command)])
    address = "'{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}'"
    name = service.variable
    return f"{line} &&\n{name}=$(docker inspect --format {address} {_name(service)}) &&\nexport {name}"


def _ready(service: Service) -> str:
    probe = f'until docker exec {_name(service)} sh -c "$0" >/dev/null 2>&1; do sleep 1; done'
    return _within(f"bash -c {sh(probe)} {sh(service.ready)}", service, "is not ready")


def _answers(service: Service, port: int) -> str:
    probe = 'until (: <"/dev/tcp/$0/$1") 2>/dev/null; do sleep 1; done'
    where = f'"${service.variable}" {port}'
    return _within(f"bash -c {sh(probe)} {where}", service, f"does not answer at port {port}")


def _within(command: str, service: Service, what: str) -> str:
    message = sh(f"mlgen: the service {service.name} {what}")
    fault = f"{{ echo {message} >&2; docker logs {_name(service)}; false; }}"
    return f"timeout {READY_SECONDS} {command} ||\n  {fault}"
