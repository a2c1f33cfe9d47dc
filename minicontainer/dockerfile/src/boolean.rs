//! Booleans in the values of options. The accepted words are those of Go's `strconv.ParseBool`, which BuildKit uses.

/// The value of `true`, `1`, `T` and similar words; `None` for any other.
pub(crate) fn boolean(text: &str) -> Option<bool> {
    match text {
        "1" | "t" | "T" | "true" | "TRUE" | "True" => Some(true),
        "0" | "f" | "F" | "false" | "FALSE" | "False" => Some(false),
        _ => None,
    }
}
