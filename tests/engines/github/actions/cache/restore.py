"""Entries are immutable; a key is looked up exactly, then as a prefix, then the restore-keys as prefixes, newest first.

Entries of other paths are other entries. https://github.com/actions/cache
"""

import os
from urllib.parse import quote, unquote
from zlib import crc32

from stub import WORKSPACE, call, fail, flag, lines, output, save_state, store, text

key = text("key")
folder = store(os.path.join("caches", str(crc32("|".join(lines(text("path"))).encode()))))
names = sorted(os.listdir(folder), key=lambda name: os.stat(os.path.join(folder, name)).st_mtime_ns, reverse=True)
entries = {unquote(name): os.path.join(folder, name) for name in names}

prefixes = [key, *lines(text("restore-keys"))]
hit = key if key in entries else next((e for prefix in prefixes for e in entries if e.startswith(prefix)), None)
if hit is not None and not flag("lookup-only"):
    call("tar", "-xPf", entries[hit], "-C", WORKSPACE)
output({"cache-hit": "" if hit is None else str(hit == key).lower()})
save_state({"EXACT": hit == key, "FILE": os.path.join(folder, quote(key, safe=""))})
print(f"Cache not found for input keys: {', '.join(prefixes)}" if hit is None else f"Cache restored from key: {hit}")
if hit is None and flag("fail-on-cache-miss"):
    fail(f"Failed to restore cache entry. Input key: {key}")
