//! The flags of `COPY` and `ADD` that determine which files are copied, and their permissions. BuildKit's tests have
//! the expected results.

use super::{build, project, refuse, say};
use crate::test_env::TestEnv;

/// A context with the tree of BuildKit's `testCopyRelativeParents`.
fn tree(place: &TestEnv, dockerfile: &str) {
    let files = ["a/b/c/d/foo", "a/b/c/d/e/bay", "a/b2/c/d/e/bar", "a/b/c2/d/e/baz", "a/b/c2/d/e2/baz"];
    project(place, "tree", &files.map(|file| (file, file)));
    project(place, "tree", &[("Dockerfile", dockerfile)]);
}

/// The files below `/out`, after one COPY.
#[track_caller]
fn check_parents(place: &TestEnv, copy: &str, expect: &str) {
    tree(place, &format!("FROM busybox\nWORKDIR /out\n{copy}\n"));
    build(place, &["-t", "parents", "tree"]);
    assert_eq!(say(place, "parents", "cd /out; find . | sort | tr '\\n' ' '").trim(), expect, "{copy}");
}

/// `testCopyParents` and `testCopyRelativeParents` in BuildKit's `dockerfile_parents_test.go`.
#[test]
fn parents_are_copied_with_their_files() {
    let place = TestEnv::new();
    check_parents(&place, "COPY --parents a/b/c/d/foo .", ". ./a ./a/b ./a/b/c ./a/b/c/d ./a/b/c/d/foo");
    check_parents(&place, "COPY --parents a/b/./c/d /out/", ". ./c ./c/d ./c/d/e ./c/d/e/bay ./c/d/foo");
    check_parents(
        &place,
        "COPY --parents ./a/./b/./c/. x/",
        ". ./x ./x/b ./x/b/c ./x/b/c/d ./x/b/c/d/e ./x/b/c/d/e/bay ./x/b/c/d/foo",
    );
    check_parents(&place, "COPY --parents /a/b*/./c/**/e .", ". ./c ./c/d ./c/d/e ./c/d/e/bar ./c/d/e/bay");
    check_parents(
        &place,
        "COPY --parents a/b/c*/./d/**/baz a/b*/./c/**/bar .",
        ". ./c ./c/d ./c/d/e ./c/d/e/bar ./d ./d/e ./d/e/baz ./d/e2 ./d/e2/baz",
    );
    check_parents(
        &place,
        "COPY --parents --exclude=**/e --exclude=**/e2 a/b .",
        ". ./a ./a/b ./a/b/c ./a/b/c/d ./a/b/c/d/foo ./a/b/c2 ./a/b/c2/d",
    );
    check_parents(&place, "COPY --parents a/none*/x .", ".");
    tree(&place, "FROM busybox\nCOPY --parents a/b/missing /out/\n");
    let answer = refuse(&place, &["tree"]);
    assert!(
        answer.stderr.contains("cannot copy /a/b/missing from the build context: not found"),
        "{}",
        answer.stderr
    );
}

#[test]
fn parents_keep_their_attributes_and_never_lead_through_links() {
    let place = TestEnv::new();
    let dockerfile = "FROM busybox AS source\n\
        RUN mkdir -p /s/in && chmod 750 /s && chown 5:6 /s/in && echo x > /s/in/x && ln -s in /s/link && ln -s /s /top\n\
        FROM busybox\n\
        COPY --parents --from=source /s/in/x /s/link/x* /kept/\n\
        COPY --parents --from=source --chown=1:2 --chmod=711 /top/./in /changed/\n";
    project(&place, "links", &[("Dockerfile", dockerfile)]);
    build(&place, &["-t", "links", "links"]);
    let owners = if nix::unistd::geteuid().is_root() { "0:0 5:6 1:2 1:2 1:2" } else { "0:0 0:0 1:2 1:2 1:2" };
    let look = "cd /; stat -c %a kept kept/s kept/s/in changed changed/in changed/in/x; ls kept/s; \
        stat -c %u:%g kept/s kept/s/in changed changed/in changed/in/x | tr '\\n' ' '";
    let expect = format!("755\n750\n755\n755\n711\n711\nin\n{owners} ");
    assert_eq!(say(&place, "links", look), expect);
}

/// fsutil's `Copy`: missing parents of the destination, and the destination of a directory, get mode 0755. `--chmod`
/// applies to everything that is copied, but not to the files of an unpacked archive.
#[test]
fn chmod_is_for_what_is_copied() {
    let place = TestEnv::new();
    let dockerfile = "FROM busybox\n\
        RUN mkdir -m 700 /old && mkdir -m 700 /old/sub\n\
        COPY --chmod=751 dir /new/way/\n\
        COPY --chmod=640 dir/a /file/way/a\n\
        COPY --chmod=g+w,o= dir /old/\n\
        COPY --chmod=600 <<EOF /here/doc\nx\nEOF\n\
        ADD --chmod=600 tree.tar /added/\n\
        RUN << EOF\nstat -c %a /new /new/way /new/way/a /new/way/sub /new/way/sub/b\nEOF\n\
        RUN cat << 'EOF' > /spaced\n$HOME\nEOF\n";
    project(&place, "modes", &[("Dockerfile", dockerfile), ("dir/a", ""), ("dir/sub/b", ""), ("packed/run", "")]);
    let modes = "--mode=0751";
    let tar = ["-cf", "modes/tree.tar", modes, "-C", "modes/packed", "run"];
    assert!(std::process::Command::new("tar").args(tar).current_dir(place.path("")).status().unwrap().success());
    let output = build(&place, &["-t", "modes", "modes"]);
    let printed: Vec<&str> = output
        .lines()
        .filter_map(|line| line.rsplit(' ').next()?.parse::<u32>().ok().map(|_| line.rsplit(' ').next().unwrap()))
        .collect();
    assert!(printed.windows(5).any(|modes| modes == ["755", "755", "751", "751", "751"]), "{output}");
    let look = "stat -c %a /file /file/way /file/way/a /old /old/a /old/sub /here /here/doc /added/run | tr '\\n' ' '; cat /spaced";
    assert_eq!(say(&place, "modes", look), "755 755 640 700 660 770 755 600 751 $HOME\n");
}

/// BuildKit's `testEmptyWildcard`, and moby/buildkit issue 2933: the path before the first wildcard must exist.
#[test]
fn wildcards_may_match_nothing() {
    let place = TestEnv::new();
    let dockerfile = "FROM busybox\nCOPY nomatch* foo /some/\nCOPY nomatch* [x] /none/\nCOPY dir/*.txt dir/* /in/\n";
    project(&place, "wild", &[("Dockerfile", dockerfile), ("foo", "contents0"), ("dir/a.md", "")]);
    let output = build(&place, &["-t", "wild", "wild"]);
    assert!(output.contains("warning: nothing matches /nomatch*, /[x]"), "{output}");
    assert_eq!(say(&place, "wild", "cat /some/foo; ls /in; test -e /none || echo none"), "contents0a.md\nnone\n");
    project(&place, "wild", &[("Dockerfile", "FROM busybox\nCOPY missing/*.txt foo /some/\n")]);
    let answer = refuse(&place, &["wild"]);
    assert!(
        answer.stderr.contains("cannot copy /missing/*.txt from the build context: not found"),
        "{}",
        answer.stderr
    );
}

/// Dockerfile reference, `COPY --link`, and "parent directory paths are stripped out automatically".
#[test]
fn link_is_an_ordinary_copy_and_says_so() {
    let place = TestEnv::new();
    let dockerfile =
        "FROM busybox\nRUN mkdir /real && ln -s real /way\nCOPY --link foo /way/a\nCOPY ../foo ../../way/b\n";
    project(&place, "linked", &[("Dockerfile", dockerfile), ("foo", "x")]);
    let told = build(&place, &["-t", "linked", "linked"]);
    assert!(told.contains("warning: --link is carried out as an ordinary copy"), "{told}");
    assert_eq!(say(&place, "linked", "cat /real/a /real/b"), "xx");
}
