"""Files keep their paths below the least common ancestor of what is searched; a name can be used once in a run.

Hidden files and empty folders are left out; no permissions are kept. https://github.com/actions/upload-artifact
"""

import os
import re
import sys

from patterns import glob
from stub import call, fail, flag, lines, output, store, text


def root_folder(files, searched):
    """The folder that paths inside of the artifact start from."""
    if len(searched) == 1:
        return os.path.dirname(files[0]) if files == searched else searched[0]
    return os.path.commonpath(searched)


name = text("name") or "artifact"
if re.search(r'["<>|*?:\r\n\\/]', name):
    fail(f"The artifact name is not valid: {name}")
files, searched = glob(lines(text("path")), hidden=flag("include-hidden-files"))
if not files:
    message = f"No files were found with the provided path: {text('path')}. No artifacts will be uploaded."
    if text("if-no-files-found") == "error":
        fail(message)
    print(message if text("if-no-files-found") == "ignore" else f"::warning::{message}")
    sys.exit()
artifact = os.path.join(store("artifacts"), name)
if os.path.exists(artifact):
    if not flag("overwrite"):
        conflict = "(409) Conflict: an artifact with this name already exists on the workflow run"
        fail(f"Failed to CreateArtifact: Received non-retryable error: Failed request: {conflict}")
    call("rm", "-r", artifact)
root = root_folder(files, searched)
for file in files:
    target = os.path.join(artifact, os.path.relpath(file, root))
    os.makedirs(os.path.dirname(target), exist_ok=True)
    with open(file, "rb") as source, open(target, "wb") as copy:
        copy.write(source.read())
output({"artifact-id": 1, "artifact-url": "", "artifact-digest": ""})
print(f"Artifact {name} has been successfully uploaded: {len(files)} file(s)")
