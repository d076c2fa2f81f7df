"""The `node` of act's jobs: runs a stand-in for an action, which is Python; that starts several times as fast as Node.

act asks it where it is, and starts actions with it. All else is left to Node.
"""

import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))

if "process.execPath" in sys.argv[-1]:
    print(os.path.abspath(__file__))
elif sys.argv[1].endswith(".py"):
    sys.path[0] = os.environ["STUB_LIB"]
    with open(sys.argv[1], encoding="utf-8") as file:
        exec(compile(file.read(), sys.argv[1], "exec"))
else:
    os.environ["PATH"] = os.pathsep.join(at for at in os.environ["PATH"].split(os.pathsep) if at != HERE)
    os.execvp("node", ["node", *sys.argv[1:]])
