//! Removes the indentation of included code, which comes from inside functions of real files.

/// Removes the common indentation of all lines in each fenced block of a page.
pub fn dedent_code(page: &str) -> String {
    let mut text = String::new();
    let mut block: Option<Vec<&str>> = None;
    for line in page.split_inclusive('\n') {
        match (line.starts_with("```"), &mut block) {
            (true, None) => {
                block = Some(Vec::new());
                text += line;
            }
            (true, Some(lines)) => {
                text += &dedent(lines);
                text += line;
                block = None;
            }
            (false, Some(lines)) => lines.push(line),
            (false, None) => text += line,
        }
    }
    // A fence that is not closed is left for mdBook to report; its lines must not be lost here.
    text + &block.unwrap_or_default().concat()
}

fn dedent(lines: &[&str]) -> String {
    let indentation = |line: &&str| line.len() - line.trim_start_matches(' ').len();
    let common = lines.iter().filter(|line| !line.trim().is_empty()).map(indentation).min().unwrap_or(0);
    lines.iter().map(|line| line.get(common..).unwrap_or("\n")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn code_is_dedented_by_common_indentation() {
        let check = |page: &str, expected: &str| assert_eq!(dedent_code(page), expected);
        check("  text\n```rust\n    a\n\n      b\n```\n  text\n", "  text\n```rust\na\n\n  b\n```\n  text\n");
        check("```\na\n  b\n```\n", "```\na\n  b\n```\n");
        check("```\n  never closed\n", "```\n  never closed\n");
    }
}
