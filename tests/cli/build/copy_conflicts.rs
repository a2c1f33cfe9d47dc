//! `COPY` through links, and what it must not replace.

use std::os::unix::fs::symlink;

use super::{build, project, refuse, say};
use crate::test_env::TestEnv;

/// A source is looked up through links at every component, with and without wildcards.
#[test]
fn sources_are_found_through_links() {
    let place = TestEnv::new();
    let file = "FROM busybox AS made\nRUN mkdir -p /real/deep && echo s > /real/deep/s.txt && ln -s real /link\n\
        FROM busybox\n\
        COPY link/*.txt /star/\nCOPY l*k/a.txt /middle/\nCOPY link/a.txt /plain/\n\
        COPY --from=made /link/*/*.txt /stage/\n";
    project(&place, "links", &[("Dockerfile", file), ("real/a.txt", "a"), ("real/b.txt", "b")]);
    symlink("real", place.path("links/link")).expect("a link");
    build(&place, &["-t", "links", "links"]);
    let list = "cd / && ls star middle plain stage";
    let expect = "middle:\na.txt\n\nplain:\na.txt\n\nstage:\ns.txt\n\nstar:\na.txt\nb.txt\n";
    assert_eq!(say(&place, "links", list), expect);
}

/// BuildKit's fsutil: "cannot copy to non-directory" and "cannot replace to directory with file".
#[test]
fn copy_does_not_replace_one_kind_by_another() {
    let place = TestEnv::new();
    let base = "FROM busybox\nRUN mkdir -p /t/file /real && ln -s /real /t/link && ln -s /nowhere /dangling\n\
        COPY x /dangling/\n";
    project(&place, "base", &[("Dockerfile", base), ("x", "x")]);
    build(&place, &["-t", "base", "base"]);
    assert_eq!(say(&place, "base", "cat /nowhere/x"), "x");
    let check = |name: &str, source: &str, expect: &str| {
        project(&place, name, &[("Dockerfile", "FROM base\nCOPY tree /t\n"), (&format!("tree/{source}"), "")]);
        let answer = refuse(&place, &[name]);
        assert!(answer.stderr.contains(expect), "{}", answer.stderr);
    };
    check("over-link", "link/x", "cannot copy a directory to /t/link: it is a symbolic link in the image");
    check("over-directory", "file", "cannot copy a file to /t/file: it is a directory in the image");
}

/// OCI image-spec, layer.md: a file `.wh.x` of a layer deletes `x`.
#[test]
fn names_of_marks_delete_nothing() {
    let place = TestEnv::new();
    project(&place, "marks", &[("Dockerfile", "FROM busybox\nCOPY . /etc/\n"), (".wh.passwd", "")]);
    let answer = refuse(&place, &["marks"]);
    assert!(answer.stderr.contains("cannot write /etc/.wh.passwd into the layer"), "{}", answer.stderr);
    project(&place, "run", &[("Dockerfile", "FROM busybox\nRUN touch /etc/.wh.passwd\n")]);
    let output = build(&place, &["-t", "run", "run"]);
    assert!(output.contains(".wh.passwd"), "{output}");
    assert_eq!(say(&place, "run", "ls /etc/passwd"), "/etc/passwd\n");
}
