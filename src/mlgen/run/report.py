"""A run for programs: as data, and as JUnit XML."""

from __future__ import annotations

import hashlib
import os
import re
from xml.etree import ElementTree

from mlgen.run.engine import Outcome
from mlgen.run.job import End
from mlgen.run.plan import Plan, failed
from mlgen.run.record import Record
from mlgen.run.show import tail
from mlgen.run.workspace import found
from mlgen.typed import Any


def as_data(plan: Plan, outcome: Outcome, record: Record) -> dict[str, Any]:
    """The run as plain data. Files are those that a job handed on, with the digests of their content."""
    jobs: dict[str, Any] = {}
    for job in plan.pipeline.jobs:
        end = outcome.jobs.get(job.id) or End("skipped", plan.left_out[job.id])
        entry: dict[str, Any] = _end(end)
        if end.state == "failure" and job.allow_failure:
            entry["allowed"] = True
        if legs := outcome.legs.get(job.id):
            entry["legs"] = {slug: _end(one) for slug, one in legs.items()}
        if files := _digests(record.files(job)):
            entry["files"] = files
        jobs[job.id] = entry
    result = "cancelled" if outcome.interrupted else "failure" if failed(plan, outcome.jobs) else "success"
    return {
        "event": str(plan.event._replace(message="")),
        "result": result,
        "number": record.number,
        "folder": record.folder,
        "seconds": round(outcome.seconds, 3),
        "order": list(outcome.order),
        "jobs": jobs,
    }


def _end(end: End) -> dict[str, Any]:
    found: dict[str, Any] = {"result": end.state}
    if end.reason:
        found["reason"] = end.reason
    if end.seconds:
        found["seconds"] = round(end.seconds, 3)
    if end.tries:
        found["tries"] = end.tries
    return found


def _digests(folder: str) -> dict[str, str]:
    digests = {}
    for name in found(os.path.dirname(folder), os.path.basename(folder)) if os.path.isdir(folder) else ():
        path = os.path.join(os.path.dirname(folder), name)
        if os.path.isfile(path):
            with open(path, "rb") as file:
                digest = hashlib.sha256()
                while block := file.read(1 << 20):
                    digest.update(block)
            digests[os.path.relpath(path, folder)] = digest.hexdigest()
    return digests


def junit(plan: Plan, outcome: Outcome, record: Record) -> str:
    """A suite with a case for each job, or for each of its legs."""
    cases: list[ElementTree.Element] = []
    for job in plan.pipeline.jobs:
        end = outcome.jobs.get(job.id) or End("skipped", plan.left_out[job.id])
        legs = outcome.legs.get(job.id) or {}
        logs = {leg.slug: record.log(job, leg) for leg in job.matrix.legs} if job.matrix else {}
        for slug, one in legs.items():
            cases.append(_case(job.stage, f"{job.name} ({slug})", one, logs[slug], job.allow_failure))
        if not legs:
            cases.append(_case(job.stage, job.name, end, record.log(job, None), job.allow_failure))
    counts = {tag: str(sum(case.find(tag) is not None for case in cases)) for tag in ("failure", "skipped")}
    suite = ElementTree.Element(
        "testsuite",
        name=f"{plan.pipeline.name}: {plan.event._replace(message='')}",
        tests=str(len(cases)),
        failures=counts["failure"],
        errors="0",
        skipped=counts["skipped"],
        time=f"{outcome.seconds:.3f}",
    )
    suite.extend(cases)
    root = ElementTree.Element("testsuites")
    root.append(suite)
    ElementTree.indent(root)
    return '<?xml version="1.0" encoding="utf-8"?>\n' + ElementTree.tostring(root, encoding="unicode") + "\n"


def _case(stage: str, name: str, end: End, log: str, allowed: bool) -> ElementTree.Element:
    case = ElementTree.Element("testcase", classname=stage, name=name, time=f"{end.seconds:.3f}")
    if end.state == "skipped" or (end.state == "failure" and allowed):
        ElementTree.SubElement(case, "skipped", message=_xml(end.reason))
    elif end.state != "success":
        ElementTree.SubElement(case, "failure", message=_xml(f"{end.state}: {end.reason}"))
    if lines := tail(log):
        ElementTree.SubElement(case, "system-out").text = _xml("\n".join(lines))
    return case


def _xml(text: str) -> str:
    """The text without characters that no XML may hold."""
    return re.sub("[^\t\n -\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]", "\ufffd", text)
