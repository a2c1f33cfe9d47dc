//! Which descriptors to close, so that only a few stay open.

use super::calls::Fd;

/// The ranges of descriptors above 2 that contain none of `kept`, as arguments of close_range(2).
pub(crate) fn ranges_between(kept: &[Fd]) -> Vec<(u32, u32)> {
    let mut kept: Vec<u32> = kept.iter().filter_map(|number| u32::try_from(*number).ok()).collect();
    kept.sort_unstable();
    let mut first = 3;
    let mut ranges = Vec::new();
    for number in kept {
        if number > first {
            ranges.push((first, number - 1));
        }
        first = number + 1;
    }
    ranges.push((first, u32::MAX));
    ranges
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_cover_all_but_kept_descriptors() {
        assert_eq!(ranges_between(&[]), [(3, u32::MAX)]);
        assert_eq!(ranges_between(&[3, 4]), [(5, u32::MAX)]);
        assert_eq!(ranges_between(&[9, 5, 6, 5]), [(3, 4), (7, 8), (10, u32::MAX)]);
    }
}
