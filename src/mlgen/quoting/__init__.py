"""Values as text of another language: YAML, the shell, Groovy. Every printed value goes through one of these."""

from __future__ import annotations

from mlgen.quoting.groovy import groovy
from mlgen.quoting.shell import sh, sh_path
from mlgen.quoting.yaml import yaml_block, yaml_flow, yaml_list, yaml_scalar, yaml_tree

__all__ = ["groovy", "sh", "sh_path", "yaml_block", "yaml_flow", "yaml_list", "yaml_scalar", "yaml_tree"]
