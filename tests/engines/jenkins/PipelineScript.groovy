/** The base class of a Jenkinsfile: what is neither its own method nor its own variable is a step or a global variable of Jenkins. */
abstract class PipelineScript extends Script {
    @Override Object getProperty(String name) {
        def globals = Main.globals
        if (globals.containsKey(name)) return globals[name]
        try {
            return super.getProperty(name)
        } catch (MissingPropertyException e) {
            def value = Main.build.variable(name)
            if (value != null) return value
            if (Main.build.params.containsKey(name)) return Main.build.params[name]
            throw new PipelineFailure("groovy.lang.MissingPropertyException: No such property: $name")
        }
    }

    def methodMissing(String name, Object arguments) {
        def all = arguments as List
        if (name == 'pipeline') return new Declarative(Main.build, this).pipeline(all[0])
        if (name in Steps.SYMBOLS) return Steps.symbol(name, all)
        def steps = Main.steps
        if (!steps.metaClass.respondsTo(steps, name)) throw new PipelineFailure("No such DSL method '$name' found among steps")
        steps.invokeMethod(name, all as Object[])
    }
}
