/** The global variables of a pipeline: env, params, currentBuild, scm and docker. */
class EnvGlobal extends GroovyObjectSupport {
    private final Build build
    EnvGlobal(Build build) { this.build = build }

    @Override Object getProperty(String name) { build.variable(name) }
    @Override void setProperty(String name, Object value) { build.global[name] = value.toString() }
    Object getAt(String name) { build.variable(name) }
    void putAt(String name, Object value) { setProperty(name, value) }
    Map<String, String> getEnvironment() { build.environment() }
}

class CurrentBuild {
    /** The classes of https://javadoc.jenkins.io/hudson/model/Cause.html and of the plugins that start builds, with their parents. */
    static final Map<String, List<String>> CAUSES = [
        user: ['hudson.model.Cause$UserIdCause'],
        timer: ['hudson.triggers.TimerTrigger$TimerTriggerCause'],
        parameterizedTimer: ['org.jenkinsci.plugins.parameterizedscheduler.ParameterizedTimerTriggerCause'],
        push: ['jenkins.branch.BranchEventCause'],
        indexing: ['jenkins.branch.BranchIndexingCause'],
        upstream: ['org.jenkinsci.plugins.workflow.support.steps.build.BuildUpstreamCause', 'hudson.model.Cause$UpstreamCause'],
        remote: ['hudson.model.Cause$RemoteCause'],
    ]
    private final Build build
    CurrentBuild(Build build) { this.build = build }

    String getResult() { build.result == 'SUCCESS' ? null : build.result }
    void setResult(String result) { build.worsen(result) }
    String getCurrentResult() { build.result }
    int getNumber() { build.base.BUILD_NUMBER as int }
    String getId() { build.base.BUILD_ID }
    String getDisplayName() { build.displayName }
    void setDisplayName(String name) { build.displayName = name }
    String getDescription() { build.description }
    void setDescription(String text) {
        build.description = text
        build.event(event: 'description', text: text)
    }
    String getProjectName() { build.base.JOB_BASE_NAME }
    String getFullProjectName() { build.base.JOB_NAME }
    String getAbsoluteUrl() { build.base.BUILD_URL }
    List getChangeSets() { [] }
    Map getPreviousBuild() { build.options.previous_result ? [result: build.options.previous_result, currentResult: build.options.previous_result] : null }
    boolean resultIsBetterOrEqualTo(String other) { Build.RESULTS.indexOf(build.result) <= Build.RESULTS.indexOf(other) }
    boolean resultIsWorseOrEqualTo(String other) { Build.RESULTS.indexOf(build.result) >= Build.RESULTS.indexOf(other) }

    List<String> causeClasses() { CAUSES[build.options.cause] ?: [build.options.cause] }
    List<Map> getBuildCauses(String type = null) {
        def classes = causeClasses()
        if (type && !(type in classes)) return []
        [[_class: classes[0], shortDescription: build.options.cause, userId: build.options.cause == 'user' ? 'someone' : null]]
    }
}

/** `docker` of the Docker Pipeline plugin; the container is this machine. */
class DockerGlobal {
    private final Build build
    DockerGlobal(Build build) { this.build = build }

    DockerImage image(Object name) { new DockerImage(build: build, name: name.toString()) }
    def withRegistry(Object... arguments) { arguments[-1].call() }
    def withServer(Object... arguments) { arguments[-1].call() }
}

class DockerImage {
    Build build
    String name

    def inside(Object... arguments) {
        build.event(event: 'container', stage: Scope.current().stage, image: name, args: arguments.length > 1 ? arguments[0].toString() : '')
        arguments[-1].call()
    }
    def withRun(Object... arguments) {
        build.event(event: 'service', stage: Scope.current().stage, image: name, args: arguments.length > 1 ? arguments[0].toString() : '')
        arguments[-1].call([id: 'none', port: { it }])
    }
    void pull() {}
    String imageName() { name }
    String getId() { name }
}
