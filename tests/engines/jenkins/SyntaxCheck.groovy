import org.codehaus.groovy.ast.ASTNode
import org.codehaus.groovy.ast.CodeVisitorSupport
import org.codehaus.groovy.ast.expr.*
import org.codehaus.groovy.ast.stmt.*
import org.codehaus.groovy.control.*

/** Checks the syntax tree of a Declarative Jenkinsfile, and so also the branches that no run takes. */
class SyntaxCheck {
    /** The longest constant that a class file can hold, in bytes. */
    static final int LONGEST_STRING = 65535

    final String file
    final List<String> errors = []

    SyntaxCheck(String file) { this.file = file }

    List<String> check() {
        def unit = new CompilationUnit()
        unit.addSource('WorkflowScript', new File(file).text)
        try {
            unit.compile(Phases.CONVERSION)
        } catch (MultipleCompilationErrorsException e) {
            e.errorCollector.errors.each { errors << "$file:${it.cause.line}:${it.cause.startColumn} ${it.cause.originalMessage.replaceAll(/\s+/, " ")}".toString() }
            return errors
        }
        def module = unit.AST.modules[0]
        def pipeline = module.statementBlock.statements.findResult { callOf(it)?.methodAsString == 'pipeline' ? callOf(it) : null }
        if (pipeline) checkPipeline(pipeline) else errors << "$file:1:1 no pipeline { } block".toString()
        def strings = new CodeVisitorSupport() {
            @Override void visitConstantExpression(ConstantExpression e) {
                if (e.value instanceof String && e.value.getBytes('UTF-8').length > LONGEST_STRING) error(e, "a string of more than $LONGEST_STRING bytes")
            }
        }
        module.statementBlock.visit(strings)
        module.methods.each { it.code?.visit(strings) }
        errors
    }

    private void error(ASTNode node, String message) { errors << "$file:${node.lineNumber}:${node.columnNumber} $message".toString() }

    private static MethodCallExpression callOf(Statement statement) {
        def expression = statement instanceof ExpressionStatement || statement instanceof ReturnStatement ? statement.expression : null
        expression instanceof MethodCallExpression && expression.implicitThis ? expression : null
    }

    private static List<Expression> arguments(MethodCallExpression call) {
        call.arguments instanceof TupleExpression ? call.arguments.expressions : [call.arguments]
    }

    private static ClosureExpression block(MethodCallExpression call) {
        def all = arguments(call)
        all && all[-1] instanceof ClosureExpression ? all[-1] : null
    }

    private static List<Statement> statements(ClosureExpression closure) {
        closure.code instanceof BlockStatement ? closure.code.statements : [closure.code]
    }

    /** Returns the directives that stand in the block of `at`, all of which must be among `allowed`. */
    private List<MethodCallExpression> directives(MethodCallExpression at, Set<String> allowed, String where, boolean unique = true) {
        def block = block(at)
        if (!block) {
            error(at, "$where needs a { } block")
            return []
        }
        def seen = [] as Set
        statements(block).findResults { statement ->
            def call = callOf(statement)
            if (!call) {
                error(statement, "only directives may stand in $where")
                return null
            }
            def name = call.methodAsString
            if (!(name in allowed)) {
                error(call, "unknown '$name' in $where; allowed: ${allowed.sort().join(', ')}")
                return null
            }
            if (unique && !seen.add(name)) error(call, "'$name' given twice in $where")
            call
        }
    }

    private void checkPipeline(MethodCallExpression pipeline) {
        def sections = directives(pipeline, Language.PIPELINE, 'pipeline')
        def names = sections*.methodAsString
        ['agent', 'stages'].each { if (!(it in names)) error(pipeline, "pipeline lacks the required section '$it'") }
        sections.each { section ->
            checkSection(section, 'pipeline', Language.OPTIONS)
            switch (section.methodAsString) {
                case 'stages': checkStages(section, 'stages', false); break
                case 'parameters': directives(section, Language.PARAMETERS, 'parameters', false); break
                case 'triggers': directives(section, Language.TRIGGERS, 'triggers'); break
            }
        }
    }

    /** Checks a section that pipeline, stage and matrix have in common. */
    private void checkSection(MethodCallExpression section, String where, Set<String> options) {
        switch (section.methodAsString) {
            case 'environment':
                if (block(section)) statements(block(section)).each { checkVariable(it, where) }
                else error(section, "environment of $where needs a { } block")
                break
            case 'options': directives(section, options, "options of $where").each { checkArguments(it) }; break
            case 'post':
                def conditions = directives(section, Language.POST as Set, "post of $where")
                if (!conditions) error(section, "post of $where is empty")
                conditions.each { checkSteps(it, "post ${it.methodAsString}") }
                break
            case 'when': checkConditions(section); break
            case 'input':
                if (!directives(section, Language.INPUT, "input of $where").any { it.methodAsString == 'message' }) error(section, "input of $where lacks its message")
                break
            case 'agent': if (block(section)) directives(section, Language.AGENTS, "agent of $where"); break
            case 'steps': checkSteps(section, 'steps'); break
        }
    }

    private void checkVariable(Statement statement, String where) {
        def expression = statement instanceof ExpressionStatement ? statement.expression : null
        if (!(expression instanceof BinaryExpression) || expression.operation.text != '=' || !(expression.leftExpression instanceof VariableExpression)) {
            error(statement, "environment of $where takes NAME = value lines only")
            return
        }
        def value = expression.rightExpression
        boolean fine = value instanceof GStringExpression || (value instanceof ConstantExpression && value.value instanceof String) ||
            (value instanceof BinaryExpression && value.operation.text == '+') || (value instanceof MethodCallExpression && value.implicitThis)
        if (!fine) error(statement, 'an environment value must be a quoted string or a function call')
    }

    private void checkConditions(MethodCallExpression call) {
        def name = call.methodAsString
        def all = directives(call, name == 'when' ? Language.WHEN : Language.CONDITIONS, name, false)
        def conditions = all.findAll { !(it.methodAsString in Language.BEFORE) }
        if (!conditions) error(call, "$name has no condition")
        if (name == 'not' && conditions.size() > 1) error(call, 'not takes one condition')
        conditions.findAll { it.methodAsString in Language.COMBINATORS }.each { checkConditions(it) }
    }

    private void checkStages(MethodCallExpression at, String where, boolean inParallel) {
        def seen = [] as Set
        def stages = directives(at, ['stage'] as Set, where, false)
        if (!stages) error(at, "no stage in $where")
        stages.each { stage ->
            def name = arguments(stage)[0]
            if (!(name instanceof ConstantExpression)) {
                error(stage, 'a stage needs a literal name')
                return
            }
            if (!seen.add(name.value)) error(stage, "duplicate stage name '${name.value}'")
            checkStage(stage, "stage '${name.value}'", inParallel)
        }
    }

    private void checkStage(MethodCallExpression stage, String where, boolean inParallel) {
        def sections = directives(stage, Language.STAGE, where)
        def names = sections*.methodAsString
        def bodies = names.findAll { it in Language.BODIES }
        boolean fans = bodies.any { it in ['parallel', 'matrix'] }
        if (bodies.size() != 1) error(stage, "$where needs exactly one of steps, stages, parallel, matrix (has $bodies)")
        if (inParallel && fans) error(stage, "$where: parallel/matrix inside parallel/matrix")
        if (fans && 'agent' in names) error(stage, "$where: no agent beside parallel/matrix")
        sections.each { section ->
            checkSection(section, where, Language.STAGE_OPTIONS)
            switch (section.methodAsString) {
                case 'stages': checkStages(section, "stages of $where", inParallel); break
                case 'parallel': checkStages(section, "parallel of $where", true); break
                case 'matrix': checkMatrix(section, where); break
            }
        }
    }

    private void checkMatrix(MethodCallExpression matrix, String where) {
        def sections = directives(matrix, Language.MATRIX, "matrix of $where")
        ['axes', 'stages'].each { if (!(it in sections*.methodAsString)) error(matrix, "matrix lacks '$it'") }
        sections.each { section ->
            checkSection(section, "matrix of $where", Language.STAGE_OPTIONS)
            if (section.methodAsString == 'stages') checkStages(section, "matrix stages of $where", true)
        }
    }

    private void checkSteps(MethodCallExpression at, String where) {
        if (!block(at)) {
            error(at, "$where needs a { } block")
            return
        }
        def all = statements(block(at))
        if (!all) error(at, "$where is empty")
        all.each { statement ->
            def call = callOf(statement)
            if (!call) {
                error(statement, "only steps may stand in $where (use script { } for Groovy)")
                return
            }
            def name = call.methodAsString
            if (name in ['stage', 'properties', 'parallel']) error(call, "'$name' may not stand in steps")
            else if (!(name in Language.STEPS)) error(call, "unknown step '$name' in $where")
            else {
                checkArguments(call)
                if (name != 'script' && block(call)) checkSteps(call, name)
            }
        }
    }

    private void checkArguments(MethodCallExpression call) {
        def known = Language.ARGUMENTS[call.methodAsString]
        if (known == null) return
        arguments(call).findAll { !(it instanceof ClosureExpression) }.each { argument ->
            def maps = argument instanceof MapExpression ? [argument] : argument instanceof TupleExpression ? argument.expressions.findAll { it instanceof MapExpression } : []
            if (maps) maps*.mapEntryExpressions.flatten().each { checkArgument(call, known, it.keyExpression.text, it.valueExpression) }
            else checkArgument(call, known, known.keySet()[0], argument)
        }
    }

    private void checkArgument(MethodCallExpression call, Map<String, Class> known, String name, Expression value) {
        def step = call.methodAsString
        if (!known.containsKey(name)) {
            error(call, "$step has no parameter '$name' (has ${known.keySet().join(', ')})")
            return
        }
        if (!(value instanceof ConstantExpression) || value.value == null) return
        def wanted = known[name]
        if (wanted != Object && !wanted.isInstance(value.value)) error(value, "$step: '$name' wants ${wanted.simpleName}, got ${value.value.class.simpleName} '${value.value}'")
        if (name == 'unit' && !(value.value in Language.UNITS)) error(value, "$step: unit '${value.value}' is none of ${Language.UNITS.join(', ')}")
    }
}
