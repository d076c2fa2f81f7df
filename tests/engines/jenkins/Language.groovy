import java.util.concurrent.TimeUnit

/** What may stand where in a Declarative Pipeline: https://www.jenkins.io/doc/book/pipeline/syntax/ */
class Language {
    static final Set<String> PIPELINE = ['agent', 'stages', 'environment', 'options', 'parameters', 'triggers', 'post', 'tools', 'libraries'] as Set
    static final Set<String> STAGE = ['agent', 'stages', 'steps', 'parallel', 'matrix', 'environment', 'options', 'when', 'input', 'post', 'tools', 'failFast'] as Set
    static final Set<String> MATRIX = ['axes', 'excludes', 'stages', 'agent', 'environment', 'when', 'options', 'post', 'input', 'tools'] as Set
    static final Set<String> BODIES = ['steps', 'stages', 'parallel', 'matrix'] as Set

    /** In the order in which Jenkins runs them. */
    static final List<String> POST = ['always', 'changed', 'fixed', 'regression', 'aborted', 'failure', 'success', 'unstable', 'unsuccessful', 'notBuilt', 'cleanup']

    static final Set<String> COMBINATORS = ['anyOf', 'allOf', 'not'] as Set
    static final Set<String> BEFORE = ['beforeAgent', 'beforeInput', 'beforeOptions'] as Set
    static final Set<String> CONDITIONS = COMBINATORS + (['branch', 'expression', 'triggeredBy', 'changeRequest', 'buildingTag', 'tag', 'changeset', 'changelog',
        'environment', 'equals', 'isRestartedRun'] as Set)
    static final Set<String> WHEN = CONDITIONS + BEFORE

    /** A stage takes the options that wrap steps; the others are properties of the whole job. */
    static final Set<String> STAGE_OPTIONS = ['timeout', 'retry', 'timestamps', 'ansiColor', 'lock', 'skipDefaultCheckout', 'warnError', 'catchError', 'throttle', 'cache'] as Set
    static final Set<String> OPTIONS = STAGE_OPTIONS + (['buildDiscarder', 'disableConcurrentBuilds', 'parallelsAlwaysFailFast', 'newContainerPerStage',
        'checkoutToSubdirectory', 'quietPeriod', 'preserveStashes', 'disableResume', 'durabilityHint', 'skipStagesAfterUnstable', 'disableRestartFromStage',
        'overrideIndexTriggers', 'rateLimitBuilds', 'copyArtifactPermission', 'githubProjectProperty'] as Set)

    static final Set<String> AGENTS = ['label', 'docker', 'dockerfile', 'kubernetes', 'node'] as Set
    static final Set<String> AGENT_OPTIONS = ['image', 'label', 'args', 'reuseNode', 'alwaysPull', 'registryUrl', 'registryCredentialsId', 'customWorkspace', 'filename', 'dir',
        'additionalBuildArgs', 'yaml', 'yamlFile', 'defaultContainer', 'cloud', 'namespace', 'inheritFrom', 'retries'] as Set
    static final Set<String> PARAMETERS = ['string', 'booleanParam', 'choice', 'text', 'password', 'file', 'run'] as Set
    static final Set<String> TRIGGERS = ['cron', 'pollSCM', 'upstream', 'githubPush', 'gitlab', 'parameterizedCron'] as Set
    static final Set<String> INPUT = ['message', 'ok', 'submitter', 'submitterParameter', 'parameters', 'id'] as Set

    static final Set<String> STEPS = ['sh', 'echo', 'stash', 'unstash', 'archiveArtifacts', 'junit', 'recordCoverage', 'withCredentials', 'withEnv', 'retry', 'timeout', 'dir',
        'script', 'input', 'lock', 'checkout', 'git', 'error', 'unstable', 'catchError', 'warnError', 'build', 'publishHTML', 'publishChecks', 'deleteDir', 'cleanWs', 'sleep',
        'readFile', 'writeFile', 'fileExists', 'pwd', 'isUnix', 'timestamps', 'milestone', 'node', 'waitUntil', 'ws', 'tool', 'mail', 'fingerprint', 'copyArtifacts',
        'container', 'ansiColor', 'cache', 'bat', 'pwsh', 'powershell'] as Set

    /** Named parameters of a step or option and the class of literal each takes; the first is the one that may go unnamed. */
    static final Map<String, Map<String, Class>> ARGUMENTS = [
        sh: [script: String, label: String, returnStdout: Boolean, returnStatus: Boolean, encoding: String],
        echo: [message: String],
        stash: [name: String, includes: String, excludes: String, allowEmpty: Boolean, useDefaultExcludes: Boolean],
        unstash: [name: String],
        archiveArtifacts: [artifacts: String, allowEmptyArchive: Boolean, fingerprint: Boolean, excludes: String, onlyIfSuccessful: Boolean, caseSensitive: Boolean,
            defaultExcludes: Boolean, followSymlinks: Boolean],
        retry: [count: Integer, conditions: Object],
        timeout: [time: Integer, unit: String, activity: Boolean],
        dir: [path: String],
        error: [message: String],
        unstable: [message: String],
        catchError: [message: String, buildResult: String, stageResult: String, catchInterruptions: Boolean],
        lock: [resource: String, label: String, quantity: Integer, inversePrecedence: Boolean, skipIfLocked: Boolean, variable: String, extra: Object, priority: Integer,
            reason: String, resourceSelectStrategy: String],
        junit: [testResults: String, allowEmptyResults: Boolean, keepLongStdio: Boolean, skipPublishingChecks: Boolean, healthScaleFactor: Object,
            skipMarkingBuildUnstable: Boolean, checksName: String, testDataPublishers: Object, skipOldReports: Boolean],
        input: [message: String, ok: String, submitter: String, submitterParameter: String, parameters: Object, id: String, cancel: String],
        disableConcurrentBuilds: [abortPrevious: Object],
    ]
    static final Set<String> UNITS = TimeUnit.values()*.name() as Set
}
