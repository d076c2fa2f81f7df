"""The templates as Python modules, put here by the build of a wheel; a checkout has none."""

from __future__ import annotations


def module_name(template: str) -> str:
    """The module's name: `common/env.sh.j2` is `common_env_sh_j2`."""
    return "".join(c if c.isalnum() else "_" for c in template)
