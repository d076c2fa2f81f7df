import groovy.json.JsonOutput
import groovy.json.JsonSlurper
import org.codehaus.groovy.control.CompilerConfiguration
import org.codehaus.groovy.control.customizers.ImportCustomizer
import java.util.concurrent.LinkedBlockingQueue

/**
 * Serves requests, a line of JSON each, and answers each with a line of JSON; to start takes longer than to serve.
 *   {"run": OPTIONS, "env": {}, "console": FILE}     runs a Jenkinsfile, by the options that run_jenkins.py writes
 *   {"check": [FILE, ...], "console": FILE}          prints what is wrong with the syntax of Jenkinsfiles
 *   {"script": FILE, "args": [], "console": FILE}    runs a Groovy script
 * The answer tells whether it went well, and whether nothing of it goes on; what is printed is in the console.
 */
class Main {
    static Build build
    static Steps steps
    static Map<String, Object> globals = [:]

    static void main(String[] args) {
        def answers = System.out, errors = System.err
        def requests = new LinkedBlockingQueue<String>()
        Thread.startDaemon {
            System.in.eachLine('UTF-8') { requests.put(it) }
            // Nobody waits for an answer any more.
            ProcessHandle.current().descendants().iterator().each { it.destroyForcibly() }
            Runtime.runtime.halt(1)
        }
        while (true) {
            def request = new JsonSlurper().parseText(requests.take()) as Map
            boolean ok = new PrintStream(new File(request.console.toString()), 'UTF-8').withCloseable { console ->
                System.setOut(console)
                System.setErr(console)
                serve(request, console)
            }
            System.setOut(answers)
            System.setErr(errors)
            answers.println(JsonOutput.toJson([ok: ok, idle: !somethingGoesOn()]))
        }
    }

    private static boolean somethingGoesOn() {
        Thread.allStackTraces.keySet().any { it != Thread.currentThread() && !it.daemon }
    }

    private static boolean serve(Map request, PrintStream console) {
        try {
            if (request.run) run(new JsonSlurper().parse(new File(request.run.toString()), 'UTF-8') as Map, request.env as Map, console)
            else if (request.check) request.check.collectMany { new SyntaxCheck(it).check() }.each { console.println(it) }
            else new GroovyShell(new Binding(args: request.args as String[], out: console)).evaluate(new File(request.script.toString()).getText('UTF-8'))
            true
        } catch (Throwable e) {
            e.printStackTrace(console)
            false
        }
    }

    private static void run(Map options, Map machine, PrintStream console) {
        build = new Build(options, machine, console)
        build.base.putAll(machine)
        build.base.putAll(options.env)
        steps = new Steps(build)
        globals = [env: new EnvGlobal(build), params: build.params, currentBuild: new CurrentBuild(build), scm: [scm: true], docker: new DockerGlobal(build), any: 'any', none: 'none']
        new Scope(stage: 'pipeline').run { build.inTurn { runScript(new File(options.jenkinsfile.toString())) } }
        console.println "Finished: ${build.result}"
        def outcome = [result: build.result, stages: build.stages, events: build.events]
        new File(build.work, 'outcome.json').setText(JsonOutput.toJson(outcome), 'UTF-8')
    }

    private static void runScript(File file) {
        try {
            def configuration = new CompilerConfiguration(scriptBaseClass: PipelineScript.name)
            // What Jenkins imports for every Jenkinsfile.
            configuration.addCompilationCustomizers(new ImportCustomizer().addStarImports('com.cloudbees.groovy.cps'))
            new GroovyShell(Main.classLoader, new Binding(), configuration).parse(file.text, 'WorkflowScript.groovy').run()
        } catch (Throwable e) {
            // What a Declarative pipeline throws has been dealt with; this is a scripted one, or one that does not start.
            def failure = PipelineFailure.of(e)
            build.worsen(failure.result)
            build.log("ERROR: ${failure.message}")
        }
    }
}
