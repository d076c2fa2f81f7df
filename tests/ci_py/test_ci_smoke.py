"""`ci.py smoke` against a small server."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

Call = Callable[..., Any]


class Service(ThreadingHTTPServer):
    """Answers as `answers` say, one after another; the last one again and again."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.answers: list[tuple[int, Any, float]] = [(200, {"ok": True}, 0)]
        self.asked = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/health"


class Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        service: Any = self.server
        status, body, pause = service.answers[min(service.asked, len(service.answers) - 1)]
        service.asked += 1
        time.sleep(pause)
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *args: Any) -> None:
        pass


@pytest.fixture
def service() -> Iterator[Service]:
    server = Service()
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


def test_a_service_that_is_well(call: Call, service: Service) -> None:
    done = call("smoke", service.url, "--json", "ok=true")
    done.passed()
    assert done.out.startswith(f"smoke: {service.url}: status 200 in ")


def test_without_time_it_is_asked_once(call: Call, service: Service) -> None:
    service.answers = [(503, b"", 0)]
    call("smoke", service.url).failed_last("status 503 instead of 200, after 1 try")
    assert service.asked == 1


def test_it_may_take_a_while_to_come_up(call: Call, service: Service) -> None:
    bodies: list[Any] = [b"starting", {"ok": False}, {"ok": True}]
    service.answers = [(503, b"", 0), (503, b"", 0), *((200, body, 0) for body in bodies)]
    done = call("smoke", service.url, "--json", "ok=true", "--within", "20", "--pause", "0.01")
    done.passed()
    assert [line.removeprefix("smoke: ") for line in done.out.splitlines()[:-1]] == [
        "status 503 instead of 200",
        "the answer is not JSON",
        "ok is false instead of true",
    ]


def test_time_runs_out(call: Call, service: Service) -> None:
    service.answers = [(500, b"", 0)]
    began = time.monotonic()
    call("smoke", service.url, "--within", "0.3", "--pause", "0.1").failed_last("status 500 instead of 200, after ")
    assert time.monotonic() - began < 10
    assert service.asked > 1


@pytest.mark.parametrize(
    ("expected", "said"),
    [
        ("model.version=7", "model.version is 8 instead of 7"),
        ("model.version=8", ""),
        ('model.version="8"', 'model.version is 8 instead of "8"'),
        ("model.name=wine", ""),
        ("model.stage=x", "the answer has no model.stage"),
        ("ok=1", "ok is true instead of 1"),
        ("list=[1]", ""),
    ],
)
def test_values_of_the_answer(call: Call, service: Service, expected: str, said: str) -> None:
    service.answers = [(200, {"model": {"version": 8, "name": "wine"}, "ok": True, "list": [1]}, 0)]
    done = call("smoke", service.url, "--json", expected)
    if said:
        done.failed_last(said)
    else:
        done.passed()


def test_an_answer_that_takes_too_long(call: Call, service: Service) -> None:
    service.answers = [(200, {}, 0.3)]
    call("smoke", service.url, "--latency", "0.05").failed_last("the answer took ", "more than 50 ms")
    call("smoke", service.url, "--latency", "5").passed()


def test_another_status_can_be_wanted(call: Call, service: Service) -> None:
    service.answers = [(401, b"", 0)]
    call("smoke", service.url, "--status", "401").passed()


def test_nobody_answers(call: Call) -> None:
    call("smoke", "http://127.0.0.1:9/").failed_last("no answer: ", "after 1 try")


def test_wrong_usage(call: Call) -> None:
    call("smoke", "http://127.0.0.1:9/", "--json", "x").failed("NAME=VALUE", code=2)
