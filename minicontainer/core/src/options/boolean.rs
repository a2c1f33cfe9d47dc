//! Booleans as Docker's command line takes them.

/// Parses a boolean by the rules of Go's [`strconv.ParseBool`](https://pkg.go.dev/strconv#ParseBool), which Docker
/// uses. `None` if the text is not a boolean.
///
/// ```
/// use minicontainer_core::options::parse_bool;
///
/// assert_eq!(parse_bool("T"), Some(true));
/// assert_eq!(parse_bool("0"), Some(false));
/// assert_eq!(parse_bool("yes"), None);
/// ```
pub fn parse_bool(text: &str) -> Option<bool> {
    match text {
        "1" | "t" | "T" | "true" | "TRUE" | "True" => Some(true),
        "0" | "f" | "F" | "false" | "FALSE" | "False" => Some(false),
        _ => None,
    }
}
