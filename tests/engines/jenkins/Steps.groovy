import java.nio.file.Files

/** The steps: https://www.jenkins.io/doc/pipeline/steps/ */
class Steps {
    /** Calls that make a value for a step, an option or a parameter. */
    static final Set<String> SYMBOLS = ['string', 'file', 'usernamePassword', 'sshUserPrivateKey', 'usernameColonPassword', 'logRotator', 'arbitraryFileCache', 'credentials', 'agent',
        'nonresumable', 'kubernetesAgent', 'booleanParam', 'choice', 'text', 'cobertura', 'coberturaAdapter', 'schedule', 'lastSuccessful', 'specific', 'permalink', 'upstream'] as Set

    private final Build build

    Steps(Build build) { this.build = build }

    static Map symbol(String name, List arguments) {
        def value = [symbol: name, value: arguments ? arguments[0] : null]
        arguments && arguments[0] instanceof Map ? value + arguments[0] : value
    }

    private static Map named(Object argument, String only) { argument instanceof Map ? argument : [(only): argument] }

    private Scope getScope() { Scope.current() }

    private File here(String step) {
        if (scope.directory == null) throw new PipelineFailure("Required context class hudson.FilePath is missing: '$step' needs an agent (stage ${scope.stage})")
        scope.directory.mkdirs()
        scope.directory
    }

    // --- shell and messages

    def echo(Object message) {
        build.log(named(message, 'message').message)
        null
    }

    def sh(Object arguments) {
        def given = named(arguments, 'script'), directory = here('sh'), script = given.script.toString()
        build.event(event: 'sh', stage: scope.stage, label: given.label?.toString(), script: script)
        def temporary = new File(scope.workspace.path + '@tmp')
        temporary.mkdirs()
        def file = File.createTempFile('script', '.sh', temporary)
        file.setText(script, 'UTF-8')
        file.executable = true
        // A script that names its own interpreter gets no -xe.
        def command = script.startsWith('#!') ? [file.path] : ['sh', '-xe', file.path]
        def builder = new ProcessBuilder(command as List<String>).directory(directory)
        builder.environment().clear()
        build.environment().each { k, v -> builder.environment()[k] = v.toString() }
        def process = builder.start(), output = new StringBuilder(), where = scope
        process.outputStream.close()
        def readers = [Thread.start { process.errorStream.eachLine('UTF-8') { build.log(where, it) } }, Thread.start {
            if (given.returnStdout) output << process.inputStream.getText('UTF-8')
            else process.inputStream.eachLine('UTF-8') { build.log(where, it) }
        }]
        int code
        try {
            code = build.waitFor { long millis -> process.waitFor(millis, java.util.concurrent.TimeUnit.MILLISECONDS) ? process.exitValue() : null } as int
        } catch (Interruption e) {
            process.descendants().iterator().each { it.destroyForcibly() }
            process.destroyForcibly()
            throw e
        } finally {
            file.delete()
        }
        readers*.join()
        if (given.returnStatus) return code
        if (code) throw new PipelineFailure("script returned exit code $code")
        given.returnStdout ? output.toString() : null
    }

    def error(Object message) { throw new PipelineFailure(named(message, 'message').message.toString()) }

    def unstable(Object message) {
        build.log("WARNING: ${named(message, 'message').message}")
        build.worsen('UNSTABLE')
        build.markStage(scope.stage, 'UNSTABLE')
    }

    def sleep(Object time) {
        def given = named(time, 'time')
        long end = System.currentTimeMillis() + build.millis([unit: 'SECONDS'] + given)
        build.waitFor { long millis ->
            Thread.sleep(millis)
            System.currentTimeMillis() >= end ? true : null
        }
    }

    // --- control

    def script(Closure body) { body.call() }
    def timestamps(Closure body) { body.call() }
    def ansiColor(Object name, Closure body) { body.call() }
    def container(Object name, Closure body) { body.call() }

    def withEnv(List settings, Closure body) {
        def more = settings.collectEntries { def (name, value) = it.toString().split('=', 2); [name, value] }
        (scope + more).run(body)
    }

    def dir(Object path, Closure body) {
        def directory = new File(here('dir'), named(path, 'path').path.toString()).canonicalFile
        directory.mkdirs()
        scope.with(directory: directory).run(body)
    }

    def ws(Object path, Closure body) { dir(path, body) }

    def node(Object... arguments) {
        def label = arguments.length > 1 ? arguments[0]?.toString() : ''
        def workspace = build.newWorkspace()
        build.event(event: 'agent', stage: scope.stage, label: label, workspace: workspace.path)
        scope.with(workspace: workspace, directory: workspace).run(arguments[-1])
    }

    /** A stage of a scripted part; its branch may be one of a parallel. */
    def stage(Object name, Closure body) {
        name = named(name, 'name').name.toString()
        build.event(event: 'stage', stage: name)
        try {
            def value = scope.with(stage: name).run(body)
            build.markStage(name, 'SUCCESS')
            return value
        } catch (Throwable e) {
            build.markStage(name, PipelineFailure.of(e).result)
            throw e
        }
    }

    def parallel(Map branches) {
        build.branches(branches.findAll { k, v -> v instanceof Closure }, branches.failFast as boolean)
    }

    /** Reruns the body; an abort is not retried, an exceeded timeout inside of it is. */
    def retry(Object count, Closure body) {
        def given = named(count, 'count')
        for (int attempt = 1; ; attempt++) {
            try {
                return body.call()
            } catch (Throwable e) {
                def failure = PipelineFailure.of(e)
                // `conditions` narrow it to the loss of an agent, which does not happen here.
                if (attempt >= (given.count as int) || given.conditions || (failure instanceof Interruption && failure.actual)) throw failure
                build.log("ERROR: ${failure.message}\nRetrying")
                build.event(event: 'retry', stage: scope.stage, attempt: attempt + 1)
            }
        }
    }

    def timeout(Object time, Closure body) {
        def given = named(time, 'time'), deadline = new Deadline(build.millis(given), given.activity as boolean)
        try {
            return scope.with(deadlines: scope.deadlines + [deadline]).run(body)
        } catch (Interruption e) {
            if (e.deadline.is(deadline)) {
                build.log('Cancelling nested steps due to timeout')
                e.actual = false
            }
            throw e
        }
    }

    def waitUntil(Object... arguments) {
        while (!arguments[-1].call()) build.waitFor { long millis -> Thread.sleep(20); true }
    }

    /** An interruption sets its own result, whatever the arguments say. */
    def catchError(Object... arguments) {
        def given = arguments[0] instanceof Map ? arguments[0] : [:]
        try {
            arguments[-1].call()
        } catch (Throwable e) {
            def failure = PipelineFailure.of(e)
            if (failure instanceof Interruption && failure.actual && given.catchInterruptions == false) throw failure
            build.log("ERROR: ${given.message ? given.message + ': ' : ''}${failure.message}")
            build.worsen(failure instanceof Interruption ? failure.result : given.buildResult ?: (given.containsKey('buildResult') ? 'SUCCESS' : 'FAILURE'))
            def stageResult = failure instanceof Interruption ? failure.result : given.stageResult ?: 'SUCCESS'
            if (stageResult != 'SUCCESS') build.markStage(scope.stage, stageResult)
        }
        null
    }

    def warnError(Object message, Closure body) {
        def given = named(message, 'message')
        catchError([message: given.message, buildResult: 'UNSTABLE', stageResult: 'UNSTABLE'] + given, body)
    }

    def lock(Object... arguments) {
        def given = arguments[0] instanceof Closure ? [:] : named(arguments[0], 'resource')
        build.holding((given.resource ?: given.label).toString(), arguments[-1])
    }

    def milestone(Object ordinal = null) {}

    def input(Object message) {
        def given = named(message, 'message'), stage = scope.stage
        build.event(event: 'input', stage: stage, message: given.message?.toString(), submitter: given.submitter?.toString(), holds_executor: scope.workspace != null)
        def answers = build.options.input_answer
        def answer = answers instanceof Map ? answers.get(stage, 'wait') : answers
        if (answer == 'wait') sleep(time: 365, unit: 'DAYS')
        if (answer == 'abort') throw new Interruption("Rejected: ${given.message}")
        build.log("${given.message}: approved")
        given.submitterParameter && !given.parameters ? 'someone' : null
    }

    // --- files

    def stash(Object arguments) {
        def given = named(arguments, 'name')
        def files = AntFiles.find(here('stash'), (given.includes ?: '**').toString(), given.excludes?.toString(), given.useDefaultExcludes != false)
        if (!files && !given.allowEmpty) throw new PipelineFailure("No files included in stash '${given.name}'")
        def to = new File(build.work, "stashes/${given.name}")
        to.deleteDir()
        to.mkdirs()
        AntFiles.copy(scope.directory, files, to)
        build.event(event: 'stash', stage: scope.stage, name: given.name.toString(), files: files)
        build.log("Stashed ${files.size()} file(s)")
    }

    def unstash(Object arguments) {
        def given = named(arguments, 'name'), from = new File(build.work, "stashes/${given.name}")
        if (!from.exists()) throw new PipelineFailure("No such saved stash '${given.name}'")
        AntFiles.copy(from, AntFiles.find(from, '**', null, false), here('unstash'))
        build.event(event: 'unstash', stage: scope.stage, name: given.name.toString())
    }

    def archiveArtifacts(Object arguments) {
        def given = named(arguments, 'artifacts')
        def files = AntFiles.find(here('archiveArtifacts'), given.artifacts.toString(), given.excludes?.toString(), given.defaultExcludes != false)
        if (!files && !given.allowEmptyArchive) throw new PipelineFailure("No artifacts found that match the file pattern \"${given.artifacts}\". Configuration error?")
        AntFiles.copy(scope.directory, files, new File(build.work, 'archive'))
        build.event(event: 'archive', stage: scope.stage, files: files)
    }

    def junit(Object arguments) {
        def given = named(arguments, 'testResults'), files = AntFiles.find(here('junit'), given.testResults.toString())
        if (!files && !given.allowEmptyResults) throw new PipelineFailure('No test report files were found. Configuration error?')
        int total = 0, failed = 0
        files.each { name ->
            def cases = new XmlSlurper().parse(new File(scope.directory, name)).depthFirst().findAll { it.name() == 'testcase' }
            total += cases.size()
            failed += cases.count { test -> test.children().any { it.name() in ['failure', 'error'] } }
        }
        build.event(event: 'junit', stage: scope.stage, files: files, total: total, failed: failed)
        if (failed && !given.skipMarkingBuildUnstable) unstable("$failed test failure(s)")
        [totalCount: total, failCount: failed, passCount: total - failed, skipCount: 0]
    }

    def recordCoverage(Map given) { build.event(event: 'coverage', stage: scope.stage, patterns: (given.tools ?: [])*.pattern*.toString()) }
    def publishChecks(Map given) { build.event(event: 'check', stage: scope.stage, name: given.name?.toString(), summary: given.summary?.toString()) }
    def publishHTML(Object given) {}
    def fingerprint(Object given) {}
    def mail(Map given) { build.event(event: 'mail', to: given.to?.toString()) }
    def tool(Object given) { '' }

    /** Caches are kept beside the run, by path and by the content of the file that decides on their validity. */
    def cache(Map given, Closure body) {
        def caches = (given.caches ?: []).collect { one ->
            def decider = one.cacheValidityDecidingFile ? new File(here('cache'), one.cacheValidityDecidingFile.toString()) : null
            def key = "${one.cacheName ?: one.path}-${decider?.exists() ? decider.text.hashCode() : ''}".replaceAll(/[^\w.-]/, '_')
            [target: new File(here('cache'), one.path.toString()), store: new File((build.options.caches ?: "${build.work}/caches").toString(), key), includes: one.includes ?: '**']
        }
        caches.each { AntFiles.copy(it.store, AntFiles.find(it.store, '**', null, false), it.target) }
        build.event(event: 'cache', stage: scope.stage, hits: caches.count { it.store.exists() })
        def value = body.call()
        caches.findAll { !it.store.exists() }.each { AntFiles.copy(it.target, AntFiles.find(it.target, it.includes.toString(), null, false), it.store) }
        value
    }

    def deleteDir() {
        def directory = here('deleteDir')
        directory.deleteDir()
        null
    }
    def cleanWs(Map given = [:]) {
        here('cleanWs')
        scope.workspace.deleteDir()
        scope.workspace.mkdirs()
        null
    }
    def pwd(Map given = [:]) { given.tmp ? scope.workspace.path + '@tmp' : here('pwd').path }
    def isUnix() { true }
    def readFile(Object file) { fileOf('readFile', file).getText('UTF-8') }
    def fileExists(Object file) { fileOf('fileExists', file).exists() }
    def writeFile(Map given) {
        def file = fileOf('writeFile', given)
        file.parentFile.mkdirs()
        file.setText(given.text.toString(), (given.encoding ?: 'UTF-8').toString())
    }
    private File fileOf(String step, Object given) {
        def name = named(given, 'file').file.toString()
        name.startsWith('/') ? new File(name) : new File(here(step), name)
    }

    // --- source, other builds

    /** Clones the repository at the commit of the run; returns what `checkout scm` returns. */
    def checkout(Object source) {
        def directory = here('checkout'), options = build.options
        def quiet = { String... command -> runGit(directory, command as List) }
        if (!new File(directory, '.git').exists()) {
            quiet('init', '-q', '.')
            quiet('remote', 'add', 'origin', options.repo.toString())
        }
        quiet('fetch', '-q', '--tags', '--force', 'origin', '+refs/heads/*:refs/remotes/origin/*')
        quiet('checkout', '-q', '-f', options.commit.toString())
        build.event(event: 'checkout', stage: scope.stage, commit: options.commit)
        def answer = [GIT_COMMIT: options.commit, GIT_BRANCH: build.base.BRANCH_NAME, GIT_URL: options.repo]
        if (options.previous_commit) answer.GIT_PREVIOUS_COMMIT = options.previous_commit
        if (options.previous_successful_commit) answer.GIT_PREVIOUS_SUCCESSFUL_COMMIT = options.previous_successful_commit
        answer
    }

    def git(Object given) { checkout(given) }

    private void runGit(File directory, List<String> command) {
        // Java looks for a program on its own PATH, env on that of this run.
        def builder = new ProcessBuilder((['env', 'git'] + command) as List<String>).directory(directory).redirectErrorStream(true)
        builder.environment().clear()
        builder.environment().putAll(build.machine)
        def process = builder.start()
        def text = process.inputStream.text
        if (process.waitFor()) throw new PipelineFailure("git ${command[0]}: $text")
    }

    def build(Object arguments) {
        def given = named(arguments, 'job')
        def parameters = (given.parameters ?: []).collectEntries { [(it.name.toString()): it.value.toString()] }
        build.event(event: 'build', stage: scope.stage, job: given.job.toString(), parameters: parameters, wait: given.wait != false)
        given.wait == false ? null : [result: 'SUCCESS', currentResult: 'SUCCESS', number: 1]
    }

    def copyArtifacts(Map given) { build.event(event: 'copyArtifacts', stage: scope.stage, project: given.projectName?.toString()) }

    // --- credentials

    def withCredentials(List bindings, Closure body) {
        def more = [:], secrets = [], files = []
        bindings.each { binding ->
            def value = build.credential(binding.credentialsId.toString())
            switch (binding.symbol) {
                case 'usernamePassword':
                    def (user, password) = value.split(':', 2)
                    more[binding.usernameVariable.toString()] = user
                    more[binding.passwordVariable.toString()] = password
                    secrets << password
                    break
                case 'file': case 'sshUserPrivateKey':
                    def directory = new File(here('withCredentials').path + '@secrets')
                    directory.mkdirs()
                    def file = File.createTempFile('secret', '', directory)
                    file.setText(value, 'UTF-8')
                    files << file
                    more[(binding.variable ?: binding.keyFileVariable).toString()] = file.path
                    break
                default:
                    more[binding.variable.toString()] = value
                    secrets << value
            }
        }
        build.event(event: 'credentials', stage: scope.stage, ids: bindings*.credentialsId*.toString())
        try {
            return (scope + more).with(secrets: scope.secrets + secrets).run(body)
        } finally {
            files*.delete()
        }
    }
}
