"""Third-party tools that check and run CI configs offline, behind one small Python interface.

`checkers` looks at a config file and returns findings; `run_github`, `run_gitlab` and `run_jenkins` run a pipeline on
this machine and report what each job did. `install.sh` installs the tools. A missing tool is an error, never a skip.
"""
