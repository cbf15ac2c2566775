/// A script without its comment lines, blank lines and indentation, which is most of what a minifier would save.
///
/// Works line by line: sources hold no template that spans lines, and no comment that shares a line with code.
pub(crate) fn without_comments(source: &str) -> String {
    let mut out = String::with_capacity(source.len());
    let mut in_block = false;
    for line in source.lines().map(str::trim) {
        in_block |= line.starts_with("/*");
        if !in_block && !line.is_empty() && !line.starts_with("//") {
            out.push_str(line);
            out.push('\n');
        }
        in_block &= !line.ends_with("*/");
    }
    out
}

#[cfg(test)]
mod tests {
    use super::without_comments;

    #[test]
    fn code_stays_and_comments_go() {
        let source = "// what it is for\nconst a = 1;\n\n  /**\n   * @param {b}\n   */\n  /* c */\n  f(\"//x\");\n";
        assert_eq!(without_comments(source), "const a = 1;\nf(\"//x\");\n");
    }
}
