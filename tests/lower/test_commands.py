"""Actions as scripts, and what they add to their jobs: edges, variables, secrets."""

from tests.lower.specs import codes, edges, pipeline

SECRETS = "secrets: {MLFLOW_TRACKING_URI: {}, ML_URI: {}}\n"
MODEL = """
model: {name: wine-quality, path: models/model.pkl, flavor: sklearn}
stages:
  train:
    fit: {run: x, params: [params.yaml], outs: [models/], metrics: [metrics.json, other.json]}
    other: {run: x, outs: [else.txt]}
  test: {reg: {register: {}}}
  deploy: {champion: {needs: [reg], promote: {}}}
"""


def test_a_model_is_received_with_its_metrics_and_parameters() -> None:
    found = pipeline(SECRETS + "tracking: {mlflow: {uri: '${MLFLOW_TRACKING_URI}'}}" + MODEL)
    register = found.job("test.reg")
    assert register.run.split(" \\\n  ") == [
        "python3 .mlgen/registry.py register wine-quality",
        "--path models/model.pkl",
        "--alias challenger",
        "--flavor sklearn",
        "--metrics metrics.json",
        "--metrics other.json",
        "--params params.yaml",
    ]
    assert edges(register) == {"train.fit": "hard", "train.other": "barrier"}
    assert set(register.takes[0].paths) == {"models", "metrics.json", "other.json"}
    assert found.job("deploy.champion").run == (
        "python3 .mlgen/registry.py promote wine-quality --from challenger --to champion"
    )


def test_names_default_to_the_projects() -> None:
    found = pipeline("stages: {a: {r: {register: m.bin}, p: {needs: [r], promote: best}}}")
    assert found.job("a.r").run == "python3 .mlgen/registry.py register wine --path m.bin --alias challenger"
    assert found.job("a.p").run.split(" wine ")[1] == "--from challenger --to best --previous previous-best"


def test_who_trains_or_uses_the_registry_knows_the_server() -> None:
    found = pipeline(SECRETS + "tracking: {mlflow: {uri: '${ML_URI}', experiment: e}}" + MODEL)
    for name in ("train.fit", "train.other", "test.reg", "deploy.champion"):
        job = found.job(name)
        assert [(use.variable, use.name) for use in job.secrets] == [("MLFLOW_TRACKING_URI", "ML_URI")]
        assert dict(job.env) == {"MLFLOW_EXPERIMENT_NAME": "e"}


def test_an_address_without_a_secret_is_a_variable() -> None:
    text = "tracking: {mlflow: {uri: 'https://m.example.org'}}\nstages: {train: {fit: {run: x}}, test: {t: {run: x}}}"
    assert dict(pipeline(text).job("train.fit").env) == {"MLFLOW_TRACKING_URI": "https://m.example.org"}
    assert pipeline(text).job("test.t").env == ()
    text = "secrets: {PART: {}}\nenv: {WHERE: m}\n" + text.replace("m.example.org", "${WHERE}.org/${PART}")
    fit = pipeline(text).job("train.fit")
    assert fit.dynamic == (("MLFLOW_TRACKING_URI", '"https://${WHERE}.org/${PART}"'),)
    assert [use.variable for use in fit.secrets] == ["PART"]
    text = "tracking: {mlflow: }\nstages: {train: {fit: {run: x}}}"
    assert dict(pipeline(text).job("train.fit").env) == {"MLFLOW_TRACKING_URI": "sqlite:///mlflow.db"}


def test_what_a_job_says_itself_goes_first() -> None:
    text = """
    tracking: {mlflow: {uri: "${MLFLOW_TRACKING_URI}", experiment: e}}
    stages:
      train:
        a: {run: x, secrets: [MLFLOW_TRACKING_URI]}
        b: {run: x, env: {MLFLOW_TRACKING_URI: other, MLFLOW_EXPERIMENT_NAME: f}}
    """
    found = pipeline("secrets: {MLFLOW_TRACKING_URI: {}}" + text.replace("\n    ", "\n"))
    assert len(found.job("train.a").secrets) == 1
    assert found.job("train.b").secrets == ()
    assert dict(found.job("train.b").env) == {"MLFLOW_TRACKING_URI": "other", "MLFLOW_EXPERIMENT_NAME": "f"}


def test_a_registry_that_nothing_keeps_is_told() -> None:
    assert codes("stages: {a: {r: {register: m.bin}}}") == ["MLG215"]
    assert codes("stages: {a: {r: {register: m.bin, outs: [mlflow.db]}}}") == []
    assert codes("env: {MLFLOW_TRACKING_URI: 'http://x'}\nstages: {a: {r: {register: m.bin}}}") == []


def test_legs_of_a_matrix_share_no_metrics() -> None:
    text = (
        "stages: {train: {fit: {run: x, matrix: {s: [1, 2]}, outs: ['m/${matrix.s}'], metrics: ['${matrix.s}.json']}}"
    )
    found = pipeline(text + ", test: {reg: {register: m/1}}}")
    assert "--metrics" not in found.job("test.reg").run
    assert edges(found.job("test.reg")) == {"train.fit": "hard"}
