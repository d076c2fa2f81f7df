"""Publish the model: here, print what would be uploaded."""

import json
from pathlib import Path

if __name__ == "__main__":
    print(f"published: {json.loads(Path('model.json').read_text())}")
