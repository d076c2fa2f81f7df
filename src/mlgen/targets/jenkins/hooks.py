"""Places of the Jenkinsfile where the spec may print Groovy of its own: `overrides.jenkins.hooks`."""

from __future__ import annotations

from mlgen.ir import Pipeline
from mlgen.targets.contract import Hook

_LOG = r"(ansiColor\('[a-z-]+'\)|timestamps\(\))"

HOOKS = (
    Hook("head", "Before the pipeline: a library, an import, a function.", "@Library('shared') _"),
    Hook(
        "options",
        "In the pipeline's options. Those that only change how the log looks need no reason.",
        "ansiColor('xterm')",
        rf"{_LOG}(\s*\n\s*{_LOG})*",
    ),
    Hook("environment", "In the pipeline's environment.", "HTTP_PROXY = 'http://proxy.example.org:3128'"),
    Hook("post", "In the pipeline's post, which runs at its end.", "failure { echo 'it failed' }"),
)


def hooks(pipeline: Pipeline) -> dict[str, list[str]]:
    """The lines of each hook, headed by a comment that says where they come from; none where the spec has none."""
    override = next(options.override for options in pipeline.targets if options.name == "jenkins")
    texts = {hook.name: override.hook(hook.name) if override else "" for hook in HOOKS}
    return {
        name: [f"// overrides.jenkins.hooks.{name}", *text.split("\n")] if text else [] for name, text in texts.items()
    }
