"""An entry is made after the job, unless its exact key was there. https://github.com/actions/cache"""

import os

from patterns import glob
from stub import WORKSPACE, call, lines, store, text

files, _ = glob(lines(text("path")))
if os.environ["STATE_EXACT"] == "True":
    print("Cache hit occurred on the primary key, not saving cache.")
elif not files:
    missing = "Path(s) specified in the action for caching do(es) not exist, hence no cache is being saved."
    print(f"::warning::Path Validation Error: {missing}")
else:
    # What is in the workspace is stored relative to it: the next job's workspace is another folder.
    entry = os.environ["STATE_FILE"]
    names = os.path.join(os.path.dirname(store("caches")), f"names-{os.getpid()}")
    with open(names, "w", encoding="utf-8") as out:
        out.write("\0".join(file.removeprefix(WORKSPACE + os.sep) for file in files))
    call("tar", "-cPf", entry, "-C", WORKSPACE, "--null", "-T", names)
    os.remove(names)
    print("Cache saved with key: " + text("key"))
