import groovy.json.JsonOutput
import groovy.json.JsonSlurper
import org.codehaus.groovy.control.CompilerConfiguration
import org.codehaus.groovy.control.customizers.ImportCustomizer

/**
 * Main --check FILE...    prints what is wrong with each file; exits with 2 if anything is
 * Main --run OPTIONS.json runs a Jenkinsfile; the options are those that run_jenkins.py writes
 */
class Main {
    static Build build
    static Steps steps
    static Map<String, Object> globals = [:]

    static void main(String[] args) {
        System.exit(args[0] == '--run' ? run(new JsonSlurper().parse(new File(args[1])) as Map) : check(args.tail() as List))
    }

    static int check(List<String> files) {
        def errors = files.collectMany { new SyntaxCheck(it).check() }
        errors.each { println it }
        errors ? 2 : 0
    }

    static int run(Map options) {
        build = new Build(options)
        build.base.putAll(System.getenv())
        build.base.putAll(options.env)
        steps = new Steps(build)
        globals = [env: new EnvGlobal(build), params: build.params, currentBuild: new CurrentBuild(build), scm: [scm: true], docker: new DockerGlobal(build), any: 'any', none: 'none']
        new Scope(stage: 'pipeline').run { build.inTurn { runScript(new File(options.jenkinsfile.toString())) } }
        println "Finished: ${build.result}"
        def outcome = [result: build.result, stages: build.stages, events: build.events]
        new File(build.work, 'outcome.json').text = JsonOutput.toJson(outcome)
        build.result in ['SUCCESS', 'UNSTABLE'] ? 0 : 1
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
