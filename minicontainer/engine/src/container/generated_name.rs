//! Generated names: an adjective and the surname of a computing pioneer, as in Docker. They are easier to say than
//! ids.

use minicontainer::core::options::ContainerName;

use super::{ContainerError, id::random_bytes};

const ADJECTIVES: &str = "able agile amused brave bright busy calm candid cheerful clever cool curious daring \
    eager earnest elated elegant fearless festive focused friendly gallant gentle gifted graceful happy hopeful \
    humble inspired jolly keen kind laughing lively lucid merry modest nifty optimistic patient peaceful playful \
    polite proud quick quiet relaxed serene sharp silent sincere steady sunny tender thoughtful tidy upbeat \
    vibrant vigilant warm wise witty zealous";

const SURNAMES: &str = "allen babbage backus bartik boole borg cerf church codd conway curry dijkstra easley \
    engelbart goldberg hamilton hejlsberg hopper iverson jackson johnson karpinski kay kernighan kilburn knuth \
    lamarr lamport liskov lovelace mccarthy mcilroy meitner minsky naur neumann nygaard pascal perlman postel \
    ritchie shannon sinoussi stallman sutherland tanenbaum thompson torvalds turing valiant vaughan wilkes wilson \
    wing wirth yao zuse";

/// A free name: a random one, with a number after it if several attempts fail.
pub(super) fn unused(
    is_taken: impl Fn(&ContainerName) -> Result<bool, ContainerError>,
) -> Result<ContainerName, ContainerError> {
    let (adjectives, surnames): (Vec<&str>, Vec<&str>) =
        (ADJECTIVES.split_whitespace().collect(), SURNAMES.split_whitespace().collect());
    let pick = |words: &[&str], random: u16| words[usize::from(random) % words.len()].to_owned();
    for attempt in 0_u64.. {
        let [a, b, c, d] = random_bytes::<4>()?;
        let mut name = format!(
            "{}_{}",
            pick(&adjectives, u16::from_le_bytes([a, b])),
            pick(&surnames, u16::from_le_bytes([c, d]))
        );
        if attempt >= 8 {
            name += &attempt.to_string();
        }
        let name = name.parse().expect("letters, an underscore and digits are a name");
        if !is_taken(&name)? {
            return Ok(name);
        }
    }
    unreachable!("there are more numbers than containers")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn word_lists_form_valid_names() {
        for word in ADJECTIVES.split_whitespace().chain(SURNAMES.split_whitespace()) {
            assert!(word.bytes().all(|letter| letter.is_ascii_lowercase()) && word.len() > 2, "{word}");
        }
    }

    #[test]
    fn names_in_use_are_not_generated() {
        let name = unused(|_| Ok(false)).unwrap();
        assert_eq!(name.as_str().split('_').count(), 2, "{name}");
        let numbered = unused(|name| Ok(!name.as_str().ends_with("11"))).unwrap();
        assert!(numbered.as_str().ends_with("11"), "{numbered}");
    }
}
