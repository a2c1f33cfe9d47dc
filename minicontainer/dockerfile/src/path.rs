//! Paths of an image, as text: nothing here checks whether they exist.

/// Makes a path absolute and normalizes it: no `.`, no `..`, no double or trailing slashes. `..` stops at the root.
///
/// ```
/// use minicontainer_dockerfile::path::resolve;
///
/// assert_eq!(resolve("/app", "src/../lib/"), "/app/lib");
/// assert_eq!(resolve("/app", "/../etc"), "/etc");
/// ```
pub fn resolve(directory: &str, path: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    let directory = if path.starts_with('/') { "" } else { directory };
    for part in directory.split('/').chain(path.split('/')) {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    format!("/{}", parts.join("/"))
}

/// The text after the last slash.
pub(crate) fn file_name(path: &str) -> &str {
    path.trim_end_matches('/').rsplit('/').next().unwrap_or_default()
}
