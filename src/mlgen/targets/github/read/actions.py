"""The actions that a workflow may use without the spec's words, each at the one commit that was looked at.

https://docs.github.com/en/actions/reference/security/secure-use#using-third-party-actions: only a whole commit cannot
be moved, and that a commit is whole does not say whose it is: a fork's are found under the name of its origin, too.
"""

from __future__ import annotations

PINS = {
    "actions/checkout": "3d3c42e5aac5ba805825da76410c181273ba90b1",
    "actions/setup-python": "5fda3b95a4ea91299a34e894583c3862153e4b97",
    "actions/upload-artifact": "bbbca2ddaa5d8feaa63e36b76fdaad77386f024f",
    "actions/download-artifact": "3e5f45b2cfb9172054b4087a40e8e0b5a5461e7c",
    "actions/cache": "27d5ce7f107fe9357f9df03efb73ab90386fccae",
    "aws-actions/configure-aws-credentials": "e6de054238d6b7531b4efff3b6587d9aade6a06c",
    "google-github-actions/auth": "7c6bc770dae815cd3e89ee6cdf493a5fab2cc093",
    "azure/login": "f5d393ae46f8fde4be8b75f32e3fc50e654ad0ca",
}

CLOUDS = {
    "aws-actions/configure-aws-credentials": ("aws", {"role-to-assume": "role", "aws-region": "region"}),
    "google-github-actions/auth": (
        "gcp",
        {"workload_identity_provider": "provider", "service_account": "service_account"},
    ),
    "azure/login": ("azure", {"client-id": "client", "tenant-id": "tenant", "subscription-id": "subscription"}),
}
"""The actions that log in to clouds, and what their inputs are in the language's words."""
