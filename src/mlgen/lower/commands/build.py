"""`build`: a container image, by docker buildx; scanned by trivy, then pushed, and never on a pull request."""

from __future__ import annotations

from collections.abc import Iterator

from mlgen.diagnostics import Diagnostic, error
from mlgen.ir import paths
from mlgen.ir.values import Export
from mlgen.lower.commands.call import Call, word
from mlgen.lower.commands.cluster import WORK
from mlgen.lower.names import named
from mlgen.lower.runtime import REFERENCE
from mlgen.lower.texts import scalar_text
from mlgen.quoting.shell import sh_template
from mlgen.typed import Any

SEVERITIES = ("UNKNOWN", "LOW", "MEDIUM", "HIGH", "CRITICAL")
_REGISTRIES = {
    "ecr": (".dkr.ecr.", "public.ecr.aws"),
    "gcp": (".pkg.dev", "gcr.io"),
    "acr": (".azurecr.",),
}
_SOMETIMES_EMPTY = ("MLGEN_TAG", "MLGEN_BRANCH", "MLGEN_BRANCH_SLUG", "MLGEN_PR", "MLGEN_SCHEDULE", "MLGEN_BASE_BRANCH")


def script(call: Call) -> str:
    """The script: log in, build, scan, push, and hand on the name with the digest.

    Variables of its own have names that no job's variable may have.
    """
    image, scan = call.words["image"], call.words.get("scan")
    parts = [
        *WORK,
        *_login(call),
        "# A builder that can keep layers in the registry, on whichever daemon the environment names.",
        "docker context inspect mlgen >/dev/null 2>&1 || docker context create mlgen",
        "docker buildx inspect mlgen >/dev/null 2>&1 ||",
        "  docker buildx create --name mlgen --driver docker-container mlgen",
        *_emulators(call),
        *_build(call),
    ]
    if scan:
        least = ",".join(SEVERITIES[min(SEVERITIES.index(s) for s in scan) :])
        parts.append('"${mlgen_build[@]}" --output "type=oci,dest=$mlgen_work/image,tar=false"')
        each = [f" --platform {platform}" for platform in call.words.get("platforms", ())] or [""]
        command = f'trivy image --input "$mlgen_work/image" --severity {least} --exit-code 1'
        parts += [command + platform for platform in each]
    parts += ["mlgen_image=", 'if [ "$MLGEN_EVENT" != pull_request ]; then', *(f"  {line}" for line in _push(image))]
    if not scan:
        parts += ["else", '  "${mlgen_build[@]}" --output type=cacheonly']
    parts.append("fi")
    values = " ".join(f'"{export.name}=$mlgen_image"' for export in exports(call))
    return "\n".join([*parts, f"printf '%s\\n' {values} >>\"$MLGEN_EXPORTS\""] if values else parts)


def _emulators(call: Call) -> list[str]:
    """What runs the commands of a Dockerfile for other machines.

    https://docs.docker.com/build/building/multi-platform/#qemu
    """
    others = [p.split("/")[1] for p in call.words.get("platforms", ()) if p.split("/")[1] != "amd64"]
    return [f"docker run --privileged --rm tonistiigi/binfmt --install {','.join(others)}"] if others else []


def _push(image: str) -> list[str]:
    """All layers are in the builder by now. Only the default branch fills the cache that the others read."""
    cache = f"type=registry,ref={inner(image)}:buildcache,mode=max,image-manifest=true,ignore-error=true"
    return [
        "mlgen_cache=()",
        'if [ "$MLGEN_BRANCH" = "$MLGEN_DEFAULT_BRANCH" ]; then',
        f'  mlgen_cache=(--cache-to "{cache}")',
        "fi",
        '"${mlgen_build[@]}" "${mlgen_cache[@]}" --push --metadata-file "$mlgen_work/metadata.json"',
        r"""mlgen_digest=$(sed -n 's/.*"containerimage.digest": *"\([^"]*\)".*/\1/p' "$mlgen_work/metadata.json")""",
        f'mlgen_image="{inner(image)}@${{mlgen_digest:?docker buildx told no digest}}"',
    ]


def inner(text: str) -> str:
    """A text as it stands between double quotes; the schema keeps out what would not be literal there."""
    return sh_template(text)[1:-1]


def exports(call: Call) -> tuple[Export, ...]:
    """The image by digest, twice: under the name that reads well, and under one that no other job's has."""
    if "matrix" in call.job:
        return ()
    return Export("image"), Export(variable(call.data, call.id))


def variable(data: dict[str, Any], job_id: str) -> str:
    """The variable in which the dependents of a building job see its image."""
    name = job_id.partition(".")[2]
    word = name if len(named(data, name)) == 1 else job_id
    return "MLGEN_IMAGE_" + word.upper().replace("-", "_").replace(".", "_")


def permissions(call: Call) -> dict[str, str]:
    """What the job's token must be allowed to."""
    return {"packages": "write"} if call.words.get("login") == "host" else {}


def check(call: Call) -> Iterator[Diagnostic]:
    """Secrets that would stay in the image, or stand in its name."""
    known = call.data["secrets"].keys() | {use["variable"] for use in call.job["secrets"]}
    for route, text in call.texts():
        for name in REFERENCE.findall(text) if route[0] in ("args", "image", "tags") else ():
            if name in known:
                hint = "use a secret mount in a script of your own: `docker build --secret`"
                message = f"{call.id}: the secret {name} would be seen by everybody who has the image"
                yield error("MLG216", call.at(*route), message, hint)
    login, host = call.words.get("login"), registry(call.words["image"])
    known_as = _REGISTRIES.get(login, ()) if isinstance(login, str) else ()
    if known_as and "$" not in host and not any(part in host for part in known_as):
        message = f"{call.id}: {call.words['image']} is not in a registry that `login: {login}` is for"
        yield error("MLG102", call.at("login"), message, f"its host has {' or '.join(known_as)} in it")


def _build(call: Call) -> list[str]:
    words = call.words
    context = paths.normal(words.get("context", ".")) or "."
    options = [f"docker buildx build {word(context)} --builder mlgen"]
    options += [f"--file {word(paths.normal(words['file']))}"] if "file" in words else []
    platforms = ",".join(words.get("platforms", ()))
    options += [f'--platform "{platforms}"' if "," in platforms else f"--platform {platforms}"] if platforms else []
    options += [f"--build-arg {word(f'{name}={scalar_text(value)}')}" for name, value in words.get("args", {}).items()]
    options += [
        '--label "org.opencontainers.image.revision=$MLGEN_COMMIT"',
        '--label "org.opencontainers.image.source=$MLGEN_REPOSITORY_URL"',
        f'--cache-from "type=registry,ref={inner(words["image"])}:buildcache"',
    ]
    options += [_tag(words["image"], tag) for tag in words.get("tags", ["${MLGEN_COMMIT}"])]
    return ["mlgen_build=(", *(f"  {option}" for option in options), ")"]


def _tag(image: str, tag: str) -> str:
    """The option of a tag, which is left out where a variable of it is empty."""
    option = f"--tag {word(f'{image}:{tag}')}"
    for name in dict.fromkeys(REFERENCE.findall(tag)):
        if name in _SOMETIMES_EMPTY:
            option = f"${{{name}:+{option}}}"
    return option


def registry(image: str) -> str:
    """The host in an image's name, told from a user by its dot or port; empty: Docker Hub."""
    host = image.split("/")[0]
    return host if "/" in image and ("." in host or ":" in host or "$" in host or host == "localhost") else ""


def _login(call: Call) -> list[str]:
    """Logs in to the registry; on a pull request, which pushes nothing, it may be without the right to."""
    login, host = call.words.get("login"), registry(call.words["image"])
    if login is None:
        return []
    where = f" {word(host)}" if host else ""
    if isinstance(login, dict):
        user, password = login["username"], login["password"]
        command = f'printf \'%s\' "${password}" | docker login{where} --username "${user}" --password-stdin'
    elif login == "host":
        command = f"python3 .mlgen/host.py login {word(host)}"
    elif login == "ecr":
        region = host.split(".")[3] if ".dkr.ecr." in host else "us-east-1"
        kind = "ecr" if ".dkr.ecr." in host else "ecr-public"
        secret = f"aws {kind} get-login-password --region {region}"
        command = f"{secret} |\n  docker login{where} --username AWS --password-stdin"
    elif login == "gcp":
        secret = "gcloud auth print-access-token"  # noqa: S105 - the command that prints it
        command = f"{secret} |\n  docker login{where} --username oauth2accesstoken --password-stdin"
    else:
        command = f"az acr login --name {word(host.split('.')[0])}"
    return [f'{command} ||\n  [ "$MLGEN_EVENT" = pull_request ]']
