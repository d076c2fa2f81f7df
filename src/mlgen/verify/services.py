"""The containers beside a job: what they are, by what they are started, and what the job waits for."""

from __future__ import annotations

from collections.abc import Iterator

from mlgen.ir import Job, Service
from mlgen.readback import SeenJob, Served
from mlgen.verify.fault import host_name, listed


def services(job: Job, seen: SeenJob) -> Iterator[tuple[str, str]]:
    """The differences, each with its aspect."""
    wanted = {host_name(service.name): service for service in job.services}
    found = {host_name(one.host): one for one in seen.services}
    asked, there = (sorted(f"{host} {one.image}" for host, one in each) for each in (wanted.items(), found.items()))
    if asked != there or len(found) != len(seen.services):
        yield "services", f"its services are {listed(there)}, not {listed(asked)}"
    every = {port for service in job.services for port in service.ports}
    for host in wanted.keys() & found.keys():
        one = found[host]
        ports = every if one.shares else set(wanted[host].ports)
        yield from (("services", f"the service {host} {what}") for what in _service(one, wanted[host], ports))


def _service(one: Served, service: Service, ports: set[int]) -> Iterator[str]:
    if dict(one.env) != dict(service.env):
        yield f"has other variables: {listed({name for name, _ in set(one.env) ^ set(service.env)})}"
    if one.command != service.command:
        yield f"runs {' '.join(one.command) or 'its own command'}, not {' '.join(service.command) or 'that'}"
    if one.options:
        yield f"is started with {' '.join(one.options)}"
    if one.ports is not None and sorted(one.ports) != sorted(service.ports):
        yield f"is reached at {listed(map(str, one.ports))}, not at {listed(map(str, service.ports))}"
    if one.ready is not None and one.ready != service.ready:
        yield f"counts as ready by `{one.ready}`, not by `{service.ready}`"
    told = bool(one.ready)  # a command tells that it is ready, and its ports need not be waited for
    if not told and (missing := set(service.ports) - one.waited):
        yield f"is not waited for at {listed(map(str, missing))}"
    if extra := one.waited - ports:
        yield f"is waited for at {listed(map(str, extra))}"
