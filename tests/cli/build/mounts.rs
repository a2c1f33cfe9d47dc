//! The mounts and the network of a `RUN`, and that no mount is left in the image.

use std::fs;

use super::{build, is_in, project, refuse, say};
use crate::test_env::TestEnv;

fn check_mounts(place: &TestEnv) {
    let file = "FROM busybox AS tools\nRUN echo tool > /tool\n\
        FROM busybox\n\
        RUN --mount=type=cache,target=/root/.cache/x echo more >> /root/.cache/x/log; cat /root/.cache/x/log\n\
        RUN --mount=target=/ctx cp /ctx/kept /kept; ls /ctx; touch /ctx/new 2>/dev/null || echo read-only\n\
        RUN --mount=type=bind,source=kept,target=/one,rw echo changed > /one; cat /one\n\
        RUN --mount=from=tools,source=/tool,target=/deep/in/tool cat /deep/in/tool\n\
        RUN --mount=type=tmpfs,target=/scratch,size=1m echo x > /scratch/x; ls /scratch\n\
        RUN --mount=type=secret,id=token --mount=type=secret,id=word,env=WORD test $(wc -c < /run/secrets/token) = 10 && test ${#WORD} = 8\n";
    project(
        place,
        "mounts",
        &[
            ("Dockerfile", file),
            ("kept", "k\n"),
            ("secret", "s"),
            (".dockerignore", "secret\n"),
            ("../token", "tik-tok-42"),
        ],
    );
    let arguments = ["--secret", "id=token,src=token", "--secret", "id=word,env=THE_WORD", "-t", "mounted", "mounts"];
    let printed = place.command(&[&["build"], &arguments[..]].concat()).env("THE_WORD", "xyzzy-99").output().unwrap();
    let printed = String::from_utf8(printed.stderr).unwrap();
    for line in [" more\n", " read-only\n", " changed\n", " tool\n", " x\n", " DONE"] {
        assert!(printed.contains(line), "{line}: {printed}");
    }
    assert!(!printed.contains("ERROR") && !printed.contains(" secret\n"), "{printed}");
    // The image contains neither the content of a mount nor its mount point.
    let places = "ls -d /root/.cache /ctx /one /deep /scratch /run/secrets 2>&1 | grep -c 'No such file'; cat /kept";
    assert_eq!(say(place, "mounted", places), "6\nk\n");
    assert_eq!(fs::read_to_string(place.path("mounts/kept")).unwrap(), "k\n");
    for word in ["tik-tok-42", "xyzzy-99"] {
        assert!(!is_in(&place.path("store"), word), "{word} is somewhere in the store");
    }
    // A cache mount keeps its content even with --no-cache.
    let again = place
        .command(&[&["build", "--no-cache"], &arguments[..]].concat())
        .env("THE_WORD", "xyzzy-99")
        .output()
        .unwrap();
    let again = String::from_utf8(again.stderr).unwrap();
    assert_eq!(again.matches(" more\n").count(), 2, "{again}");
    // Without its secrets the last step would fail, but secrets are not part of its key, so it comes from the cache.
    let cached = build(place, &["-t", "mounted", "mounts"]);
    assert!(cached.contains("CACHED"), "{cached}");
}

/// BuildKit joins the target to the working directory, so both of these are mounted there. A cache with another owner
/// or mode is another cache.
#[test]
fn missing_target_is_the_working_directory() {
    let place = TestEnv::new();
    let file = "FROM busybox\nWORKDIR /work\nRUN --mount=target=. ls\nRUN --mount=type=bind cat kept\n\
        RUN --mount=type=cache,id=c,target=/c touch /c/one\n\
        RUN --mount=type=cache,id=c,target=/c,mode=0700,uid=0 echo private $(ls /c)\n\
        RUN --mount=type=cache,id=c,target=/c echo shared $(ls /c)\n";
    project(&place, "relative", &[("Dockerfile", file), ("kept", "k\n")]);
    let printed = build(&place, &["relative"]);
    for line in [" kept\n", " k\n", " private\n", " shared one\n"] {
        assert!(printed.contains(line), "{line}: {printed}");
    }
    project(&place, "root", &[("Dockerfile", "FROM busybox\nRUN --mount=type=bind ls\n")]);
    assert!(refuse(&place, &["root"]).stderr.contains("invalid mount target"));
}

#[test]
fn run_mounts_leave_nothing_behind() {
    check_mounts(&TestEnv::new());
}

#[test]
fn run_mounts_leave_nothing_behind_rootless() {
    let Some(place) = TestEnv::seeded_user() else { return };
    check_mounts(&place);
}

#[test]
fn host_network_must_be_allowed_by_the_user() {
    let place = TestEnv::new();
    let files = [
        ("Dockerfile", "FROM busybox\nRUN ls /sys/class/net\n"),
        ("host", "FROM busybox\nRUN --network=host true\n"),
        ("none", "FROM busybox\nRUN --network=none ls /sys/class/net | tr '\\n' ' '\n"),
    ];
    project(&place, "nets", &files);
    let printed = build(&place, &["nets"]);
    assert!(printed.contains(" lo\n") && printed.matches('\n').count() < 20, "{printed}");
    let answer = refuse(&place, &["-f", "nets/host", "nets"]);
    assert!(answer.stderr.contains("RUN --network=host is not allowed"), "{}", answer.stderr);
    build(&place, &["--network", "host", "-f", "nets/host", "nets"]);
    let printed = build(&place, &["--network", "host", "-f", "nets/none", "nets"]);
    assert!(printed.contains(" lo \n"), "{printed}");
}

/// If the command creates files next to a mount point, their directory stays in the image.
#[test]
fn only_empty_mount_points_are_removed() {
    let place = TestEnv::new();
    let file = "FROM busybox\nRUN --mount=type=tmpfs,target=/a/b echo x > /a/c\n\
        RUN chmod 700 /home\nRUN --mount=type=tmpfs,target=/home/d true\nRUN --mount=type=tmpfs,target=/opt mkdir /srv && rm -r /var/tmp\n";
    project(&place, "stubs", &[("Dockerfile", file)]);
    build(&place, &["-t", "stubs", "stubs"]);
    assert_eq!(
        say(&place, "stubs", "ls /a /home; stat -c %a /home; ls -d /opt /srv /var/tmp 2>/dev/null; true"),
        "/a:\nc\n\n/home:\n700\n/srv\n"
    );
}

/// The files of a cache get its owner, so a link of an image must not lead that change to another file.
#[test]
fn source_of_a_cache_is_a_directory_of_the_stage() {
    let place = TestEnv::new();
    let canary = place.path("canary");
    fs::create_dir(&canary).unwrap();
    let mode = || fs::metadata(&canary).unwrap().permissions();
    let before = mode();
    let stage = format!(
        "FROM busybox AS stage\nRUN mkdir /directory && touch /file && ln -s {} /outside && ln -s directory /inside\n",
        canary.display()
    );
    let mount = |source: &str| {
        let run = format!(
            "FROM busybox\nRUN --mount=type=cache,from=stage,source={source},target=/c,mode=0701 ls -ld /c\n"
        );
        project(&place, "cache", &[("Dockerfile", &(stage.clone() + &run))]);
        place.run(&["build", "--progress", "plain", "cache"])
    };
    for source in ["/directory", "/inside"] {
        let answer = mount(source);
        assert!(answer.code == 0 && answer.stderr.contains("drwx-----x"), "{source}: {}", answer.show());
    }
    for source in ["/file", "/outside"] {
        let answer = mount(source);
        assert_eq!(answer.code, 1, "{source}: {}", answer.show());
    }
    assert_eq!(mode(), before);
}
