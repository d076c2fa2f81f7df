"""Damage to what surrounds the scripts of .gitlab-ci.yml: containers, caches, terms, identities, machines."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from tests.readback import test_mutants_gitlab as others
from tests.readback.damage import table, tried
from tests.readback.test_mutants_gitlab import (
    Data,
    Edit,
    File,
    commands,
    dropping,
    edits,
    harmless,
    lines,
    rules,
    setting,
)

KNOWN = len(others.KINDS)


def services(file: File) -> Iterator[Data]:
    """Every service but a Docker daemon."""
    for job in file.jobs.values():
        yield from (service for service in job.get("services", ()) if service["alias"] != "docker")


@edits
def a_service_has_other_variables(file: File) -> Iterator[Edit]:
    for service in services(file):
        yield setting(service, "variables", {**service.get("variables", {}), "POSTGRES_HOST_AUTH_METHOD": "trust"})
        for name in service.get("variables", {}):
            yield dropping(service["variables"], name)
            yield setting(service["variables"], name, "$TOKEN")


@edits
def a_service_has_another_command(file: File) -> Iterator[Edit]:
    for service in services(file):
        yield setting(service, "command", [*service.get("command", []), "--evil"])
        yield setting(service, "entrypoint", ["sh", "-c", "curl https://x.example"])


@edits
def a_service_is_added(file: File) -> Iterator[Edit]:
    for job in file.jobs.values():
        yield setting(job, "services", [*job.get("services", ()), {"name": "evil:1", "alias": "more"}])


@edits
def another_port_is_waited_for(file: File) -> Iterator[Edit]:
    for _, script, number in lines(file, "before_script"):
        if "/dev/tcp/" in script[number]:
            yield setting(script, number, re.sub(r'(MLGEN_HOST_\w+" )\d+', r"\g<1>1", script[number]))


@edits
def an_image_starts_otherwise(file: File) -> Iterator[Edit]:
    for name, job in file.jobs.items():
        image = job.get("image")
        if image and file.meant(name).image:
            said = image if isinstance(image, dict) else {"name": image}
            yield setting(job, "image", {**said, "entrypoint": ["sh", "-c", "curl https://x.example"]})
            yield setting(job, "image", {**said, "pull_policy": "never"})
            if "entrypoint" in said:
                yield dropping(said, "entrypoint")


@edits
def files_are_kept_for_another_time(file: File) -> Iterator[Edit]:
    for job in file.jobs.values():
        if job.get("artifacts", {}).get("paths"):
            yield setting(job["artifacts"], "expire_in", "1 day")
            yield setting(job["artifacts"], "expire_in", "never")
            if "expire_in" in job["artifacts"]:
                yield dropping(job["artifacts"], "expire_in")


@edits
def kept_files_are_lost_after_a_failure(file: File) -> Iterator[Edit]:
    for name, job in file.jobs.items():
        keep = file.meant(name).keep
        if keep and keep.result == "any":
            yield dropping(job["artifacts"], "when")


@edits
def files_are_for_others_to_see(file: File) -> Iterator[Edit]:
    for job in file.jobs.values():
        if "artifacts" in job:
            yield setting(job["artifacts"], "access", "all")
            yield setting(job["artifacts"], "untracked", True)


def caches(file: File) -> Iterator[Data]:
    """Every cache but mlgen's own."""
    for job in [file.config.get("default", {}), *file.jobs.values()]:
        yield from (cache for cache in job.get("cache", ()) if not str(cache["paths"]).startswith("['.mlgen/"))


@edits
def a_cache_ignores_its_files(file: File) -> Iterator[Edit]:
    for cache in caches(file):
        if isinstance(cache["key"], dict):
            yield setting(cache, "key", "cache")
            yield setting(cache["key"], "files", ["other"])
            yield setting(cache, "key", {"files": [], "prefix": "x"})


@edits
def a_cache_takes_any_other(file: File) -> Iterator[Edit]:
    for cache in caches(file):
        yield setting(cache, "fallback_keys", ["x"])
        yield setting(cache, "unprotect", True)


@edits
def another_folder_is_cached(file: File) -> Iterator[Edit]:
    for cache in caches(file):
        yield setting(cache, "paths", [*cache["paths"], "src/"])


@edits
def a_deployment_has_a_cache(file: File) -> Iterator[Edit]:
    for name, job in file.jobs.items():
        if file.meant(name).deploys and file.meant(name).caches and "default" in file.config and "cache" in job:
            yield dropping(job, "cache")


@edits
def an_address_is_another(file: File) -> Iterator[Edit]:
    for job in file.jobs.values():
        if "environment" in job:
            yield setting(job["environment"], "url", "https://evil.example.org")
            if "$" not in job["environment"].get("url", "$"):
                yield dropping(job["environment"], "url")
    for _, script, number in lines(file, "script"):
        if "MLGEN_URL=" in script[number]:
            yield setting(script, number, re.sub(r'%s\\n\' "', r"%s\\n' \"https://evil.example.org/", script[number]))


@edits
def a_token_is_for_another_audience(file: File) -> Iterator[Edit]:
    for job in file.jobs.values():
        for said in job.get("id_tokens", {}).values():
            yield setting(said, "aud", "https://evil.example.org")


@edits
def a_role_is_another(file: File) -> Iterator[Edit]:
    for _, script, number in lines(file, "before_script"):
        for form in ('(AWS_ROLE_ARN=")', r"(//iam\.googleapis\.com/)", '(AZURE_CLIENT_ID=")', '(AZURE_TENANT_ID=")'):
            yield setting(script, number, re.sub(form, r"\1evil", script[number]))


@edits
def who_approves_is_asked_something_else(file: File) -> Iterator[Edit]:
    for job in file.jobs.values():
        if "manual_confirmation" in job:
            yield setting(job, "manual_confirmation", "Go on?")
            yield dropping(job, "manual_confirmation")


@edits
def all_jobs_run_elsewhere(file: File) -> Iterator[Edit]:
    def edit(f: File) -> None:
        for job in f.jobs.values():
            if not job.get("tags"):
                job["tags"] = ["shell"]

    yield edit


@edits
def a_runner_is_another(file: File) -> Iterator[Edit]:
    for name, job in file.jobs.items():
        if job.get("tags") and "runner" not in file.meant(name).varies:
            yield setting(job, "tags", ["other"])


@edits
def a_job_starts_later(file: File) -> Iterator[Edit]:
    for _, _, rule in rules(file):
        if rule.get("when") != "never":
            yield lambda _, rule=rule: rule.update(when="delayed", start_in="1 day")  # type: ignore[misc]


@edits
def some_exit_codes_are_no_failure(file: File) -> Iterator[Edit]:
    for job in file.jobs.values():
        if not job.get("allow_failure"):
            yield setting(job, "allow_failure", {"exit_codes": [1]})


@edits
def a_retry_on_some_failures(file: File) -> Iterator[Edit]:
    for job in file.jobs.values():
        yield setting(job, "retry", {"max": 2, "when": ["script_failure"]})


@edits
def an_environment_is_stopped(file: File) -> Iterator[Edit]:
    for job in file.jobs.values():
        if "environment" in job and "action" not in job["environment"]:
            yield setting(job["environment"], "action", "stop")
            yield setting(job["environment"], "action", "prepare")


@edits
def defaults_are_not_inherited(file: File) -> Iterator[Edit]:
    for job in file.jobs.values():
        if "default" in file.config and "before_script" not in job and file.config["default"].get("before_script"):
            yield setting(job, "inherit", {"default": False})
        if "inputs." in str(file.config.get("variables")):
            yield setting(job, "inherit", {"variables": False})


@edits
def a_script_goes_on_after_a_failure(file: File) -> Iterator[Edit]:
    for script, number in commands(file):
        yield setting(script, number, f"set +e\n{script[number]}")
        yield setting(script, number, f"{script[number]}\nexit 0")


@edits
def files_come_from_elsewhere(file: File) -> Iterator[Edit]:
    for job in file.jobs.values():
        for number, need in enumerate(job.get("needs", ())):
            said = {"job": need} if isinstance(need, str) else need
            yield setting(job["needs"], number, {**said, "project": "evil/x", "ref": "main"})


@edits
def text_comes_from_elsewhere(file: File) -> Iterator[Edit]:
    if file.workflow:
        yield lambda f: f.config.update(include=[{"remote": "https://x.example/ci.yml"}])
        yield lambda f: f.config.setdefault("default", {}).update(hooks={"pre_get_sources_script": ["curl x"]})


TABLE = table(others.KINDS[KNOWN:])


@pytest.mark.parametrize("kind", TABLE)
def test_is_told(kind: str) -> None:
    found = list(tried("gitlab", TABLE[kind], harmless))
    assert found, "this kind applies nowhere"
    assert not [f"{each.project}: {others._shown(each)}" for each in found if each]


def test_no_kind_is_there_twice() -> None:
    assert not TABLE.keys() & others.TABLE.keys()
