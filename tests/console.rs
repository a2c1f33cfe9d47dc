//! The commands that a page shows, and whether their output is what the page says.
//!
//! A fence ```` ```console ```` has lines `$ command`, and under each its output, stderr included. `[..]` stands for
//! anything within a line. A command without output on the page may print anything.

/// One command of a page.
#[derive(Debug, PartialEq, Eq)]
pub struct Example {
    /// Its line on the page.
    pub line: usize,
    pub command: String,
    /// The lines under it; none if the page does not show the output.
    pub output: Vec<String>,
}

/// The commands of a page, in order.
pub fn examples(page: &str) -> Vec<Example> {
    let mut examples: Vec<Example> = Vec::new();
    let mut in_console = false;
    for (index, line) in page.lines().enumerate() {
        match line.strip_prefix("```") {
            Some(fence) => in_console = !in_console && fence == "console",
            None if !in_console => {}
            None => match (line.strip_prefix("$ "), examples.last_mut()) {
                (Some(command), _) => {
                    examples.push(Example { line: index + 1, command: command.into(), output: Vec::new() });
                }
                (None, Some(example)) => example.output.push(line.to_owned()),
                (None, None) => panic!("line {}: output without a command", index + 1),
            },
        }
    }
    examples
}

/// The first code in this language on a page.
pub fn code<'page>(page: &'page str, language: &str) -> &'page str {
    let (_, rest) = page.split_once(&format!("```{language}\n")).expect("code in that language");
    rest.split_once("```").expect("the end of the code").0
}

impl Example {
    /// Whether the output is what the page shows.
    pub fn matches(&self, output: &str) -> bool {
        let lines: Vec<&str> = output.lines().collect();
        let is_same = self.output.len() == lines.len();
        self.output.is_empty()
            || is_same && self.output.iter().zip(lines).all(|(pattern, line)| line_matches(pattern, line))
    }
}

/// Whether a line matches a pattern, where `[..]` stands for anything.
pub fn line_matches(pattern: &str, line: &str) -> bool {
    match pattern.split_once("[..]") {
        None => pattern == line,
        Some((start, rest)) => line.strip_prefix(start).is_some_and(|line| {
            (0..=line.len()).any(|skipped| line.is_char_boundary(skipped) && line_matches(rest, &line[skipped..]))
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn examples_are_parsed_and_wildcards_match() {
        let page = "```sh\n$ not this\n```\n```console\n$ one\na\nb [..]\n$ two\n```\ntext\n```rust\ncode\n```\n";
        let found = examples(page);
        assert_eq!(
            found.iter().map(|one| (one.line, one.command.as_str())).collect::<Vec<_>>(),
            [(5, "one"), (8, "two")]
        );
        assert!(found[0].matches("a\nb c\n") && !found[0].matches("a\n") && !found[0].matches("a\nc\n"));
        assert!(found[1].matches("anything\n"));
        assert_eq!(code(page, "rust"), "code\n");
    }
}
