import java.util.concurrent.ConcurrentHashMap
import java.util.concurrent.Semaphore
import java.util.concurrent.TimeUnit
import java.util.concurrent.locks.ReentrantLock

/** One run of a pipeline: what all its stages share. */
class Build {
    /** From best to worst: https://javadoc.jenkins.io/hudson/model/Result.html */
    static final List<String> RESULTS = ['SUCCESS', 'UNSTABLE', 'FAILURE', 'NOT_BUILT', 'ABORTED']

    final Map options
    final Map<String, String> machine                           // the environment of Jenkins itself
    final PrintStream console
    final File work
    final List<Map> events = [].asSynchronized()
    final Map<String, String> stages = Collections.synchronizedMap([:])
    final Map<String, String> base = [:]                        // what Jenkins and the agent set
    final Map<String, String> global = new ConcurrentHashMap()  // what `env.X = ` sets
    final Map<String, Object> params = [:]
    String result = 'SUCCESS'
    boolean skipDefaultCheckout, parallelsAlwaysFailFast
    String displayName = '#1', description

    private final Map<String, Semaphore> locks = new ConcurrentHashMap()
    private int workspaces = 0

    /**
     * Jenkins runs the Groovy of a build in one thread and lets the branches of a parallel take turns while their steps
     * wait. A branch here is a thread that holds this lock but while a step waits, so pipelines may rely on the same.
     */
    private final ReentrantLock turn = new ReentrantLock()

    Build(Map options, Map<String, String> machine, PrintStream console) {
        this.options = options
        this.machine = machine
        this.console = console
        work = new File(options.work.toString())
    }

    void event(Map what) { events << what }

    synchronized void worsen(String to) { if (RESULTS.indexOf(to) > RESULTS.indexOf(result)) result = to }

    static String worst(String a, String b) { RESULTS.indexOf(a) > RESULTS.indexOf(b) ? a : b }

    void markStage(String name, String status) {
        def before = stages[name]
        // A stage of a matrix has a status in each cell: the worst one counts, and being skipped counts least.
        if (before in RESULTS) stages[name] = status in RESULTS ? worst(before, status) : before
        else stages[name] = status
    }

    void log(Object message) {
        def scope = Scope.current()
        log(scope, message)
    }

    void log(Scope scope, Object message) {
        String text = message.toString()
        scope.secrets.each { if (it) text = text.replace(it, '****') }
        scope.deadlines*.noticeActivity()
        synchronized (console) { text.readLines().each { console.println("[${scope.stage}] $it") } }
    }

    synchronized File newWorkspace() {
        def workspace = new File(work, "workspace/agent-${++workspaces}")
        workspace.mkdirs()
        workspace
    }

    /** Takes a turn at running Groovy for as long as the closure runs. */
    def inTurn(Closure body) {
        turn.lock()
        try {
            return body.call()
        } finally {
            turn.unlock()
        }
    }

    /** Waits outside of the turn, until the closure returns something other than null or the next deadline passes. */
    def waitFor(Closure attempt) {
        def scope = Scope.current()
        turn.unlock()
        try {
            while (true) {
                if (Thread.interrupted()) throw new Interruption('aborted by failFast')
                def deadline = scope.nextDeadline()
                long left = deadline ? deadline.at - System.currentTimeMillis() : Long.MAX_VALUE
                if (left <= 0) throw new Interruption('Timeout has been exceeded', deadline)
                def answer = attempt.call(Math.min(left, 50L))
                if (answer != null) return answer
            }
        } catch (InterruptedException e) {
            throw new Interruption('aborted by failFast')
        } finally {
            turn.lock()
        }
    }

    /** Runs the closure while holding `quantity` of a lockable resource. */
    def holding(String name, Closure body) {
        def semaphore = locks.computeIfAbsent(name, { new Semaphore(1, true) })
        waitFor { long millis -> semaphore.tryAcquire(millis, TimeUnit.MILLISECONDS) ? true : null }
        event(event: 'lock', name: name, stage: Scope.current().stage)
        try {
            return body.call()
        } finally {
            semaphore.release()
            event(event: 'unlock', name: name, stage: Scope.current().stage)
        }
    }

    /** Runs the branches side by side, each in a copy of the current scope, and throws the first failure once all have ended. */
    Map branches(Map<String, Closure> branches, boolean failFast) {
        def scope = Scope.current(), outcomes = new ConcurrentHashMap(), failures = [].asSynchronized(), threads = []
        branches.each { name, body ->
            threads << new Thread({
                try {
                    inTurn { scope.with([:]).run { def value = body.call(); if (value != null) outcomes[name] = value } }
                } catch (Throwable e) {
                    failures << PipelineFailure.of(e)
                    if (failFast) threads.findAll { it != Thread.currentThread() }*.interrupt()
                }
            }, name.toString())
        }
        threads*.start()
        turn.unlock()
        try {
            threads*.join()
        } catch (InterruptedException e) {
            threads*.interrupt()
            threads*.join()
            failures.add(0, new Interruption('aborted by failFast'))
        } finally {
            turn.lock()
        }
        if (failures) throw failures[0]
        outcomes
    }

    /** A variable as the steps of the current scope see it: `environment`, withEnv and credentials hide what `env.X = ` set. */
    String variable(String name) {
        def scope = Scope.current()
        if (scope.variables.containsKey(name)) return scope.variables[name]
        if (global.containsKey(name)) return global[name]
        base[name]
    }

    /** The whole environment of a shell step. */
    Map<String, String> environment() {
        def scope = Scope.current()
        def all = base + global + [STAGE_NAME: scope.stage]
        if (scope.workspace) all += [WORKSPACE: scope.workspace.path, WORKSPACE_TMP: scope.workspace.path + '@tmp', NODE_NAME: 'host', EXECUTOR_NUMBER: '0']
        all + scope.variables
    }

    String credential(String id) {
        if (!options.credentials.containsKey(id)) throw new PipelineFailure("Could not find credentials entry with ID '$id'")
        options.credentials[id]
    }

    long millis(Map arguments) {
        long length = TimeUnit.valueOf((arguments.unit ?: 'MINUTES').toString()).toMillis(arguments.time as long)
        Math.max(1L, (length * ((options.time_scale ?: 1.0) as double)) as long)
    }
}
