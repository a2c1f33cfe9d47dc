//! Columns under headings, sizes and times: lists as people read them.

use std::time::Duration;

/// Rows of cells, aligned in columns with three spaces between, as Docker has it.
pub fn render(rows: &[Vec<String>]) -> String {
    let columns = rows.iter().map(Vec::len).max().unwrap_or_default();
    let width = |column: usize| {
        rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max().unwrap_or_default()
    };
    let widths: Vec<usize> = (0..columns).map(width).collect();
    let mut text = String::new();
    for row in rows {
        let cells = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}"));
        text += cells.collect::<Vec<_>>().join("   ").trim_end();
        text.push('\n');
    }
    text
}

/// How long ago, as Docker says it.
pub fn ago(time: Duration) -> String {
    format!("{} ago", roughly(time))
}

/// A duration in the words of Docker: the greatest unit only.
pub fn roughly(time: Duration) -> String {
    let seconds = time.as_secs();
    let (minutes, hours) = (seconds / 60, (seconds + 1800) / 3600);
    let (days, weeks, months) = (hours / 24, hours / 24 / 7, hours / 24 / 30);
    match seconds {
        0 => "Less than a second".to_owned(),
        1 => "1 second".to_owned(),
        2..60 => format!("{seconds} seconds"),
        60..120 => "About a minute".to_owned(),
        _ if minutes < 60 => format!("{minutes} minutes"),
        _ if hours <= 1 => "About an hour".to_owned(),
        _ if hours < 48 => format!("{hours} hours"),
        _ if days < 14 => format!("{days} days"),
        _ if days < 60 => format!("{weeks} weeks"),
        _ if days < 730 => format!("{months} months"),
        _ => format!("{} years", days / 365),
    }
}

/// Bytes with three digits and a decimal unit, as Docker shows an image's size.
pub fn size(bytes: u64) -> String {
    let mut value = bytes as f64;
    for unit in ["B", "kB", "MB", "GB", "TB"] {
        if value < 1000.0 || unit == "TB" {
            let decimals = if unit == "B" || value >= 100.0 { 0 } else { 2 - usize::from(value >= 10.0) };
            return format!("{value:.decimals$}{unit}");
        }
        value /= 1000.0;
    }
    unreachable!("the last unit takes whatever is left")
}

/// The beginning of a text, with a sign where it was cut.
pub fn shortened(text: &str, most: usize) -> String {
    match text.chars().count() > most {
        true => text.chars().take(most - 1).chain(['…']).collect(),
        false => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_aligned_and_lines_end_with_their_text() {
        let rows = [vec!["ID", "NAME", ""], vec!["1", "é", "x"], vec!["22", "long name", ""]];
        let rows = rows.map(|row| row.into_iter().map(str::to_owned).collect());
        assert_eq!(render(&rows), "ID   NAME\n1    é           x\n22   long name\n");
    }

    #[track_caller]
    fn check_time(seconds: u64, expect: &str) {
        assert_eq!(roughly(Duration::from_secs(seconds)), expect);
    }

    #[test]
    fn times_are_rough() {
        check_time(0, "Less than a second");
        check_time(1, "1 second");
        check_time(59, "59 seconds");
        check_time(60, "About a minute");
        check_time(120, "2 minutes");
        check_time(3599, "59 minutes");
        check_time(3600, "About an hour");
        check_time(7200, "2 hours");
        check_time(47 * 3600, "47 hours");
        check_time(48 * 3600, "2 days");
        check_time(14 * 86_400, "2 weeks");
        check_time(60 * 86_400, "2 months");
        check_time(800 * 86_400, "2 years");
    }

    #[track_caller]
    fn check_size(bytes: u64, expect: &str) {
        assert_eq!(size(bytes), expect);
    }

    #[test]
    fn sizes_have_three_digits() {
        check_size(0, "0B");
        check_size(999, "999B");
        check_size(1000, "1.00kB");
        check_size(2_050_000, "2.05MB");
        check_size(12_345_678, "12.3MB");
        check_size(123_456_789, "123MB");
        check_size(5_000_000_000_000_000, "5000TB");
    }

    #[test]
    fn what_is_cut_says_so() {
        assert_eq!(shortened("abc", 3), "abc");
        assert_eq!(shortened("abcd", 3), "ab…");
    }
}
