//! JUnit's XML, which CI systems show: a suite for each program, a case for each test.
//!
//! The format has no official standard; this follows `junit-10.xsd` of Jenkins. A failure of the engine is an
//! `error`, a failure of the program is a `failure`.

use std::{fmt::Write, time::Duration};

use super::{JudgeVerdict, Judged};

/// The results, which must be sorted by program, as a document.
pub fn junit(results: &[Judged]) -> String {
    let mut xml = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    open(&mut xml, "testsuites", "minicontainer judge", results, "");
    for suite in results.chunk_by(|one, other| one.program == other.program) {
        open(&mut xml, "testsuite", &suite[0].program, suite, "  ");
        suite.iter().for_each(|judged| case(&mut xml, judged));
        xml.push_str("  </testsuite>\n");
    }
    xml.push_str("</testsuites>\n");
    xml
}

fn open(xml: &mut String, element: &str, name: &str, results: &[Judged], indent: &str) {
    let count =
        |wanted: fn(JudgeVerdict) -> bool| results.iter().filter(|judged| wanted(judged.outcome.verdict)).count();
    let errors = count(|verdict| verdict == JudgeVerdict::EngineFault);
    let failures = count(|verdict| verdict != JudgeVerdict::Accepted) - errors;
    let time: Duration = results.iter().map(time).sum();
    // Writing to a String cannot fail.
    let _written = writeln!(
        xml,
        "{indent}<{element} name=\"{}\" tests=\"{}\" failures=\"{failures}\" errors=\"{errors}\" time=\"{:.3}\">",
        escaped(name),
        results.len(),
        time.as_secs_f64()
    );
}

fn case(xml: &mut String, judged: &Judged) {
    let (program, test, seconds) = (escaped(&judged.program), escaped(&judged.test), time(judged).as_secs_f64());
    let head = format!("    <testcase classname=\"{program}\" name=\"{test}\" time=\"{seconds:.3}\"");
    let element = match judged.outcome.verdict {
        JudgeVerdict::Accepted => {
            xml.push_str(&format!("{head}/>\n"));
            return;
        }
        JudgeVerdict::EngineFault => "error",
        _ => "failure",
    };
    let message = escaped(&judged.outcome.message.as_ref().map_or_else(String::new, ToString::to_string));
    let verdict = judged.outcome.verdict;
    xml.push_str(&format!("{head}>\n      <{element} type=\"{verdict}\" message=\"{message}\"/>\n    </testcase>\n"));
}

fn time(judged: &Judged) -> Duration {
    judged.report.as_ref().map(|report| report.wall_time).unwrap_or_default()
}

/// A text as the value of an attribute. Characters that XML 1.0 cannot represent, such as most control characters
/// (section 2.2), become the replacement character. Blanks other than the space are escaped, because parsers would
/// turn them into spaces (3.3.3).
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\t' => escaped.push_str("&#9;"),
            '\n' => escaped.push_str("&#10;"),
            '\r' => escaped.push_str("&#13;"),
            '\0'..' ' | '\u{fffe}' | '\u{ffff}' => escaped.push(char::REPLACEMENT_CHARACTER),
            other => escaped.push(other),
        }
    }
    escaped
}
