"""Answers GET /health, and POST /predict with a day as JSON. python -m demand.serve"""

import json
import os
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from demand.model import FEATURES, load, predict

WEIGHTS = load(os.environ.get("MODEL", "models/demand.json"))


class Handler(BaseHTTPRequestHandler):
    """The two addresses of the service."""

    def do_GET(self) -> None:
        """The health check."""
        self.answer(200, {"ok": True}) if self.path == "/health" else self.answer(404, {"error": "not found"})

    def do_POST(self) -> None:
        """A prediction."""
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        try:
            day = json.loads(body)
            row = {name: float(day[name]) for name in FEATURES}
        except (ValueError, KeyError, TypeError):
            self.answer(400, {"error": f"wanted: an object with {', '.join(FEATURES)}"})
            return
        self.answer(200, {"hires": round(predict(WEIGHTS, row))})

    def answer(self, status: int, data: object) -> None:
        """Send JSON."""
        text = json.dumps(data).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)


def main() -> None:
    """Serve until stopped."""
    ThreadingHTTPServer(("", int(os.environ.get("PORT", "8080"))), Handler).serve_forever()  # in a container


if __name__ == "__main__":
    main()
