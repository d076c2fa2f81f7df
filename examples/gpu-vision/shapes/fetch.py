"""Loads the pictures from the store. python -m shapes.fetch URL FILE --netrc NETRC"""

import argparse
import base64
import netrc
import urllib.parse
import urllib.request
from pathlib import Path

import numpy as np


def request(url: str, logins: str) -> urllib.request.Request:
    """The request, signed in as the netrc file says for the host."""
    host = urllib.parse.urlsplit(url).hostname or ""
    known = netrc.netrc(logins).authenticators(host)
    if known is None:
        raise SystemExit(f"error: {logins} has no login for {host}")
    signed = base64.b64encode(f"{known[0]}:{known[2]}".encode()).decode()
    return urllib.request.Request(url, headers={"Authorization": f"Basic {signed}"})


def main() -> None:
    """Write the file once all of it is here and can be read."""
    parser = argparse.ArgumentParser()
    parser.add_argument("url")
    parser.add_argument("path", type=Path)
    parser.add_argument("--netrc", required=True)
    args = parser.parse_args()
    with urllib.request.urlopen(request(args.url, args.netrc), timeout=60) as answer:
        content = answer.read()
    args.path.parent.mkdir(parents=True, exist_ok=True)
    args.path.write_bytes(content)
    with np.load(args.path) as data:
        print(f"{len(data['train'])} pictures to train on, {len(data['test'])} to measure with")


if __name__ == "__main__":
    main()
