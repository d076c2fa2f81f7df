import java.nio.file.FileVisitOption
import java.nio.file.Files
import java.nio.file.StandardCopyOption

/** Files by Ant's patterns, as stash, archiveArtifacts and junit name them: https://ant.apache.org/manual/dirtasks.html#patterns */
class AntFiles {
    static final String DEFAULT_EXCLUDES = '**/*~,**/#*#,**/.#*,**/%*%,**/._*,**/CVS,**/CVS/**,**/.cvsignore,**/SCCS,**/SCCS/**,**/vssver.scc,**/.svn,**/.svn/**,' +
        '**/.git,**/.git/**,**/.gitattributes,**/.gitignore,**/.gitmodules,**/.hg,**/.hg/**,**/.hgignore,**/.hgsub,**/.hgsubstate,**/.hgtags,**/.bzr,**/.bzr/**,' +
        '**/.bzrignore,**/.DS_Store'

    /** The regular expression of one pattern, or of a branch or tag filter. */
    static String regex(String pattern) {
        String whole = pattern.endsWith('/') ? pattern + '**' : pattern
        def parts = []
        int at = 0
        while (at < whole.length()) {
            if (whole.startsWith('**/', at)) { parts << '(?:.*/)?'; at += 3 }
            else if (whole.startsWith('/**', at) && at + 3 == whole.length()) { parts << '(?:/.*)?'; at += 3 }
            else if (whole.startsWith('**', at)) { parts << '.*'; at += 2 }
            else if (whole[at] == '*') { parts << '[^/]*'; at++ }
            else if (whole[at] == '?') { parts << '[^/]'; at++ }
            else { parts << java.util.regex.Pattern.quote(whole[at]); at++ }
        }
        parts.join('')
    }

    private static boolean matches(String path, String patterns) {
        patterns.split(',').any { it.trim() && path ==~ regex(it.trim()) }
    }

    /** The files below `root`, sorted, that match the comma-separated patterns. */
    static List<String> find(File root, String includes, String excludes = null, boolean defaultExcludes = true) {
        def found = []
        if (!root.exists()) return found
        def paths = Files.walk(root.toPath(), FileVisitOption.FOLLOW_LINKS)
        try {
            paths.iterator().each { path ->
                if (!Files.isRegularFile(path)) return
                String name = root.toPath().relativize(path).toString()
                if (matches(name, includes) && !(excludes && matches(name, excludes)) && !(defaultExcludes && matches(name, DEFAULT_EXCLUDES))) found << name
            }
        } finally {
            paths.close()
        }
        found.sort()
    }

    static void copy(File from, List<String> names, File to) {
        names.each { name ->
            def target = new File(to, name)
            target.parentFile.mkdirs()
            Files.copy(new File(from, name).toPath(), target.toPath(), StandardCopyOption.REPLACE_EXISTING, StandardCopyOption.COPY_ATTRIBUTES)
        }
    }
}
