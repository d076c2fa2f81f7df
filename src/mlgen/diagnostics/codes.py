"""The catalogue of diagnostic codes: what `mlgen explain CODE` prints.

0xx reading the text, 1xx the schema, 2xx references between keys, 3xx order and conditions, 4xx what a target
cannot say, 5xx the files that are written, 7xx packs, 8xx a run on this machine, 9xx constructs that this version does not compile yet.
"""

from __future__ import annotations

from mlgen.named import NamedTuple


class Code(NamedTuple):
    """A kind of diagnostic: its one-line title, and what it means and how to mend it."""

    title: str
    text: str


CODES: dict[str, Code] = {
    "MLG001": Code(
        "the spec cannot be read",
        "The file is missing, not readable, or not UTF-8. Name the spec with `-f`, or run `mlgen` in the folder that holds mlgen.yaml.",
    ),
    "MLG002": Code(
        "the spec is not YAML",
        "The text does not parse as YAML 1.2. The position is where the parser gave up; the fault is often a line earlier: a missing quote, a tab, or a wrong indentation.",
    ),
    "MLG003": Code(
        "a key is given twice",
        "YAML keeps only one of two equal keys, so one of them would be lost silently. Remove one.",
    ),
    "MLG004": Code(
        "an alias or merge that cannot be followed",
        "`<<` takes a mapping or a list of mappings, an anchor may not contain itself, and a few lines of aliases may not stand for hundreds of thousands of values.",
    ),
    "MLG005": Code("a key is not a string", "Keys of the spec are strings. Quote the key."),
    "MLG006": Code(
        "a line that cannot be explained",
        "`mlgen explain FILE:LINE` takes a line of the spec on which a key stands, or of a file that `mlgen compile` writes from it. If the file is not current, compile first.",
    ),
    "MLG101": Code(
        "an unknown key", "The key is not part of the language. Keys that start with `x-` are free for your own use."
    ),
    "MLG102": Code(
        "a value of the wrong form",
        "The value does not satisfy the schema: a wrong type, a value outside a list, or text of the wrong form. `mlgen schema` prints the schema.",
    ),
    "MLG103": Code("a required key is missing", "Add the key. `mlgen schema` prints what each mapping needs."),
    "MLG104": Code(
        "a number that YAML reads otherwise than it is written",
        '`python: 3.10` is the number 3.1 to YAML, 0755 is 755 and 1e3 is 1000.0. A version, a variable and a value of a matrix are text to a job: quote them, `python: "3.10"`.',
    ),
    "MLG105": Code(
        "a value that looks like a credential",
        "A spec is committed, and a value in it is public. List a secret by name under `secrets` instead, or write `{public: VALUE}` if it is none.",
    ),
    "MLG121": Code(
        "an imported file that cannot be understood",
        "A stage says `from:` a dvc.yaml or an MLproject, and that file, or one that it names, is missing or not of the form that its own tool takes. The position is in that file, or in mlgen.yaml where the file is named.",
    ),
    "MLG122": Code(
        "a template that has no value at compile time",
        "`${…}` of a dvc.yaml is replaced when mlgen compiles, from params.yaml beside it, its `vars`, and the items of `foreach` and `matrix`; `{name}` of an MLproject's command from the parameter's default, or from an input of that name under `triggers`. Give it a value in one of these places, or write the job's `run` over the imported one.",
    ),
    "MLG123": Code(
        "a part of an imported file that a job cannot say",
        "DVC and MLflow do some things that no CI job does: they track files outside the project, mount folders of the machine, skip frozen stages or make conda environments. The hint says what to write instead.",
    ),
    "MLG201": Code(
        "a name that is not defined",
        "The spec refers to a job, secret, gate, environment, runner, schedule or event that it does not define.",
    ),
    "MLG202": Code(
        "a name that more than one job has", "Two stages hold a job of this name. Say which one: `stage.job`."
    ),
    "MLG203": Code(
        "a job has no action, or more than one",
        "A job does one thing: `run`, or `gate`. What a gate must hold is written once, under `gates`.",
    ),
    "MLG204": Code(
        "a secret outside its environments",
        "A secret bound to environments reaches only jobs of these environments. Give the job the environment, or bind the secret to it too.",
    ),
    "MLG205": Code(
        "a gate without its metrics file",
        "No job has the metrics file of the gate among its `metrics` or `outs`, so that there is nothing to judge.",
    ),
    "MLG206": Code(
        "legs of a matrix share a file or an export",
        'Each leg would write the same file. Put an axis into the path: `outs: ["result-${matrix.seed}.json"]`.',
    ),
    "MLG207": Code(
        "a reference that cannot be resolved",
        "`${matrix.AXIS}` names an axis of the job's own matrix, of which every leg has a value; `exclude` names axes, too.",
    ),
    "MLG208": Code(
        "a path that leaves the project, or that not every CI system can say",
        "Paths are relative to the project's root, use `/`, and stay below it. Characters that some CI system cannot take in a path are refused.",
    ),
    "MLG209": Code(
        "a requirement that cannot be read",
        "A gate's requirement is `METRIC OP NUMBER` or `METRIC OP baseline`, with `± NUMBER` after `baseline` if wanted. OP is one of >= <= > < == !=.",
    ),
    "MLG210": Code(
        "two names that become one",
        "Two names differ only in characters that a CI system does not keep. Rename one of them.",
    ),
    "MLG211": Code(
        "a matrix without legs, with too many, or with a value twice",
        'A matrix has at least one leg after `exclude`, and at most 256 in all. The values of an axis are text to a job, so that 1 and "1" are the same.',
    ),
    "MLG212": Code(
        "a variable is defined twice",
        "The job would see two values of one variable: from `env`, `secrets`, an axis of the matrix or an export; or its name begins with MLGEN_, which are mlgen's own. Rename one. A gate with `on_fail: stop` tells its answer by a variable too: one job asks it.",
    ),
    "MLG213": Code(
        "a default that is not of its type", "The default of an input must be a value that the input itself accepts."
    ),
    "MLG214": Code(
        "a duration that is too long or too short", "Durations are 30s, 20m, 2h or 7d, and at least one second."
    ),
    "MLG215": Code(
        "a model registry that nothing keeps",
        "The job records a model in a file of its own workspace, which is gone when the job ends. Give the address of an MLflow server under `tracking.mlflow.uri`.",
    ),
    "MLG216": Code(
        "a secret where it would be seen",
        "Build arguments, names and tags stay in the image, and whoever has the image can read them. Mount the secret in a script of your own, `docker build --secret`.",
    ),
    "MLG217": Code(
        "a release without a tag",
        "`release` makes a release of the tag that started the run. On other events there is none: let the job run on tags only, `when: {event: tag}`.",
    ),
    "MLG220": Code(
        "A reference to nothing",
        "`${NAME}` in a value is the job's variable of that name: its env, secrets, the values that the jobs before it export, the portable variables, and `${matrix.AXIS}`. In a path only an axis may stand, since files are known before the run. In a script, write plain shell.",
    ),
    "MLG221": Code(
        "Nothing that could have changed",
        "`changed: true` looks at the job's deps and params, and the job has none. Give it some, or name the paths.",
    ),
    "MLG222": Code(
        "A condition that cannot stand here",
        "`result` belongs to the job as a whole: it stands once, in the one mapping of `when`, and is not negated, nor is a value beside it. A job cannot wait for a value that it exports itself, nor for one of a job that may fail (`allow_failure`): let its command catch the failure and export a value that says so.",
    ),
    "MLG223": Code(
        "an image that the job cannot run in",
        "`image: {from: JOB}` is the image that a job with `build` pushes. It must have a name that is known before the run, and be one image, of another job, whose success this one needs.",
    ),
    "MLG224": Code(
        "an image that the machine must be able to fetch by itself",
        "A job's image is fetched before the job has any identity at a cloud. Let the machines that run it know the registry, by a role or a credential helper, or give `credentials`.",
    ),
    "MLG225": Code(
        "A project that is not where it says",
        "`project.root` is the folder of its repository in which the spec lies: services/api for services/api/mlgen.yaml. Paths that CI systems count from the repository's root begin with it. Say the folder as it is, or move the spec there.",
    ),
    "MLG301": Code(
        "jobs that wait for each other",
        "The edges of `needs`, `deps` and the order of the stages form a circle, so that none of these jobs could start.",
    ),
    "MLG302": Code(
        "two jobs make one file",
        "Two jobs that can run together have the same path among their outputs. Rename one of them.",
    ),
    "MLG303": Code(
        "a job that no event can run",
        "The job's condition, its environment, the triggers and the jobs it depends on leave no event on which it could run.",
    ),
    "MLG304": Code(
        "a schedule that asks for a job it cannot have",
        "The schedule's `stages` admit the job, but a job that it depends on does not run on that schedule.",
    ),
    "MLG305": Code(
        "a deployment that can pass by a gate",
        "The job deploys on an event on which a gate of an earlier stage does not run. Let the gate run there, narrow the deployment, or name the gate as `{job: GATE, optional: true}` in `needs`.",
    ),
    "MLG306": Code(
        "cancelling runs that deploy",
        "A newer commit would cancel a run in the middle of a deployment. Take the event out of `concurrency.cancel`.",
    ),
    "MLG307": Code(
        "two schedules cannot be told apart",
        "Two schedules have the same name or the same cron expression. CI systems tell a run which expression started it, so each needs its own.",
    ),
    "MLG401": Code(
        "a construct that a target cannot say",
        "The CI system has no means for this that would mean the same. Choose one of the fallbacks named in the message under `targets.NAME.fallback`, or leave the target out. `mlgen targets` prints what each target can say.",
    ),
    "MLG402": Code(
        "a construct that a target says in a weaker way",
        "The meaning is kept as far as the CI system allows; the message says what is weaker. Choosing the fallback in the spec silences the warning.",
    ),
    "MLG403": Code(
        "an unknown fallback",
        "`targets.NAME.fallback` takes a construct and one of its fallbacks; `mlgen targets NAME` lists them.",
    ),
    "MLG404": Code(
        "a limit of the target is exceeded",
        "The CI system would refuse the file. Split the job, shorten the script (move it to a file of your repository), or leave the target out.",
    ),
    "MLG405": Code(
        "an unknown target", "The spec names a CI system that mlgen does not know. `mlgen targets` lists them."
    ),
    "MLG421": Code(
        "an override that fits nothing",
        "`overrides` change the native file as mlgen writes it. This one names a target or job that is not in it, removes what is not there, or changes nothing. Outputs change with versions of mlgen: look at the file, and mend the override or take it out.",
    ),
    "MLG422": Code(
        "an override without a reason",
        "mlgen proves what its files mean, and an override could change that. Some keys cannot (names, descriptions and the like, which `mlgen targets NAME` lists); for every other one, say `accept: REASON` beside it.",
    ),
    "MLG423": Code(
        "an override that breaks the file",
        "With the override applied, the file no longer passes its own check: a reference leads nowhere, a command or secret of the spec is gone, or a limit is exceeded. This is refused whatever the reason.",
    ),
    "MLG441": Code(
        "a job whose outputs cannot be used again",
        "`reuse` leaves a command out where an earlier run made the same from the same. That needs `run` and outputs, and is not for jobs that deploy, that export values, or that have legs.",
    ),
    "MLG501": Code(
        "a file that mlgen did not write is in the way",
        "mlgen overwrites only files that carry its header, and not those that it wrote from another spec. Move the file away, or take it over with `mlgen compile --adopt`, which keeps the old one as FILE.orig.",
    ),
    "MLG502": Code("an output is not current", "Run `mlgen compile` and commit what it writes."),
    "MLG503": Code(
        "a file cannot be read or written", "The operating system refused. Nothing else was changed after this file."
    ),
    "MLG504": Code(
        "an output was edited by hand",
        "The text below mlgen's header is not what mlgen wrote. Make the change in mlgen.yaml; `mlgen compile` puts the file right. One that the spec no longer asks for is not removed, so that the edit is not lost: remove it yourself.",
    ),
    "MLG511": Code(
        "there is a spec already",
        "`mlgen init` writes a first spec and never overwrites one. Edit the one that is there, or name another file with `-f`.",
    ),
    "MLG601": Code(
        "an emitted file fails its own check",
        "The text rendered from the templates is not what the pipeline means. Nothing was written. If the templates are mlgen's own, this is a bug in mlgen.",
    ),
    "MLG602": Code(
        "an emitted file does not mean what the spec means",
        "mlgen read the rendered file back, from its text alone, and held what would run against the spec: jobs, order, conditions, commands, files, secrets, approvals. They differ, and nothing was written. If a pack's template or an override made the difference, mend that; if the templates are mlgen's own, this is a bug in mlgen.",
    ),
    "MLG701": Code(
        "a pack that cannot be had",
        "The folder that `extends` names is not there or holds no pack.yaml, or git could not fetch the repository. The message has git's own words. A pack that was fetched once is kept in mlgen's cache and needs no network again.",
    ),
    "MLG702": Code(
        "a pack's source that mlgen does not take",
        "`extends` takes a folder relative to the project's root, or `git+URL@TAG_OR_COMMIT`, where the URL is https, ssh or file and holds no credential (git asks its credential helper). A branch is no source: it moves. `#subdirectory=FOLDER` names a folder of the repository.",
    ),
    "MLG703": Code(
        "a pack that is not of the form of one",
        "A pack is a folder with `pack.yaml` (name, version, mlgen, description, outputs) and, beside it, `spec.yaml` (what lies beneath the project's spec), `jobs/NAME.yaml` (job snippets) and `templates/`.",
    ),
    "MLG704": Code(
        "a pack that needs another version of mlgen",
        "`mlgen` in pack.yaml names the versions that the pack works with. Install one of them, or take another version of the pack.",
    ),
    "MLG705": Code(
        "a job snippet that no pack has",
        "`use: NAME` takes the snippet `jobs/NAME.yaml` of the last pack under `extends` that has it; `use: PACK/NAME` that of one pack.",
    ),
    "MLG706": Code(
        "content that a pack may not hold",
        "A pack holds a limited number of text files, with names that every machine can keep. A link in it may name another file of the pack, and nothing outside.",
    ),
    "MLG711": Code(
        "a pack's template that is not allowed",
        "A template of a pack overrides named blocks of mlgen's own template at the same path, or makes a file that pack.yaml declares. It loops, branches and prints, every print ends in a quoting filter, and it renders in a sandbox with limits.",
    ),
    "MLG712": Code(
        "a file that a pack may not write",
        "A pack adds only the files that its pack.yaml declares under `outputs`, inside the project, and never one that mlgen itself writes or reads.",
    ),
    "MLG721": Code(
        "a pack that is not pinned",
        "`mlgen.lock` holds, for each pack, its commit and a digest of its content, so that a pipeline never changes on its own. `mlgen pack lock` pins what is not pinned yet; commit the lock.",
    ),
    "MLG722": Code(
        "a pack that is not what was pinned",
        "The folder was changed, the tag was moved, or the cached copy was tampered with. `mlgen pack diff` shows what that would change in the outputs; `mlgen pack update` takes it.",
    ),
    "MLG801": Code(
        "an event that the spec does not have, or a job that it is not for",
        "`mlgen run` and `mlgen simulate` take push, pull_request, tag, schedule, manual or the name of an api event, with the options that say more about it. As in CI, nothing runs where `triggers` does not ask for it; `--branch` and `--tag` run as if the event were for another one.",
    ),
    "MLG802": Code(
        "a secret that has no value on this machine",
        "`mlgen run` takes secrets from the environment by their names, or from a file of NAME=VALUE lines that `--secrets` names. Set it there; an empty value counts, so that a job can be tried without. The file must be one that git ignores.",
    ),
    "MLG803": Code(
        "a version of Python that is not on this machine",
        "`mlgen run` looks for the version that `runtime.python` asks for on the PATH, and asks uv where that is installed. Install it, or let the jobs run with another one by `--any-python`.",
    ),
    "MLG804": Code(
        "something that this machine does otherwise than CI",
        "`mlgen run` uses no images, starts services only by commands that it is given, and installs no system packages. The jobs run all the same; one that needs what is missing fails.",
    ),
    "MLG811": Code(
        "a revision that cannot be read",
        "`diff --behaviour REV` reads the project as it was at a commit, tag or branch of its git repository. Name one that is there; in a CI job, fetch it first (a shallow clone has only the last commit).",
    ),
    "MLG901": Code(
        "not built yet",
        "This version of mlgen knows the construct but does not compile it. Nothing is dropped silently: remove it, or wait for the version that does.",
    ),
}
