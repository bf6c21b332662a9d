// A stand-in for Jenkins' declarative pipelines. It is NOT Jenkins. It enforces the structure (an unknown directive or
// step is an error, each directive only where it may stand) with the Groovy grammar that Jenkins uses, and it really
// runs `sh`, with a clean environment. It has no agents, no sandboxed Groovy, no CPS, no plugins.
// It does not mask secrets, on purpose: a leak must be seen by whoever searches the log.
//
// usage: java -cp groovy-all.jar groovy.ui.GroovyMain jenkins-standin.groovy JENKINSFILE WORKSPACE SETTINGS.json
// SETTINGS: credentials {id: {type: file|string|usernamePassword, ...}}, parameters {}, environment {}, approve, archive
import groovy.json.JsonSlurper
import org.codehaus.groovy.control.CompilerConfiguration

class Refused extends RuntimeException { Refused(String why) { super(why) } }
class Failed extends RuntimeException { Failed(String why) { super(why) } }
class Aborted extends RuntimeException { Aborted(String why) { super(why) } }

class Run {
    static File workspace
    static Map settings
    static String result = 'SUCCESS'
    static Map<String, String> env = [:]
    static Map<String, String> params = [:]
    static List<String> order = ['SUCCESS', 'UNSTABLE', 'FAILURE', 'ABORTED']
    static void say(String text) { println "[standin] $text" }
    static void worse(String to) { if (order.indexOf(to) > order.indexOf(result)) result = to }
    static void within(Object block, Closure body) {
        body.delegate = block
        body.resolveStrategy = Closure.DELEGATE_ONLY
        body.call()
    }
}

// A block refuses whatever it does not define.
abstract class Block {
    abstract String what()
    def methodMissing(String name, args) { throw new Refused("${what()}: there is no `$name` here") }
    def propertyMissing(String name) { throw new Refused("${what()}: there is no `$name` here") }
    def propertyMissing(String name, value) { throw new Refused("${what()}: `$name` cannot be set here") }
}

class Steps extends Block {
    Map<String, String> extra = [:]
    String what() { 'steps' }
    def getEnv() { new Variables() }
    def getParams() { Run.params }
    def echo(String text) { println text }
    def error(String text) { throw new Failed(text) }
    def sh(Object script) { sh(script: script) }
    def sh(Map given) {
        def unknown = given.keySet() - ['script', 'returnStatus', 'returnStdout', 'label']
        if (unknown) throw new Refused("sh: unknown $unknown")
        if (given.script instanceof GString) throw new Refused('sh: a GString would put a secret into the script; use single quotes')
        def file = File.createTempFile('standin', '.sh')
        try {
            file.text = given.script.stripIndent()
            def builder = new ProcessBuilder('/bin/sh', '-xe', file.path).directory(Run.workspace).redirectErrorStream(true)
            builder.environment().clear()
            builder.environment().putAll(Run.env + Run.params + extra)
            def process = builder.start()
            process.outputStream.close()
            process.inputStream.eachLine('UTF-8') { println it }
            int code = process.waitFor()
            if (given.returnStatus) return code
            if (code) throw new Failed("script returned exit code $code")
        } finally { file.delete() }
    }
    def file(Map given) { [kind: 'file', given: given, keys: ['credentialsId', 'variable']] }
    def string(Map given) { [kind: 'string', given: given, keys: ['credentialsId', 'variable']] }
    def usernamePassword(Map given) { [kind: 'usernamePassword', given: given, keys: ['credentialsId', 'usernameVariable', 'passwordVariable']] }
    def withCredentials(List bindings, Closure body) {
        def bound = [:], files = []
        bindings.each { one ->
            if ((one.given.keySet() as List).sort() != one.keys.sort()) throw new Refused("withCredentials: ${one.kind} wants ${one.keys}, not ${one.given.keySet()}")
            def credential = Run.settings.credentials[one.given.credentialsId]
            if (!credential) throw new Failed("Could not find credentials entry with ID '${one.given.credentialsId}'")
            if (credential.type != one.kind) throw new Failed("Credentials '${one.given.credentialsId}' is of type '${credential.type}' where '${one.kind}' was expected")
            if (one.kind == 'file') {
                def copy = File.createTempFile('secretFiles', '.json')
                copy.bytes = new File(credential.path).bytes
                files << copy
                bound[one.given.variable] = copy.path
            } else if (one.kind == 'string') bound[one.given.variable] = new File(credential.path).text.trim()
            else { bound[one.given.usernameVariable] = credential.username; bound[one.given.passwordVariable] = credential.password }
        }
        def before = extra
        extra = extra + bound
        try { Run.within(this, body) } finally { extra = before; files*.delete() }
    }
    def junit(Map given) {
        def unknown = given.keySet() - ['testResults', 'allowEmptyResults']
        if (unknown || !given.testResults) throw new Refused("junit: unknown $unknown")
        def found = Files.matching(given.testResults)
        if (!found) { if (given.allowEmptyResults) return Run.say("junit: no report"); throw new Failed('No test report files were found. Configuration error?') }
        found.each { report ->
            def cases = new XmlSlurper().parse(report).'**'.findAll { it.name() == 'testcase' }
            def bad = cases.findAll { it.failure.size() || it.error.size() }
            if (bad) Run.worse('UNSTABLE')
            Run.say("junit: ${report.name}: ${cases.size()} cases, ${bad.size()} failed: " + cases.collect { "${it.@classname}.${it.@name}" }.join(' '))
        }
    }
    def junit(String results) { junit(testResults: results) }
    def archiveArtifacts(Map given) {
        def unknown = given.keySet() - ['artifacts', 'allowEmptyArchive', 'fingerprint', 'onlyIfSuccessful', 'excludes']
        if (unknown || !given.artifacts) throw new Refused("archiveArtifacts: unknown $unknown")
        def found = Files.matching(given.artifacts)
        if (!found && !given.allowEmptyArchive) throw new Failed('No artifacts found that match the file pattern')
        found.each { new File(Run.settings.archive, it.name).bytes = it.bytes; Run.say("archived ${it.name}") }
    }
    def lock(Map given, Closure body) { if (!given.resource) throw new Refused('lock: resource'); Run.say("locked ${given.resource}"); Run.within(this, body) }
}

class Files {
    static List<File> matching(String patterns) {
        def names = patterns.split(',')*.trim()*.replace('.', '\\.')*.replace('*', '[^/]*')
        (Run.workspace.listFiles() as List).findAll { file -> file.file && names.any { file.name ==~ it } }.sort()
    }
}
class Variables { def propertyMissing(String name) { Run.env[name] ?: Run.params[name] } }

class Environment extends Block {
    Map<String, String> values
    String what() { 'environment' }
    def propertyMissing(String name, value) { values[name] = value.toString() }
    void setProperty(String name, value) { if (name == 'values') this.@values = value else values[name] = value.toString() }
}
class Options extends Block {
    String where
    String what() { "options of $where" }
    def timeout(Map given) {
        if (given.keySet() - ['time', 'unit', 'activity'] || !(given.time instanceof Integer)) throw new Refused("timeout: $given")
        java.util.concurrent.TimeUnit.valueOf(given.unit ?: 'MINUTES')
    }
    def lock(Map given) { if (!given.resource) throw new Refused('lock: resource'); Run.say("locked ${given.resource} for $where") }
    def disableConcurrentBuilds(Map given = [:]) { onlyPipeline('disableConcurrentBuilds'); if (given.keySet() - ['abortPrevious']) throw new Refused("disableConcurrentBuilds: $given") }
    def buildDiscarder(given) { onlyPipeline('buildDiscarder') }
    def logRotator(Map given) { if (given.keySet() - ['numToKeepStr', 'daysToKeepStr']) throw new Refused("logRotator: $given") }
    def skipDefaultCheckout() { }
    private void onlyPipeline(String name) { if (where != 'pipeline') throw new Refused("${what()}: `$name` belongs to the pipeline") }
}
class Parameters extends Block {
    String what() { 'parameters' }
    def string(Map given) { one(given, String) }
    def booleanParam(Map given) { one(given, Boolean) }
    private one(Map given, type) {
        if (given.keySet() - ['name', 'defaultValue', 'description'] || !given.name || !type.isInstance(given.defaultValue)) throw new Refused("parameter: $given")
        Run.params[given.name] = (Run.settings.parameters?.get(given.name) ?: given.defaultValue).toString()
    }
}
class When extends Block {
    boolean yes = true
    int conditions = 0
    String what() { 'when' }
    def getEnv() { new Variables() }
    def beforeInput(boolean on) { }
    def beforeAgent(boolean on) { }
    def branch(String name) { conditions++; yes &= Run.env.BRANCH_NAME == name }
    def expression(Closure body) { conditions++; body.delegate = this; body.resolveStrategy = Closure.DELEGATE_ONLY; yes &= body.call() as boolean }
}
class Input extends Block {
    String text
    String what() { 'input' }
    def message(String given) { text = given }
    def ok(String given) { }
    def submitter(String given) { }
    def id(String given) { }
}
class Post extends Block {
    Map<String, Closure> bodies = [:]
    String what() { 'post' }
    def methodMissing(String name, args) {
        if (!(name in ['always', 'success', 'failure', 'unstable', 'aborted', 'changed', 'fixed', 'regression', 'unsuccessful', 'cleanup']) || args.size() != 1 || !(args[0] instanceof Closure))
            throw new Refused("post: there is no `$name` here")
        bodies[name] = args[0]
    }
    void run(String result) {
        ['always', 'success', 'failure', 'unstable', 'aborted', 'unsuccessful', 'cleanup'].each { name ->
            if (bodies[name] && (name in ['always', 'cleanup'] || name == result.toLowerCase() || (name == 'unsuccessful' && result != 'SUCCESS'))) Run.within(new Steps(), bodies[name])
        }
    }
}

abstract class Directives extends Block {
    Map<String, Closure> given = [:]
    boolean agentGiven = false
    def getAny() { 'any' }
    def getNone() { 'none' }
    def agent(String which) { agentGiven = true }
    protected void keep(String name, Closure body) { if (given[name]) throw new Refused("${what()}: `$name` twice"); given[name] = body }
    def options(Closure body) { keep('options', body) }
    def environment(Closure body) { keep('environment', body) }
    def post(Closure body) { keep('post', body) }
    protected void post(String result) { if (given.post) { def p = new Post(); Run.within(p, given.post); p.run(result) } }
}
class Stage extends Directives {
    String name
    boolean agentAbove
    String what() { "stage '$name'" }
    def steps(Closure body) { keep('steps', body) }
    def when(Closure body) { keep('when', body) }
    def input(Closure body) { keep('input', body) }
    // What Jenkins finds before anything runs.
    void check() {
        if (!given.steps) throw new Refused("${what()}: no steps")
        if (!agentGiven && !agentAbove) throw new Refused("${what()}: no agent, neither here nor above")
        if (given.options) Run.within(new Options(where: what()), given.options)
        if (given.post) Run.within(new Post(), given.post)
    }
    void run(boolean skip) {
        def when = new When(), input = new Input()
        if (given.when) { Run.within(when, given.when); if (!when.conditions) throw new Refused("${what()}: when has no condition") }
        if (given.input) { Run.within(input, given.input); if (!input.text) throw new Refused("${what()}: input has no message") }
        if (skip || !when.yes) { Run.say("stage $name: skipped" + (skip ? ' due to earlier failure' : ' due to when')); return }
        String before = Run.result
        Run.result = 'SUCCESS'
        try {
            if (given.input) {
                Run.say("input: ${input.text}")
                if (!Run.settings.approve) throw new Aborted('rejected')
            }
            def own = new Steps()
            own.extra.STAGE_NAME = name
            if (given.environment) Run.within(new Environment(values: own.extra), given.environment)
            Run.within(own, given.steps)
        } catch (Failed e) { println "ERROR: ${e.message}"; Run.worse('FAILURE') } catch (Aborted e) { println "Rejected"; Run.worse('ABORTED') }
        try { post(Run.result) } catch (Failed e) { println "ERROR: ${e.message}"; Run.worse('FAILURE') }
        Run.say("stage $name: ${Run.result}")
        String here = Run.result
        Run.result = before
        Run.worse(here)
    }
}
class Stages extends Block {
    List<Stage> all = []
    boolean agentAbove
    String what() { 'stages' }
    def stage(String name, Closure body) {
        def one = new Stage(name: name, agentAbove: agentAbove)
        if (all.any { it.name == name }) throw new Refused("two stages '$name'")
        Run.within(one, body)
        all << one
    }
}
class Pipeline extends Directives {
    String agentName
    String what() { 'pipeline' }
    def agent(String which) { agentGiven = true; agentName = which }
    def stages(Closure body) { keep('stages', body) }
    def parameters(Closure body) { keep('parameters', body) }
    void run() {
        if (!agentGiven) throw new Refused('pipeline: no agent')
        if (!given.stages) throw new Refused('pipeline: no stages')
        if (given.options) Run.within(new Options(where: 'pipeline'), given.options)
        if (given.parameters) Run.within(new Parameters(), given.parameters)
        if (given.environment) Run.within(new Environment(values: Run.env), given.environment)
        def stages = new Stages(agentAbove: agentName == 'any')
        Run.within(stages, given.stages)
        if (!stages.all) throw new Refused('stages: there is no stage')
        if (given.post) Run.within(new Post(), given.post)
        stages.all*.check()
        stages.all.each { it.run(Run.result in ['FAILURE', 'ABORTED']) }
        post(Run.result)
    }
}
abstract class PipelineScript extends Script {
    def pipeline(Closure body) { def one = new Pipeline(); Run.within(one, body); one.run() }
}

Run.workspace = new File(args[1])
Run.settings = new JsonSlurper().parse(new File(args[2]))
Run.env.putAll(Run.settings.environment)
Run.env.WORKSPACE = Run.workspace.path
def configuration = new CompilerConfiguration(scriptBaseClass: PipelineScript.name)
int status = 0
try {
    new GroovyShell(this.class.classLoader, new Binding(), configuration).parse(new File(args[0]).text, 'Jenkinsfile').run()
} catch (Refused e) { println "REFUSED: ${e.message}"; status = 3
} catch (MissingPropertyException | MissingMethodException | org.codehaus.groovy.control.CompilationFailedException e) { println "REFUSED: ${e.message}"; status = 3 }
if (!status) { println "Finished: ${Run.result}"; status = Run.result == 'SUCCESS' ? 0 : 1 }
System.exit(status)
