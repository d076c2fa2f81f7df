"""The Groovy that runs the rows of a table, each as soon as what it needs has ended.

That it does so is not found by evaluating it, as the order of the branches of `parallel` is open; these methods are
recognised by their text. Everything else that rows are run by is evaluated.
"""

from __future__ import annotations

from mlgen.readback.unread import Unread
from mlgen.targets.jenkins.read.groovy import Parser

SCHEDULER = """
@groovy.transform.Field List waiting = []
@groovy.transform.Field Map open = [:]
@groovy.transform.Field Map results = [:]
@groovy.transform.Field List stopped = []

def runJobs(List rows) {
    waiting = rows.findAll { it.when }.collectMany { j -> j.legs ? j.legs.collect { j + it } : [j] }
    waiting.each { j -> open[j.job] = (open[j.job] ?: 0) + 1 }
    def before = stopped.size()
    startReady()
    if (stopped.size() > before) { error "did not pass: ${stopped.unique().join(', ')}" }
}

def startReady() {
    def runs = [:]
    def ready = takeReady()
    while (ready) {
        ready.each { j ->
            def end = endAtOnce(j)
            if (end) { ended(j, end, end == 'failure') } else { runs[j.name] = { runJob(j) } }
        }
        ready = takeReady()
    }
    if (runs.size() > 1) { parallel(runs) } else { runs.each { name, body -> body() } }
}

@NonCPS
def takeReady() {
    def (ready, rest) = waiting.split { j -> j.needs.every { !open[it] } }
    waiting = rest
    return ready
}

def ended(Map j, String end, boolean stops) {
    open[j.job] = open[j.job] - 1
    if (end != 'skipped' || !results[j.job]) { results[j.job] = results[j.job] == 'failure' ? 'failure' : end }
    if (stops) { stopped << j.job }
}
"""
NAMES = ("runJobs", "startReady", "takeReady", "ended")
FIELDS = ("waiting", "open", "results", "stopped")


def known(texts: dict[str, str]) -> None:
    """Unread unless the file's scheduler is the one above."""
    from mlgen.targets.jenkins.read.jenkinsfile import above
    from mlgen.targets.jenkins.read.scope import World

    wanted = above(Parser(SCHEDULER), World())
    for name in (*NAMES, *(f"field {field}" for field in FIELDS)):
        if texts.get(name) != wanted[name]:
            what = "is not there" if name not in texts else "does something else"
            raise Unread(f"{name}, by which the rows of tables are run, {what}")
