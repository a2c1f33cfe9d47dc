//! Columns, sizes and times in human-readable form.

use std::time::Duration;

use jiff::{Timestamp, tz::TimeZone};
pub use minicontainer::core::container::ago;

/// Rows of cells, aligned in columns with three spaces between, as in Docker's tables.
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

/// A time in the local time zone, as Go prints it and Docker shows it.
pub fn local_time(time: Timestamp) -> String {
    time.to_zoned_datetime(TimeZone::system()).strftime("%Y-%m-%d %H:%M:%S %z %Z").to_string()
}

/// The time since then; zero if the clock has been set back.
pub fn elapsed(time: Timestamp) -> Duration {
    Duration::try_from(Timestamp::now().duration_since(time)).unwrap_or_default()
}

/// The time that long ago, or the earliest that can be represented.
pub fn before_now(time: Duration) -> Timestamp {
    Timestamp::now().checked_sub(time).unwrap_or(Timestamp::MIN)
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

/// The beginning of a text, with an ellipsis if it was cut.
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
    fn columns_are_aligned_without_trailing_spaces() {
        let rows = [vec!["ID", "NAME", ""], vec!["1", "é", "x"], vec!["22", "long name", ""]];
        let rows = rows.map(|row| row.into_iter().map(str::to_owned).collect());
        assert_eq!(render(&rows), "ID   NAME\n1    é           x\n22   long name\n");
    }

    #[track_caller]
    fn check_size(bytes: u64, expect: &str) {
        assert_eq!(size(bytes), expect);
    }

    #[test]
    fn sizes_have_three_significant_digits() {
        check_size(0, "0B");
        check_size(999, "999B");
        check_size(1000, "1.00kB");
        check_size(2_050_000, "2.05MB");
        check_size(12_345_678, "12.3MB");
        check_size(123_456_789, "123MB");
        check_size(5_000_000_000_000_000, "5000TB");
    }

    #[test]
    fn shortened_text_ends_with_ellipsis() {
        assert_eq!(shortened("abc", 3), "abc");
        assert_eq!(shortened("abcd", 3), "ab…");
    }
}
