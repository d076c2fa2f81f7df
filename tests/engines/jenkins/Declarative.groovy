/** Collects the directives of a block; every other name is looked up in the script. */
class Directives extends GroovyObjectSupport {
    private final Set<String> allowed
    private final Script script
    final List<Map> found = []

    Directives(Set<String> allowed, Script script) {
        this.allowed = allowed
        this.script = script
    }

    @Override Object invokeMethod(String name, Object arguments) {
        if (!(name in allowed)) return script.invokeMethod(name, arguments)
        def all = arguments as List
        found << [name: name, arguments: all.findAll { !(it instanceof Closure) }, body: all.find { it instanceof Closure }]
        null
    }

    @Override Object getProperty(String name) { script.getProperty(name) }

    static List<Map> of(Closure block, Set<String> allowed, Script script) {
        def directives = new Directives(allowed, script)
        run(block, directives)
        directives.@found
    }

    /** Runs a block with its names looked up in `delegate` alone. */
    static Object run(Closure block, Object delegate) {
        def copy = block.clone() as Closure
        copy.delegate = delegate
        copy.resolveStrategy = Closure.DELEGATE_ONLY
        copy.call()
    }
}

/** environment { NAME = value }: each value may use those above it. */
class EnvironmentBlock extends GroovyObjectSupport {
    private final Build build
    private final Script script

    EnvironmentBlock(Build build, Script script) {
        this.build = build
        this.script = script
    }

    @Override void setProperty(String name, Object value) {
        def scope = Scope.current()
        if (!(value instanceof Map)) {
            scope.variables[name] = value.toString()
            return
        }
        def secret = build.credential(value.value.toString())
        scope.variables[name] = secret
        scope.secrets << secret
        if (secret.contains(':')) {
            def (user, password) = secret.split(':', 2)
            scope.variables[name + '_USR'] = user
            scope.variables[name + '_PSW'] = password
            scope.secrets << password
        }
    }

    @Override Object getProperty(String name) { script.getProperty(name) }
    @Override Object invokeMethod(String name, Object arguments) { script.invokeMethod(name, arguments) }
}

/** Runs a Declarative Pipeline. */
class Declarative {
    private final Build build
    private final Script script
    private final Steps steps

    Declarative(Build build, Script script) {
        this.build = build
        this.script = script
        steps = Main.steps
    }

    private List<Map> directives(Closure block, Set<String> allowed) { Directives.of(block, allowed, script) }
    private Map<String, Map> sections(Closure block, Set<String> allowed) { directives(block, allowed).collectEntries { [it.name, it] } }
    private Object runSteps(Closure block) { Directives.run(block, script) }
    private static Object first(Map directive) { directive?.arguments ? directive.arguments[0] : null }
    private static Scope here() { Scope.current() }

    void pipeline(Closure block) {
        try {
            def sections = sections(block, Language.PIPELINE)
            if (sections.parameters) declareParameters(sections.parameters.body)
            if (sections.triggers) directives(sections.triggers.body, Language.TRIGGERS).each { build.event(event: 'trigger', name: it.name, value: first(it)?.toString()) }
            def outer = here().with([:])
            outer.run {
                PipelineFailure failure = null
                try {
                    inOptions(sections.options, Language.OPTIONS) {
                        inAgent(sections.agent) {
                            if (sections.environment) runEnvironment(sections.environment.body)
                            try {
                                stageList(sections.stages.body)
                            } catch (Throwable e) {
                                failure = PipelineFailure.of(e)
                                build.worsen(failure.result)
                                build.log("ERROR: ${failure.message}")
                            }
                            // Inside of the agent and the environment, as Jenkins runs it.
                            if (sections.post) post(sections.post.body, build.result)
                        }
                        if (failure) throw failure
                    }
                } catch (Throwable e) {
                    if (!PipelineFailure.of(e).is(failure)) throw e
                }
            }
        } catch (Throwable e) {
            def failure = PipelineFailure.of(e)
            build.worsen(failure.result)
            build.log("ERROR: ${failure.message}")
        }
    }

    private void declareParameters(Closure block) {
        directives(block, Language.PARAMETERS).each { parameter ->
            def given = first(parameter) as Map
            def name = given.name.toString()
            def fallback = parameter.name == 'choice' ? (given.choices instanceof List ? given.choices[0] : given.choices.toString().readLines()[0]) : given.defaultValue
            def value = build.options.params.containsKey(name) ? build.options.params[name] : fallback
            build.params[name] = parameter.name == 'booleanParam' ? value.toString().toBoolean() : (value ?: '').toString()
            // A branch's first run registers the parameters: it has their defaults in `params`, and no variables of them.
            if (!build.options.first_run) build.base[name] = build.params[name].toString()
        }
    }

    /** Wraps the body in the options, the first one outermost. */
    private void inOptions(Map section, Set<String> allowed, Closure body) {
        def inner = body
        if (section) {
            directives(section.body, allowed).reverseEach { option ->
                def next = inner, argument = first(option)
                switch (option.name) {
                    case 'timeout': inner = { steps.timeout(argument, next) }; break
                    case 'retry': inner = { steps.retry(argument, next) }; break
                    case 'lock': inner = { steps.lock(argument, next) }; break
                    case 'catchError': inner = { steps.catchError(argument ?: [:], next) }; break
                    case 'warnError': inner = { steps.warnError(argument, next) }; break
                    case 'cache': inner = { steps.cache(argument, next) }; break
                    case 'skipDefaultCheckout': build.skipDefaultCheckout = argument != false; break
                    case 'parallelsAlwaysFailFast': build.parallelsAlwaysFailFast = true; break
                    default: build.event(event: 'option', name: option.name, value: argument?.toString())
                }
            }
        }
        inner.call()
    }

    /** Runs the body on the agent that the section asks for; without a section, on the one around. */
    private void inAgent(Map section, Closure body) {
        if (!section) {
            body.call()
            return
        }
        if (first(section)?.toString() == 'none') {
            here().with(workspace: null, directory: null).run(body)
            return
        }
        def settings = section.body ? agentSettings(section.body) : [:]
        boolean reuse = settings.reuseNode && here().workspace != null
        def workspace = reuse ? here().workspace : build.newWorkspace()
        build.event(event: 'agent', stage: here().stage, workspace: workspace.path, label: settings.label, image: settings.image, args: settings.args)
        here().with(workspace: workspace, directory: workspace).run {
            def variables = build.skipDefaultCheckout || reuse ? [:] : steps.checkout(null)
            (here() + variables).run(body)
        }
    }

    private Map agentSettings(Closure block) {
        def agent = directives(block, Language.AGENTS)[0]
        if (agent.name == 'label') return [label: first(agent).toString()]
        if (!agent.body) return [image: first(agent)?.toString()]
        directives(agent.body, Language.AGENT_OPTIONS).collectEntries { [it.name, it.name == 'reuseNode' ? first(it) : first(it)?.toString()] }
    }

    private void runEnvironment(Closure block) { Directives.run(block, new EnvironmentBlock(build, script)) }

    private void stageList(Closure block) {
        PipelineFailure failure = null
        directives(block, ['stage'] as Set).each { stage ->
            def name = first(stage).toString()
            if (failure) {
                skip(name, stage.body, 'an earlier stage failed')
                return
            }
            try {
                runStage(name, stage.body)
            } catch (Throwable e) {
                failure = PipelineFailure.of(e)
            }
        }
        if (failure) throw failure
    }

    /** Marks a stage and those inside of it as skipped. */
    private void skip(String name, Closure block, String why) {
        build.markStage(name, 'skipped')
        build.event(event: 'skipped', stage: name, why: why)
        build.log("Stage \"$name\" skipped: $why")
        def sections = sections(block, Language.STAGE)
        [sections.stages, sections.parallel].findAll { it }.each { nested ->
            directives(nested.body, ['stage'] as Set).each { skip(first(it).toString(), it.body, why) }
        }
    }

    /** Jenkins' order: options, input, agent, when, environment; the before options of `when` move it to the front. */
    private void runStage(String name, Closure block) {
        here().with(stage: name).run {
            def sections = sections(block, Language.STAGE)
            def conditions = sections.when ? directives(sections.when.body, Language.WHEN) : []
            def before = conditions.findAll { it.name in Language.BEFORE && first(it) }*.name
            conditions = conditions.findAll { !(it.name in Language.BEFORE) }
            boolean decided = false, skipped = false
            def decide = {
                if (!decided && !conditions.every { holds(it) }) {
                    skipped = true
                    skip(name, block, 'when')
                }
                decided = true
                !skipped
            }
            def rest = {
                inAgent(sections.agent) {
                    if (!decide()) return
                    if (sections.environment) runEnvironment(sections.environment.body)
                    runBody(name, sections)
                }
            }
            try {
                if ('beforeOptions' in before && !decide()) return
                inOptions(sections.options, Language.STAGE_OPTIONS) {
                    if ('beforeInput' in before && !decide()) return
                    if (sections.input) askForInput(sections.input.body)
                    if ('beforeAgent' in before && !decide()) return
                    rest()
                }
            } catch (Throwable e) {
                def failure = PipelineFailure.of(e)
                build.worsen(failure.result)
                build.markStage(name, failure.result)
                throw failure
            }
        }
    }

    private void askForInput(Closure block) {
        steps.input(directives(block, Language.INPUT).collectEntries { [it.name, first(it)] })
    }

    private void runBody(String name, Map<String, Map> sections) {
        build.event(event: 'stage', stage: name)
        PipelineFailure failure = null
        boolean failFast = build.parallelsAlwaysFailFast || first(sections.failFast)
        try {
            if (sections.steps) runSteps(sections.steps.body)
            else if (sections.stages) stageList(sections.stages.body)
            else if (sections.parallel) build.branches(directives(sections.parallel.body, ['stage'] as Set).collectEntries { [first(it).toString(), { -> runStage(first(it).toString(), it.body) }] }, failFast)
            else runMatrix(name, sections.matrix.body, failFast)
        } catch (Throwable e) {
            failure = PipelineFailure.of(e)
            build.worsen(failure.result)
            build.log("ERROR: ${failure.message}")
        }
        build.markStage(name, failure ? failure.result : 'SUCCESS')
        // The conditions look at the whole build so far, not only at this stage.
        // A step of `post` that fails is the stage's failure, if it has none of its own: later stages do not run.
        def late = sections.post ? post(sections.post.body, build.result) : null
        failure = failure ?: late
        build.event(event: 'stageEnd', stage: name, result: build.stages[name])
        if (failure) throw failure
    }

    private PipelineFailure post(Closure block, String result) {
        def previous = build.options.previous_result
        boolean passed = result == 'SUCCESS', passedBefore = previous in [null, 'SUCCESS']
        def holds = [always: true, changed: result != previous, fixed: passed && previous in ['FAILURE', 'UNSTABLE'], cleanup: true,
            regression: previous != null && Build.RESULTS.indexOf(result) > Build.RESULTS.indexOf(previous), aborted: result == 'ABORTED', failure: result == 'FAILURE',
            success: passed, unstable: result == 'UNSTABLE', unsuccessful: !passed, notBuilt: result == 'NOT_BUILT']
        def blocks = sections(block, Language.POST as Set)
        PipelineFailure failure = null
        Language.POST.findAll { blocks[it] && holds[it] }.each { condition ->
            build.event(event: 'post', stage: here().stage, condition: condition)
            try {
                runSteps(blocks[condition].body)
            } catch (Throwable e) {
                failure = PipelineFailure.of(e)
                build.log("ERROR in post $condition: ${failure.message}")
                build.worsen(failure.result)
                if (here().stage != 'pipeline') build.markStage(here().stage, failure.result)
            }
        }
        failure
    }

    private boolean holds(Map condition) {
        def argument = first(condition), variables = build.base
        def kinds = { directives(condition.body, Language.CONDITIONS) }
        switch (condition.name) {
            case 'expression': return runSteps(condition.body) as boolean
            case 'anyOf': return kinds().any { holds(it) }
            case 'allOf': return kinds().every { holds(it) }
            case 'not': return !holds(kinds()[0])
            // Ant's matching, which ignores case here.
            case 'branch': return matches(variables.BRANCH_NAME, argument, false)
            case 'tag': return matches(variables.TAG_NAME, argument, false)
            case 'buildingTag': return variables.TAG_NAME != null
            case 'changeRequest': return variables.CHANGE_ID != null && (!(argument instanceof Map) || argument.every { k, v -> k == 'comparator' || matches(variables['CHANGE_' + k.toUpperCase()], [pattern: v, comparator: argument.comparator], true) })
            case 'changeset': return build.options.changed.any { matches(it, argument, false) }
            case 'environment': return build.variable(argument.name.toString()) == argument.value.toString()
            case 'equals': return argument.expected == argument.actual
            case 'triggeredBy':
                def cause = (argument instanceof Map ? argument.cause : argument).toString()
                return new CurrentBuild(build).causeClasses().any { it == cause || it.split(/[.$]/)[-1] in [cause, cause + 'Cause'] }
            case 'isRestartedRun': return false
            default: throw new PipelineFailure("the condition '${condition.name}' is not known to this harness")
        }
    }

    private static boolean matches(String value, Object argument, boolean exact) {
        if (value == null) return false
        def given = argument instanceof Map ? argument : [pattern: argument]
        def pattern = given.pattern.toString()
        switch (given.comparator ?: (exact ? 'EQUALS' : 'GLOB')) {
            case 'EQUALS': return value == pattern
            case 'REGEXP': return value ==~ pattern
            default: return value ==~ "(?i)${AntFiles.regex(pattern)}"
        }
    }

    private void runMatrix(String name, Closure block, boolean failFast) {
        def sections = sections(block, Language.MATRIX)
        def cells = [[:]]
        directives(sections.axes.body, ['axis'] as Set).collect { axis(it.body) }.each { axis ->
            cells = cells.collectMany { cell -> axis.values.collect { cell + [(axis.name): it.toString()] } }
        }
        if (sections.excludes) directives(sections.excludes.body, ['exclude'] as Set).each { exclude ->
            def axes = directives(exclude.body, ['axis'] as Set).collect { axis(it.body) }
            cells.removeAll { cell -> axes.every { axis -> axis.values ? cell[axis.name] in axis.values : !(cell[axis.name] in axis.notValues) } }
        }
        build.branches(cells.collectEntries { cell ->
            def title = "$name (${cell.collect { k, v -> "$k=$v" }.join(', ')})".toString()
            [title, { -> runCell(title, cell, sections) }]
        }, failFast)
    }

    private void runCell(String title, Map<String, String> cell, Map<String, Map> sections) {
        (here() + cell).with(stage: title).run {
            try {
                inOptions(sections.options, Language.STAGE_OPTIONS) {
                    inAgent(sections.agent) {
                        def conditions = sections.when ? directives(sections.when.body, Language.WHEN).findAll { !(it.name in Language.BEFORE) } : []
                        if (!conditions.every { holds(it) }) {
                            build.markStage(title, 'skipped')
                            return
                        }
                        if (sections.environment) runEnvironment(sections.environment.body)
                        runBody(title, sections.subMap(['stages', 'post']))
                    }
                }
            } catch (Throwable e) {
                build.markStage(title, PipelineFailure.of(e).result)
                throw e
            }
        }
    }

    private Map axis(Closure block) {
        def parts = directives(block, ['name', 'values', 'notValues'] as Set).collectEntries { [it.name, it.arguments] }
        [name: parts.name[0].toString(), values: parts.values*.toString(), notValues: parts.notValues*.toString()]
    }
}
