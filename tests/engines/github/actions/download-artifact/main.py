"""A named artifact must exist and goes straight into the path; several go into a folder each, unless merged.

One artifact alone gets no folder of its own. https://github.com/actions/download-artifact
"""

import os

from stub import absolute, call, fail, flag, output, store, text

for unsupported in ("artifact-ids", "run-id"):
    if text(unsupported):
        fail(f"this stand-in knows no {unsupported}")
folder, name = store("artifacts"), text("name")
chosen = [each for each in sorted(os.listdir(folder)) if not name or each == name]
if text("pattern") and not name:
    from patterns import matches

    chosen = [each for each in chosen if matches(text("pattern"), each)]
if name and not chosen:
    fail(f"Unable to download artifact(s): Artifact not found for name: {name}")

target = absolute(text("path") or ".")
for artifact in chosen:
    own = os.path.join(target, artifact) if len(chosen) > 1 and not flag("merge-multiple") else target
    os.makedirs(own, exist_ok=True)
    call("cp", "-R", os.path.join(folder, artifact, "."), own)
output({"download-path": target})
print(f"Total of {len(chosen)} artifact(s) downloaded: {', '.join(chosen)}")
