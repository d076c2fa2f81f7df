"""An entry is made after the job, unless its exact key was there. https://github.com/actions/cache"""

import os

from stub import WORKSPACE, glob, lines, run, text

files, _ = glob(lines(text("path")))
if os.environ["STATE_EXACT"] == "True":
    print("Cache hit occurred on the primary key, not saving cache.")
elif not files:
    missing = "Path(s) specified in the action for caching do(es) not exist, hence no cache is being saved."
    print(f"::warning::Path Validation Error: {missing}")
else:
    # What is in the workspace is stored relative to it: the next job's workspace is another folder.
    names = "\0".join(file.removeprefix(WORKSPACE + os.sep) for file in files)
    run("tar", "-cPf", os.environ["STATE_FILE"], "-C", WORKSPACE, "--null", "-T", "-", stdin=names)
    print("Cache saved with key: " + text("key"))
