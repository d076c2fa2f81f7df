"""Services beside a job: started here by the commands that the caller gives, since no containers are run."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from mlgen.ir import Job, Service
from mlgen.run.processes import Group, Log
from mlgen.run.workspace import Failed

HOST = "127.0.0.1"
"""Where a job finds its services: this machine, whoever started them."""
READY = 120.0
"""Seconds in which the ports of a service must answer, as on the CI systems."""


class Services:
    """The commands by name of service. Two jobs with one service take turns, as it has one set of ports here."""

    def __init__(self, commands: Mapping[str, str]) -> None:
        self.commands = commands
        self._locks = {name: threading.Lock() for name in sorted(commands)}

    @contextmanager
    def beside(self, job: Job, group: Group, env: Mapping[str, str], folder: str, log: Log) -> Iterator[None]:
        """Has the services of the job up, as far as there are commands for them; they end with the job."""
        started = sorted((s for s in job.services if s.name in self.commands), key=lambda s: s.name)
        held = []
        try:
            for service in started:
                lock = self._locks[service.name]
                while not lock.acquire(timeout=0.2):
                    group.check()
                held.append(lock)
                log.say(f"the service {service.name}: {self.commands[service.name]}")
                words = ["bash", "-euo", "pipefail", "-c", self.commands[service.name]]
                group.start(words, folder, {**env, **dict(service.env)})
                _await(service, group)
            yield
        finally:
            if held:
                group.end()
            for lock in held:
                lock.release()


def _await(service: Service, group: Group) -> None:
    until = time.monotonic() + READY
    for port in service.ports:
        while not _answers(port):
            group.check()
            if time.monotonic() > until:
                raise Failed(f"the service {service.name} does not answer at port {port}")
            time.sleep(0.1)


def _answers(port: int) -> bool:
    try:
        with socket.create_connection((HOST, port), timeout=1):
            return True
    except OSError:
        return False
