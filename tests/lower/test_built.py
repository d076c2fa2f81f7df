"""`image: {from: JOB}`: what it means, whatever the CI system."""

from mlgen.ir.values import Built, Container
from tests.lower.specs import codes, edges, pipeline

SPEC = """
env: {HOST: ghcr.io, TEAM: org}
secrets: {U: {}, P: {}}
triggers: {push: {branches: [main]}, pull_request: {}, manual: {}}
runtime: {image: python:3.11, setup: ./install.sh}
stages:
  image:
    api: {build: BUILD}
  check:
    a: {run: ./a.sh, needs: [], image: IMAGE}
"""


def spec(build: str = "ghcr.io/org/api", image: str = "{from: api}") -> str:
    return SPEC.replace("BUILD", build).replace("IMAGE", image)


def test_the_job_needs_the_builder_and_its_image() -> None:
    found = pipeline(spec())
    job = found.job("check.a")
    assert edges(job) == {"image.api": "hard"}
    assert job.edges[0].exports
    assert job.image == "${MLGEN_IMAGE_API}"
    assert job.built == Built("image.api", "ghcr.io/org/api", "ghcr.io/org/api:${MLGEN_COMMIT}", "MLGEN_IMAGE_API")
    assert job.container is None
    assert job.setup == "./install.sh", "all else of the runtime stays"


def test_it_does_not_run_where_nothing_is_pushed() -> None:
    found = pipeline(spec())
    assert found.job("image.api").condition.pull_request is True
    assert found.job("check.a").condition.pull_request is False
    assert found.job("check.a").condition.push is True


def test_the_builder_s_own_condition_is_kept() -> None:
    found = pipeline(spec("{image: ghcr.io/org/api}, when: {event: manual}"))
    assert found.job("check.a").condition.push is False
    assert found.job("check.a").condition.manual is True


def test_the_tag_that_tells_the_commit() -> None:
    def tagged(build: str) -> str:
        built = pipeline(spec(build)).job("check.a").built
        assert built
        return built.tagged

    assert tagged("'${HOST}/${TEAM}/api'") == "ghcr.io/org/api:${MLGEN_COMMIT}"
    several = "{image: ghcr.io/a, tags: [latest, 'v-${MLGEN_COMMIT}-${TEAM}', '${MLGEN_COMMIT}']}"
    assert tagged(several) == "ghcr.io/a:v-${MLGEN_COMMIT}-org"
    assert tagged("{image: ghcr.io/a, tags: [latest, '${MLGEN_TAG}']}") == ""
    assert tagged("{image: ghcr.io/a, tags: ['${MLGEN_TAG}-${MLGEN_COMMIT}']}") == ""


def test_who_fetches_it() -> None:
    by_pair = "{image: ghcr.io/a, login: {username: U, password: P}}"
    assert pipeline(spec(by_pair)).job("check.a").container == Container(username="U", password="P")
    job = pipeline(spec(by_pair, "{from: api, user: root}")).job("check.a")
    assert job.container == Container(user="root", username="U", password="P")
    assert [use.name for use in job.secrets] == [], "the job's own scripts do not see it"
    job = pipeline(spec("{image: ghcr.io/a, login: host}")).job("check.a")
    assert (job.built and job.built.login, job.container) == ("host", None)
    own = "{from: api, credentials: {username: U, password: P}}"
    job = pipeline(spec("{image: ghcr.io/a, login: host}", own)).job("check.a")
    assert (job.built and job.built.login, job.container) == ("", Container(username="U", password="P"))


def test_a_cloud_s_registry_is_the_machine_s_to_know() -> None:
    ecr = "{image: 1.dkr.ecr.eu-west-1.amazonaws.com/a, login: ecr}"
    assert codes(spec(ecr)) == ["MLG224"]
    assert codes(spec(ecr, "{from: api, credentials: {username: U, password: P}}")) == []


def test_the_runtime_of_a_job_may_say_it() -> None:
    text = spec().replace("image: {from: api}", "runtime: {image: {from: image.api}}")
    assert edges(pipeline(text).job("check.a")) == {"image.api": "hard"}


def test_how_an_image_is_run_may_be_said_alone() -> None:
    job = pipeline(spec(image="{user: root}")).job("check.a")
    assert (job.image, job.container) == ("python:3.11", Container(user="root"))
    assert codes("stages: {a: {b: {run: x, image: {user: root}}}}") == ["MLG103"]
