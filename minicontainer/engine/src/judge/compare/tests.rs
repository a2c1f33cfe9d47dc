//! Checks the streaming comparison against a simple one of the whole texts.

use proptest::prelude::*;

use super::*;

/// The first difference, found with both texts in memory, cut into all their lines or words.
fn whole_difference(answer: &[u8], expected: &[u8], comparison: Comparison) -> Option<Message> {
    let cut = |text| match comparison {
        Comparison::Exact => split_lines(text),
        Comparison::Lines => trimmed_lines(text),
        Comparison::Tokens => words(text),
    };
    let (answer, expected) = (cut(answer), cut(expected));
    let most = answer.len().max(expected.len());
    let place = (0..most).find(|place| answer.get(*place) != expected.get(*place))?;
    describe(comparison, place, answer.get(place).copied(), expected.get(place).copied())
}

fn split_lines(text: &[u8]) -> Vec<&[u8]> {
    text.split(|byte| *byte == b'\n').collect()
}

fn trimmed_lines(text: &[u8]) -> Vec<&[u8]> {
    let mut lines: Vec<&[u8]> = split_lines(text).into_iter().map(<[u8]>::trim_ascii_end).collect();
    while lines.last().is_some_and(|line| line.is_empty()) {
        lines.pop();
    }
    lines
}

fn words(text: &[u8]) -> Vec<&[u8]> {
    text.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty()).collect()
}

/// Texts of few different bytes, so that two of them often have long common parts.
fn text() -> impl Strategy<Value = Vec<u8>> + Clone {
    let byte = prop_oneof![4 => Just(b'a'), 1 => Just(b'b'), 2 => Just(b' '), 1 => Just(b'\t'), 1 => Just(b'\r'),
        3 => Just(b'\n'), 1 => Just(b'\xff')];
    prop::collection::vec(byte, 0..24)
}

/// Two texts. Often the second is the first with an insertion, a deletion or an addition.
fn pair() -> impl Strategy<Value = (Vec<u8>, Vec<u8>)> {
    let edited = (text(), text(), any::<prop::sample::Index>(), 0..3usize).prop_map(|(text, piece, place, taken)| {
        let place = place.index(text.len() + 1);
        let mut other = text.clone();
        other.splice(place..(place + taken).min(text.len()), piece.into_iter().take(2));
        (text, other)
    });
    prop_oneof![
        (text(), text()),
        (edited, any::<bool>()).prop_map(|((one, other), turn)| match turn {
            true => (other, one),
            false => (one, other),
        })
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4096))]

    #[test]
    fn streaming_comparison_matches_whole_comparison((answer, expected) in pair(), pieces in prop::collection::vec(1..5usize, 1..4)) {
        for comparison in [Comparison::Exact, Comparison::Lines, Comparison::Tokens] {
            let mut comparer = Comparer::new(&expected, comparison);
            let (mut rest, mut sizes) = (answer.as_slice(), pieces.iter().cycle());
            while !rest.is_empty() {
                let (piece, behind) = rest.split_at(rest.len().min(*sizes.next().unwrap()));
                comparer.feed(piece);
                rest = behind;
            }
            prop_assert_eq!(comparer.finish(), whole_difference(&answer, &expected, comparison), "{:?}", comparison);
        }
    }
}

#[test]
fn long_units_are_shortened_in_messages() {
    let long = |last: u8| [vec![b'y'; 100_000], vec![last]].concat();
    for comparison in [Comparison::Exact, Comparison::Lines, Comparison::Tokens] {
        assert_eq!(difference(&long(b'a'), &long(b'a'), comparison), None);
        let found = difference(&long(b'a'), &long(b'b'), comparison);
        assert_eq!(found, whole_difference(&long(b'a'), &long(b'b'), comparison));
        assert!(found.unwrap().to_string().len() < 150);
    }
    // Blanks at a line's end do not count, however many, unless other characters follow.
    let blanks = [b"x".to_vec(), vec![b' '; 1_000_000]].concat();
    assert_eq!(difference(&blanks, b"x\n", Comparison::Lines), None);
    let found = difference(&[blanks, b"y".to_vec()].concat(), b"x\n", Comparison::Lines).unwrap().to_string();
    assert!(found.starts_with("line 1: expected \"x\", not \"x    "), "{found}");
}

/// The comparer keeps only the beginning of one unit, however long the answer is.
#[test]
fn comparer_memory_is_bounded() {
    for (comparison, piece) in
        [(Comparison::Exact, "\n"), (Comparison::Lines, "\n"), (Comparison::Lines, "x"), (Comparison::Tokens, "x ")]
    {
        let piece = piece.repeat(1 << 16);
        let mut comparer = Comparer::new(b"", comparison);
        (0..64).for_each(|_| comparer.feed(piece.as_bytes()));
        assert_eq!(comparer.current.beginning.capacity(), BEGINNING);
        let _difference = comparer.finish();
    }
}
