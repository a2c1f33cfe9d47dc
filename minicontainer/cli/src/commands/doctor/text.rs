//! The findings as a table, in the reader's language.

use minicontainer::core::explain::Language;

use super::{Finding, Fix, Verdict};
use crate::messages::label;

/// The least width of the column of names.
const NAME_WIDTH: usize = 16;

/// A table of the findings. Whatever has several lines is indented below its first line.
pub(super) fn text(findings: &[Finding], runs: bool, language: Language) -> String {
    let signs = ["doctor-works", "doctor-lacks", "doctor-fails"].map(|key| label(key, language));
    let width = |texts: &mut dyn Iterator<Item = String>| texts.map(|text| text.chars().count()).max().unwrap_or(0);
    let sign_width = width(&mut signs.iter().cloned());
    let name_width = width(&mut findings.iter().map(|finding| title(finding, language))).max(NAME_WIDTH);
    let indent = " ".repeat(sign_width + name_width + 3);
    let mut text = String::new();
    for finding in findings {
        let sign = &signs[finding.verdict as usize];
        let detail = finding.detail.text(language).replace('\n', &format!("\n{indent}"));
        text += &format!("{sign:<sign_width$}  {:<name_width$} {detail}\n", title(finding, language));
        match &finding.fix {
            None => {}
            Some(fix @ Fix::Message(_)) => {
                text += &format!("{indent}{} {}\n", label("doctor-fix", language), fix.text(language));
            }
            Some(fix @ Fix::Hint(_)) => text += &format!("{indent}hint: {}\n", fix.text(language)),
        }
    }
    let conclusion = if runs { "doctor-can-run" } else { "doctor-cannot-run" };
    text += &format!("\n{}\n", label(conclusion, language));
    if let Some((key, fix)) = next_step(findings) {
        text += &format!("{} {}\n", label(key, language), fix.text(language));
    }
    text
}

/// What to fix first: what `run` needs, otherwise the limits, which an ordinary user lacks most often.
fn next_step(findings: &[Finding]) -> Option<(&'static str, &Fix)> {
    let broken = findings.iter().find(|finding| finding.verdict == Verdict::Broken);
    let is_limit = |finding: &&Finding| finding.verdict == Verdict::Missing && finding.name.ends_with(" limit");
    let (key, finding) = match broken {
        Some(finding) => ("doctor-next-containers", finding),
        None => ("doctor-next-limits", findings.iter().find(is_limit)?),
    };
    Some((key, finding.fix.as_ref()?))
}

/// The name of a finding.
fn title(finding: &Finding, language: Language) -> String {
    label(&format!("doctor-name-{}", finding.name.replace(' ', "-")), language)
}
