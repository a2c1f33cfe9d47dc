//! Suggestions for misspelled words: the nearest valid word.
//!
//! The measure is the [Damerau-Levenshtein distance][1]: the number of inserted, deleted, replaced or swapped
//! letters. It must be at most two, and less than half of the word, so that `form` suggests `from` and `x` suggests
//! nothing.
//!
//! [1]: https://en.wikipedia.org/wiki/Damerau-Levenshtein_distance

/// Longer words are not compared.
const LONGEST: usize = 40;

/// The candidate that is nearest to the given word, if one is near enough. Case is ignored.
///
/// ```
/// use minicontainer_dockerfile::suggest::nearest;
///
/// assert_eq!(nearest("form", ["from", "chown"]), Some("from"));
/// assert_eq!(nearest("ENTRYPIONT", ["CMD", "ENTRYPOINT", "ENV"]), Some("ENTRYPOINT"));
/// assert_eq!(nearest("banana", ["CMD", "ENTRYPOINT", "ENV"]), None);
/// ```
pub fn nearest<'a>(given: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let lower = |text: &str| text.chars().take(LONGEST + 1).collect::<String>().to_lowercase().chars().collect();
    let given: Vec<char> = lower(given);
    if given.len() > LONGEST {
        return None;
    }
    let near = |candidate: &'a str| {
        let distance = distance(&given, &lower(candidate));
        (distance <= 2 && distance * 2 < given.len().max(2)).then_some((distance, candidate))
    };
    candidates.into_iter().filter_map(near).min_by_key(|(distance, _)| *distance).map(|(_, candidate)| candidate)
}

/// The distance is computed row by row: `row[j]` is the distance between the letters of `left` so far and the first
/// `j` letters of `right`.
fn distance(left: &[char], right: &[char]) -> usize {
    let mut row: Vec<usize> = (0..=right.len()).collect();
    let (mut before, mut before_that) = (row.clone(), row.clone());
    for i in 0..left.len() {
        row[0] = i + 1;
        for j in 0..right.len() {
            let exchanged = before[j] + usize::from(left[i] != right[j]);
            row[j + 1] = exchanged.min(before[j + 1] + 1).min(row[j] + 1);
            if i > 0 && j > 0 && left[i] == right[j - 1] && left[i - 1] == right[j] {
                row[j + 1] = row[j + 1].min(before_that[j - 1] + 1);
            }
        }
        before_that = std::mem::replace(&mut before, row.clone());
    }
    before[right.len()]
}
