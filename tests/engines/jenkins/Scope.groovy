/**
 * Where a step runs: its stage, workspace, variables, masked secrets and deadlines. Each branch of a parallel has its
 * own thread, and each thread its own current scope, so methods and closures find theirs wherever they are defined.
 */
class Scope {
    private static final ThreadLocal<Scope> CURRENT = new ThreadLocal<>()

    String stage
    Map<String, String> variables = [:]   // of environment { }, withEnv and withCredentials
    File workspace                        // null without an agent
    File directory
    List<String> secrets = []
    List<Deadline> deadlines = []

    static Scope current() { CURRENT.get() }

    /** This scope with some of its properties changed. */
    Scope with(Map changes) {
        def properties = [stage: stage, variables: new LinkedHashMap(variables), workspace: workspace, directory: directory,
            secrets: new ArrayList(secrets), deadlines: new ArrayList(deadlines)]
        new Scope(properties + changes)
    }

    Scope plus(Map<String, String> more) { with(variables: variables + more) }

    /** Runs the closure in this scope. */
    def run(Closure body) {
        def before = CURRENT.get()
        CURRENT.set(this)
        try {
            return body.call()
        } finally {
            CURRENT.set(before)
        }
    }

    Deadline nextDeadline() { deadlines.min { it.at } }
}
