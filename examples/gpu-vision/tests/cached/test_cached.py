"""The service and its cache, which `REDIS_HOST` names."""

import json
import os
import threading
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from http.server import ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import redis
from shapes import draw, net, serve

Ask = Callable[[Any], Any]


@pytest.fixture
def ask(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Ask]:
    pictures, shapes = draw.pictures(300, seed=3)
    path = str(tmp_path / "m.npz")
    net.save(path, net.fit(net.start(16, 1, 3), pictures, shapes, steps=50))
    monkeypatch.setattr(serve, "MODEL", path)
    serve.Handler.service = serve.Service()
    with ThreadingHTTPServer(("127.0.0.1", 0), serve.Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        base = f"http://127.0.0.1:{server.server_port}"

        def ask(body: Any) -> Any:
            wanted = urllib.request.Request(f"{base}/predict", json.dumps(body).encode()) if body else f"{base}/health"
            with urllib.request.urlopen(wanted, timeout=10) as answer:
                return json.load(answer)

        yield ask
        server.shutdown()


def test_a_second_question_is_answered_from_the_cache(ask: Ask) -> None:
    redis.Redis(os.environ["REDIS_HOST"], int(os.environ.get("REDIS_PORT", "6379"))).ping()
    picture = draw.pictures(3, seed=os.getpid())[0][2].tolist()
    first, second = ask(picture), ask(picture)
    assert first == {"shape": first["shape"], "cached": False}
    assert second == {"shape": first["shape"], "cached": True}


def test_without_its_cache_the_service_answers(monkeypatch: pytest.MonkeyPatch, ask: Ask) -> None:
    monkeypatch.setattr(serve.Handler.service, "cache", redis.Redis("127.0.0.1", 1, socket_timeout=1))
    picture = draw.pictures(3, seed=8)[0][0].tolist()
    assert [ask(picture)["cached"], ask(picture)["cached"]] == [False, False]
    assert ask(None)["ok"] is True


def test_what_is_no_picture_is_refused(ask: Ask) -> None:
    for body in ([[1, 2]], {"a": 1}, "x"):
        with pytest.raises(urllib.error.HTTPError, match="400"):
            ask(body)
