"""Answers GET /health, and POST /predict with a picture as JSON; Redis keeps the answers. python -m shapes.serve"""

import hashlib
import json
import os
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import numpy as np
import redis

from shapes import net
from shapes.draw import NAMES, SIZE

MODEL = os.environ.get("MODEL", "models/shapes.npz")


class Service:
    """The model with the cache of its answers; without `REDIS_HOST` there is none."""

    def __init__(self) -> None:
        self.net = net.load(MODEL)
        with open(MODEL, "rb") as file:
            self.version = hashlib.sha256(file.read()).hexdigest()[:12]
        host = os.environ.get("REDIS_HOST")
        port = int(os.environ.get("REDIS_PORT", "6379"))
        self.cache = redis.Redis(host, port, socket_timeout=1, decode_responses=True) if host else None

    def predict(self, picture: np.ndarray) -> dict[str, Any]:
        """The shape of a picture; `cached`: it was asked for before."""
        key = f"shapes:{self.version}:{hashlib.sha256(picture.tobytes()).hexdigest()}"
        known = self._cached("get", key)
        if known:
            return {"shape": known, "cached": True}
        shape = NAMES[int(net.predict(self.net, picture[None]).argmax())]
        self._cached("set", key, shape)
        return {"shape": shape, "cached": False}

    def _cached(self, command: str, *words: str) -> Any:
        """A cache that is away costs time, not answers."""
        try:
            return getattr(self.cache, command)(*words) if self.cache else None
        except redis.RedisError as error:
            print(f"the cache does not answer: {error}")
            return None


class Handler(BaseHTTPRequestHandler):
    """The two addresses of the service."""

    service: Service

    def do_GET(self) -> None:
        """The health check."""
        if self.path == "/health":
            self.answer(200, {"ok": True, "model": self.service.version})
        else:
            self.answer(404, {"error": "not found"})

    def do_POST(self) -> None:
        """A prediction."""
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        try:
            picture = np.asarray(json.loads(body), dtype=np.float32)
        except (ValueError, TypeError):
            picture = np.zeros(0)
        if picture.shape != (SIZE, SIZE):
            self.answer(400, {"error": f"wanted: {SIZE} rows of {SIZE} numbers"})
            return
        self.answer(200, self.service.predict(picture))

    def answer(self, status: int, data: object) -> None:
        """Send JSON."""
        text = json.dumps(data).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *args: Any) -> None:
        """Quiet."""


def main() -> None:
    """Serve until stopped."""
    Handler.service = Service()
    ThreadingHTTPServer(("", int(os.environ.get("PORT", "8080"))), Handler).serve_forever()  # in a container


if __name__ == "__main__":
    main()
