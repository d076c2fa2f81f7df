"""What stands before a job's own script: system packages, tools, and variables whose values hold references."""

from __future__ import annotations

from mlgen.lower.texts import scalar_text
from mlgen.quoting.shell import delimiter, sh, sh_template
from mlgen.regex import regex
from mlgen.typed import Any

REFERENCE = regex(r"\$\{([^}]*)\}")

_FROM_PYPI = (
    "uv", "poetry", "pdm", "hatch", "pipenv", "dvc", "nox", "tox", "pre-commit", "ruff", "mlflow", "twine"
)  # fmt: skip


def setup(runtime: dict[str, Any]) -> str:
    """The script that prepares a job: packages, tools, and what the spec says."""
    parts = [*packages(runtime["packages"]), *_tools(runtime["tools"]), *filter(None, [runtime["setup"]])]
    return "\n".join(parts)


def activate(runtime: dict[str, Any]) -> str:
    """What heads every script after the setup."""
    downloaded = any(name not in _FROM_PYPI for name in runtime["tools"])
    return "\n".join(
        part for part in ('export PATH="$HOME/.local/bin:$PATH"' if downloaded else "", runtime["activate"]) if part
    )


_SHELLS = {"sh": "sh -eu", "pwsh": "pwsh -NoProfile -NonInteractive -Command -", "python": "python3 -"}


def by_shell(script: str, shell: str) -> str:
    """The script as bash starts it in the shell that the job asks for."""
    if shell == "bash" or not script:
        return script
    end = delimiter(script)
    head = "$ErrorActionPreference = 'Stop'\n" if shell == "pwsh" else ""
    return f"{_SHELLS[shell]} <<'{end}'\n{head}{script}\n{end}"


def packages(names: list[str]) -> list[str]:
    """The lines that install packages of the system."""
    if not names:
        return []
    return [
        'sudo=$([ "$(id -u)" = 0 ] || echo sudo)',
        "$sudo apt-get update -q",
        "$sudo env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends "
        + " ".join(map(sh, names)),
    ]


def _tools(versions: dict[str, str]) -> list[str]:
    wheels = [sh(f"{name}=={_newest(version)}") for name, version in versions.items() if name in _FROM_PYPI]
    found = [f"python3 -m pip install --quiet {' '.join(wheels)}"] if wheels else []
    return found + [_DOWNLOADS[name](version) for name, version in versions.items() if name not in _FROM_PYPI]


def _newest(version: str) -> str:
    """A version of fewer than three parts stands for the newest of its line."""
    return version if version.count(".") >= 2 else f"{version}.*"


def _exact(version: str) -> str:
    return version + ".0" * (2 - version.count("."))


# https://kubernetes.io/docs/tasks/tools/install-kubectl-linux/ - each release has the digest beside it
def _kubectl(version: str) -> str:
    release = f"https://dl.k8s.io/release/v{_exact(version)}/bin/linux/amd64/kubectl"
    return "\n".join(
        [
            'mkdir -p "$HOME/.local/bin"',
            f'curl -fsSL --retry 3 -o "$HOME/.local/bin/kubectl" {release}',
            f'echo "$(curl -fsSL --retry 3 {release}.sha256)  $HOME/.local/bin/kubectl" | sha256sum --check --quiet',
            'chmod +x "$HOME/.local/bin/kubectl"',
        ]
    )


# https://helm.sh/docs/intro/install/ - each release has the digest beside it
def _helm(version: str) -> str:
    archive = f"helm-v{_exact(version)}-linux-amd64.tar.gz"
    return "\n".join(
        [
            'mkdir -p "$HOME/.local/bin"',
            f'curl -fsSL --retry 3 -o "/tmp/{archive}" https://get.helm.sh/{archive}',
            f"echo \"$(curl -fsSL --retry 3 https://get.helm.sh/{archive}.sha256sum | cut -d' ' -f1)  /tmp/{archive}\""
            " | sha256sum --check --quiet",
            f'tar -xzf "/tmp/{archive}" -C "$HOME/.local/bin" --strip-components=1 linux-amd64/helm',
        ]
    )


_DOWNLOADS = {"kubectl": _kubectl, "helm": _helm}


def variables(env: dict[str, Any]) -> tuple[tuple[tuple[str, str], ...], tuple[tuple[str, str], ...]]:
    """Environment variables as pairs of text, in the order written: plain ones, and those whose values hold references.

    The value of the latter is a double-quoted word of the shell.
    """
    texts = [(name, scalar_text(value)) for name, value in env.items()]
    plain = tuple((name, text) for name, text in texts if not REFERENCE.search(text))
    return plain, tuple((name, sh_template(text)) for name, text in texts if REFERENCE.search(text))
