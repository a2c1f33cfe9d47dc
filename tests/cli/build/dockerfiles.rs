//! Builds from typical Dockerfiles.

use std::{
    fs,
    time::{Duration, SystemTime},
};

use super::{build, id_of, project, refuse, say, step_results, timeless};
use crate::test_env::TestEnv;

/// The Dockerfile from the course's notes. The tests have no image of node, so busybox is tagged with its name.
const NOTES: &str = "FROM node:14\n\
                     ARG PORT=6000\n\
                     ENV PORT=$PORT\n\
                     EXPOSE $PORT\n\
                     WORKDIR /app-node\n\
                     COPY . .\n\
                     RUN cat package.json && mkdir node_modules && echo installed > node_modules/log\n\
                     ENTRYPOINT [\"sh\", \"start.sh\"]\n";

fn notes(place: &TestEnv) {
    let start = "echo listening at $PORT in $(pwd): $(cat node_modules/log)\n";
    project(place, "notes", &[("Dockerfile", NOTES), ("package.json", "{}\n"), ("start.sh", start)]);
    place.succeed(&["tag", "busybox", "node:14"]);
}

fn check_notes(place: &TestEnv) -> String {
    notes(place);
    let printed = build(place, &["-t", "app", "-t", "app:1.0", "notes"]);
    assert_eq!(place.succeed(&["run", "--rm", "app"]), "listening at 6000 in /app-node: installed\n");
    assert_eq!(say(place, "app:1.0", "ls /app-node"), "Dockerfile\nnode_modules\npackage.json\nstart.sh\n");
    let again = build(place, &["-t", "app", "notes"]);
    assert_eq!(step_results(&again), ["WORKDIR CACHED", "COPY CACHED", "RUN CACHED"]);
    timeless(&printed)
}

#[test]
fn course_dockerfile_is_built() {
    let place = TestEnv::new();
    let printed = check_notes(&place);
    insta::assert_snapshot!(printed);
    let history = place.succeed(&["history", "app", "--format", "{{.CreatedBy}} | {{.Comment}}"]);
    insta::assert_snapshot!(history.lines().take(7).collect::<Vec<_>>().join("\n"));
    let config: serde_json::Value = serde_json::from_str(&place.succeed(&["image", "inspect", "app"])).unwrap();
    insta::assert_json_snapshot!(config[0]["Config"]);
    insta::assert_snapshot!(place.succeed(&["build", "--explain", "notes"]));
    assert!(place.succeed(&["build", "--explain=pt", "notes"]).contains("amada"));
    let dump: serde_json::Value = serde_json::from_str(&place.succeed(&["build", "--dump", "notes"])).unwrap();
    assert!(dump.to_string().contains("app-node"));
}

#[test]
fn course_dockerfile_is_built_rootless() {
    let Some(place) = TestEnv::seeded_user() else { return };
    check_notes(&place);
}

#[test]
fn unchanged_steps_come_from_the_cache() {
    let place = TestEnv::new();
    notes(&place);
    let first = id_of(&place, &["notes"]);
    let all = ["WORKDIR CACHED", "COPY CACHED", "RUN CACHED"];
    // A new modification time does not invalidate the cache.
    let file = fs::File::options().write(true).open(place.path("notes/package.json")).unwrap();
    file.set_modified(SystemTime::now() + Duration::from_secs(3600)).unwrap();
    assert_eq!(step_results(&build(&place, &["notes"])), all);
    assert_eq!(id_of(&place, &["notes"]), first);
    // A change of the config does not invalidate the layers.
    let dockerfile = place.path("notes/Dockerfile");
    fs::write(
        place.path("other"),
        NOTES.replace("ENTRYPOINT", "HEALTHCHECK CMD true\nONBUILD RUN false\nENTRYPOINT"),
    )
    .unwrap();
    assert_eq!(step_results(&build(&place, &["-f", "other", "-t", "probed", "notes"])), all);
    assert_ne!(id_of(&place, &["-f", "other", "notes"]), first);
    assert!(place.succeed(&["history", "probed"]).contains("HEALTHCHECK"));
    // New content invalidates the cache.
    fs::write(place.path("notes/package.json"), "{\"name\": \"x\"}\n").unwrap();
    assert_eq!(step_results(&build(&place, &["notes"])), ["WORKDIR CACHED", "COPY DONE", "RUN DONE"]);
    assert_eq!(step_results(&build(&place, &["notes"])), all);
    assert_eq!(
        step_results(&build(&place, &["--build-arg", "PORT=1", "notes"])),
        ["WORKDIR CACHED", "COPY CACHED", "RUN DONE"]
    );
    assert_eq!(step_results(&build(&place, &["--no-cache", "notes"])), ["WORKDIR DONE", "COPY DONE", "RUN DONE"]);
    fs::write(&dockerfile, NOTES.replace("echo installed", "echo done")).unwrap();
    // The Dockerfile is part of the context here.
    assert_eq!(step_results(&build(&place, &["notes"])), ["WORKDIR CACHED", "COPY DONE", "RUN DONE"]);
}

#[test]
fn only_needed_stages_are_built() {
    let place = TestEnv::new();
    let file = "ARG BASE=busybox\n\
        FROM $BASE AS build\nWORKDIR /src\nCOPY main.c .\nRUN mkdir /out && tr a-z A-Z < main.c > /out/program && chmod 750 /out/program\n\
        FROM busybox AS unneeded\nRUN false\n\
        FROM build AS test\nRUN test -s /out/program\n\
        FROM scratch AS empty\nCOPY --from=build /out/program /bin/\nCOPY --from=busybox /bin/busybox /bin/sh\nENTRYPOINT [\"/bin/sh\"]\n\
        FROM busybox\nCOPY --from=0 /out /out\nCOPY --from=test /src/main.c /\n";
    project(&place, "stages", &[("Dockerfile", file), ("main.c", "int main;\n")]);
    build(&place, &["-t", "last", "stages"]);
    assert_eq!(
        say(&place, "last", "cat /out/program /main.c; stat -c %a /out/program"),
        "INT MAIN;\nint main;\n750\n"
    );
    build(&place, &["-t", "small", "--target", "EMPTY", "stages"]);
    // The image contains the copied files only, without the mount points of its containers.
    let files = place.succeed(&["history", "small", "--format", "{{.CreatedBy}}"]);
    assert_eq!(files.lines().count(), 3, "{files}");
    assert_eq!(
        place.succeed(&["run", "--rm", "small", "-c", "echo $0 /*"]).trim(),
        "/bin/sh /bin /dev /etc /proc /sys"
    );
    assert!(refuse(&place, &["--target", "unneeded", "stages"]).stderr.contains("exit code: 1"));
    let answer = refuse(&place, &["--target", "nothing", "stages"]);
    assert!(answer.stderr.contains("target stage \"nothing\" could not be found"), "{}", answer.stderr);
}

#[test]
fn heredocs_become_files_and_scripts() {
    let place = TestEnv::new();
    let file = "FROM busybox\n\
        COPY <<one.txt <<\"two.txt\" /etc/things/\nport $PATH_OF\none.txt\nport $PATH_OF\ntwo.txt\n\
        RUN <<EOF\necho first > /made\necho second >> /made\nEOF\n\
        RUN <<EOF\n#!/bin/cat\nnot a shell's script\nEOF\n\
        RUN cat <<ONE - > /both <<TWO\nlost\nONE\nkept\nTWO\n\
        COPY --chmod=755 --chown=nobody:users <<run /usr/local/bin/\n#!/bin/sh\necho ran\nrun\n\
        CMD run\n";
    project(&place, "heredocs", &[("Dockerfile", file)]);
    let printed = build(&place, &["-t", "written", "heredocs"]);
    assert!(printed.contains(" not a shell's script"), "{printed}");
    assert_eq!(place.succeed(&["run", "--rm", "written"]), "ran\n");
    assert_eq!(say(&place, "written", "cat /etc/things/* /made"), "port \nport $PATH_OF\nfirst\nsecond\n");
    if nix::unistd::geteuid().is_root() {
        assert_eq!(say(&place, "written", "stat -c '%a %U %G' /usr/local/bin/run"), "755 nobody users\n");
    }
}

#[test]
fn onbuild_triggers_run_in_the_derived_stage() {
    let place = TestEnv::new();
    project(&place, "base", &[("Dockerfile", "FROM busybox\nONBUILD COPY app /app\nONBUILD RUN cat /app > /seen\n")]);
    build(&place, &["-t", "triggers", "base"]);
    project(&place, "app", &[("Dockerfile", "FROM triggers\nRUN cat /seen\n"), ("app", "from below\n")]);
    let printed = build(&place, &["-t", "triggered", "app"]);
    assert_eq!(step_results(&printed), ["COPY DONE", "RUN DONE", "RUN DONE"]);
    assert_eq!(say(&place, "triggered", "cat /seen"), "from below\n");
}

#[test]
fn copy_follows_dockers_rules() {
    let place = TestEnv::new();
    let file = "FROM busybox\n\
        RUN mkdir -p /real/deep && ln -s /real /link && mkdir -m 1777 /open\n\
        COPY dir/a.txt /link/deep\n\
        COPY dir /link/new\n\
        COPY dir/*.txt dir/sub /many/\n\
        COPY --exclude=*.md --exclude=sub dir /some/\n\
        COPY dir/a.txt /open/\n\
        COPY dir/a.txt renamed\n\
        COPY --chmod=u=rw,go= dir/a.txt /closed\n\
        COPY link.txt /followed\n\
        COPY dir/none* dir/a.txt /optional/\n";
    let files = [
        ("Dockerfile", file),
        ("dir/a.txt", "a"),
        ("dir/b.md", "b"),
        ("dir/sub/c.txt", "c"),
        (".dockerignore", "secret*\n**/*.log\n!keep.log\n"),
        ("secret.txt", "s"),
        ("dir/x.log", "x"),
        ("keep.log", "k"),
    ];
    project(&place, "copies", &files);
    std::os::unix::fs::symlink("/dir/a.txt", place.path("copies/link.txt")).unwrap();
    std::os::unix::fs::symlink("a.txt", place.path("copies/dir/inner")).unwrap();
    build(&place, &["-t", "copied", "copies"]);
    let expect = "/closed\n/followed\n/link\n/many\n/many/a.txt\n/many/c.txt\n/open\n/open/a.txt\n/optional\n/optional/a.txt\n/real\n\
        /real/deep\n/real/deep/a.txt\n/real/new\n/real/new/a.txt\n/real/new/b.md\n/real/new/inner\n/real/new/sub\n\
        /real/new/sub/c.txt\n/renamed\n/some\n/some/a.txt\n/some/inner\n";
    assert_eq!(
        say(&place, "copied", "find /closed /followed /link /many /open /optional /real /renamed /some | sort"),
        expect
    );
    let looks = "stat -c %a /open /closed /followed; readlink /real/new/inner; cat /followed";
    assert_eq!(say(&place, "copied", looks), "1777\n600\n644\na.txt\na");
    project(
        &place,
        "all",
        &[
            ("Dockerfile", "FROM busybox\nCOPY . /all/\n"),
            (".dockerignore", "secret*\n**/*.log\n!keep.log\n"),
            ("secret.txt", ""),
            ("a/x.log", ""),
            ("keep.log", ""),
            ("a/y", ""),
        ],
    );
    build(&place, &["-t", "all", "all"]);
    assert_eq!(
        say(&place, "all", "cd /all; find . | sort"),
        ".\n./.dockerignore\n./Dockerfile\n./a\n./a/y\n./keep.log\n"
    );
}

#[test]
fn only_add_unpacks_archives() {
    let place = TestEnv::new();
    project(
        &place,
        "add",
        &[
            (
                "Dockerfile",
                "FROM busybox\nADD tree.tgz /there\nCOPY tree.tgz /kept.tgz\nADD plain /there/\nADD tree.tzst /zstd\n",
            ),
            ("plain", "p"),
        ],
    );
    project(&place, "tree", &[("one", "1"), ("in/two", "2")]);
    let packed = std::process::Command::new("tar")
        .args(["-czf", "add/tree.tgz", "-C", "tree", "."])
        .current_dir(place.path(""))
        .status();
    assert!(packed.unwrap().success());
    // A zstd frame with one uncompressed block.
    let tar = std::process::Command::new("tar").args(["-c", "-C", "tree", "."]).current_dir(place.path("")).output();
    let tar = tar.unwrap().stdout;
    let size = (tar.len() as u32) << 3 | 1;
    let frame = [&[0x28, 0xb5, 0x2f, 0xfd, 0, 7 << 3][..], &size.to_le_bytes()[..3], &tar].concat();
    fs::write(place.path("add/tree.tzst"), frame).unwrap();
    build(&place, &["-t", "added", "add"]);
    assert_eq!(
        say(
            &place,
            "added",
            "cat /there/one /there/in/two /there/plain /zstd/in/two; head -c 2 /kept.tgz | od -An -tx1"
        ),
        "12p2 1f 8b\n"
    );
}

/// Dockerfile reference, "Adding local tar archives": "it has the same behavior as tar -x".
#[test]
fn add_extracts_archives_into_what_is_there() {
    let place = TestEnv::new();
    let dockerfile = "FROM busybox\nRUN mkdir -p /usr/lib && rm -rf /lib && ln -s usr/lib /lib && mkdir -p /data && \
        chmod 1777 /data && touch /data/keep\nADD tree.tar /\nADD literal.tar /data/\n";
    project(&place, "add", &[("Dockerfile", dockerfile)]);
    project(&place, "tree", &[("lib/x", "in usr/lib"), ("data/deep/y", "y")]);
    project(&place, "literal", &[("only/z", "z")]);
    let pack = |file: &str, from: &str, names: &[&str]| {
        let mut tar = std::process::Command::new("tar");
        tar.args(["-cf", file, "-C", from]).args(names).current_dir(place.path(""));
        assert!(tar.status().unwrap().success());
    };
    // `lib/` is listed, and `data/` is only implied.
    pack("add/tree.tar", "tree", &["lib", "data/deep/y"]);
    pack("add/literal.tar", "literal", &["."]);
    build(&place, &["-t", "added", "add"]);
    assert_eq!(
        say(
            &place,
            "added",
            "readlink /lib; cat /usr/lib/x; stat -c %a /data; cat /data/deep/y /data/only/z; ls /data/keep"
        ),
        "usr/lib\nin usr/lib1777\nyz/data/keep\n"
    );
    // A name such as `.wh.x` would delete a file when the layer is unpacked, so no layer can contain a file with it.
    project(&place, "literal", &[(".wh.keep", "")]);
    pack("add/literal.tar", "literal", &["."]);
    let refused = place.command(&["build", "add"]).output().unwrap();
    let message = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(
        !refused.status.success() && message.contains("names that begin with .wh. mark deleted files"),
        "{message}"
    );
    // A truncated archive is a problem of the archive, not of the store.
    let whole = fs::read(place.path("add/tree.tar")).unwrap();
    fs::write(place.path("add/tree.tar"), &whole[..1000]).unwrap();
    let refused = place.command(&["build", "add"]).output().unwrap();
    let message = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(message.contains("cannot unpack /tree.tar") || message.contains("cannot unpack tree.tar"), "{message}");
    assert!(message.contains("it is truncated") && !message.contains("staging"), "{message}");
}

/// BuildKit's fsutil does not send sockets of a context either.
#[test]
fn sockets_and_fifos_of_a_context_are_left_out() {
    let place = TestEnv::new();
    project(&place, "live", &[("Dockerfile", "FROM busybox\nCOPY . /all\n"), ("a", "a")]);
    let _socket = std::os::unix::net::UnixListener::bind(place.path("live/sock")).unwrap();
    nix::unistd::mkfifo(&place.path("live/fifo"), nix::sys::stat::Mode::from_bits_truncate(0o644)).unwrap();
    let output = place.command(&["build", "-t", "live", "live"]).output().unwrap();
    let printed = String::from_utf8_lossy(&output.stderr).into_owned() + &String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{printed}");
    for warning in ["left out /sock: it is a socket", "left out /fifo: it is a FIFO"] {
        assert!(printed.contains(warning), "{warning}: {printed}");
    }
    assert_eq!(say(&place, "live", "ls /all"), "Dockerfile\na\n");
}

#[test]
fn builds_are_reproducible() {
    let file = "FROM busybox\nWORKDIR /w/x\nCOPY . .\nRUN echo made > made; ln made hard; ln -s made soft; mkdir d; rm -r /var/tmp; chmod 640 made\n\
        FROM busybox\nCOPY --from=0 /w /w\nRUN --mount=type=cache,target=/c touch /c/x /y\nLABEL a=b\n";
    let ids: Vec<(String, String)> = (0..2)
        .map(|hours| {
            let place = TestEnv::new();
            project(&place, "same", &[("Dockerfile", file), ("a", "1"), ("b/c", "2")]);
            let file = fs::File::options().write(true).open(place.path("same/a")).unwrap();
            file.set_modified(SystemTime::now() + Duration::from_secs(3600 * hours)).unwrap();
            let output = place
                .command(&["build", "-q", "-t", "same", "same"])
                .env("SOURCE_DATE_EPOCH", "1700000000")
                .output()
                .unwrap();
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
            let digest = place
                .command(&["images", "--format", "{{.Repository}} {{.Digest}} {{.CreatedAt}}"])
                .output()
                .unwrap();
            let digest = String::from_utf8(digest.stdout).unwrap();
            let line = digest.lines().find(|line| line.starts_with("same ")).unwrap().to_owned();
            (String::from_utf8(output.stdout).unwrap(), line)
        })
        .collect();
    assert_eq!(ids[0], ids[1]);
    assert!(ids[0].1.contains("2023-11-14"), "{}", ids[0].1);
}

#[test]
fn build_options_take_effect() {
    let place = TestEnv::new();
    let file = "FROM busybox\nARG WHO=world\nLABEL who=$WHO\nRUN echo hello $WHO $http_proxy > /greeting; ls /sys/class/net > /nets\n";
    project(
        &place,
        "args",
        &[
            ("Dockerfile", "FROM scratch\nRUN never\n"),
            ("docker/Dockerfile", file),
            ("docker/Dockerfile.dockerignore", "*\n"),
        ],
    );
    let arguments = [
        "-f",
        "args/docker/Dockerfile",
        "--build-arg",
        "WHO=ada",
        "--build-arg",
        "http_proxy=http://secret:word@proxy",
        "--label",
        "team=blue",
        "--iidfile",
        "id",
        "-t",
        "labelled",
        "args",
    ];
    let printed = build(&place, &arguments);
    assert!(printed.contains("naming to docker.io/library/labelled:latest done"), "{printed}");
    assert_eq!(say(&place, "labelled", "cat /greeting /nets"), "hello ada http://secret:word@proxy\nlo\n");
    let inspected = place.command(&["image", "inspect", "labelled"]).output().unwrap();
    let image: serde_json::Value = serde_json::from_slice(&inspected.stdout).unwrap();
    assert_eq!(image[0]["Config"]["Labels"], serde_json::json!({"team": "blue", "who": "ada"}));
    assert_eq!(fs::read_to_string(place.path("id")).unwrap(), image[0]["Id"].as_str().unwrap());
    assert!(!place.succeed(&["history", "--format", "json", "labelled"]).contains("secret:word"));
    let unused = build(&place, &["-f", "args/docker/Dockerfile", "--build-arg", "UNUSED=1", "args"]);
    assert!(unused.contains("build-args were not consumed: [UNUSED]"), "{unused}");
    let answer = place.run_with_input(&["build", "-q", "-f", "-", "args"], b"FROM busybox\nRUN true\n");
    assert_eq!((answer.code, answer.stderr.as_str()), (0, ""));
    assert_eq!(answer.stdout, "sha256:[ID]\n");
}
