//! The build cache: its size, how it is pruned, and that pruning never removes an image.

use std::fs;

use super::{build, project, say, step_results};
use crate::test_env::TestEnv;

const FILE: &str = "FROM busybox AS tools\nRUN head -c 100000 /dev/zero > /tool; echo x > /x\n\
    FROM busybox\nCOPY --from=tools /tool /tool\n\
    RUN --mount=type=cache,id=keep,target=/c head -c 5000 /dev/zero > /c/file\n";

fn usage(place: &TestEnv) -> String {
    place.succeed(&["builder", "du", "--verbose"])
}

/// The number of layers in the cache, and how many of them no image uses.
fn layers(place: &TestEnv) -> (usize, usize) {
    let printed = usage(place);
    let layers: Vec<&str> = printed.lines().filter(|line| line.contains("layer sha256:")).collect();
    (layers.len(), layers.iter().filter(|line| line.contains(" true ")).count())
}

fn check_prune(place: &TestEnv) {
    project(place, "ctx", &[("Dockerfile", FILE)]);
    assert_eq!(place.succeed(&["builder", "prune", "-f"]), "Total reclaimed space: 0B\n");
    build(place, &["-t", "kept", "ctx"]);
    let printed = usage(place);
    assert!(printed.contains("cache mount keep") && printed.contains(" 5.00kB "), "{printed}");
    // No image contains the layer of the stage `tools`. The image contains the layers of COPY and of the last RUN.
    assert_eq!(layers(place), (3, 1), "{printed}");
    assert!(printed.contains("Reclaimable:   105kB\n"), "{printed}");
    // Recently used entries do not match the filter, so they stay.
    let spared = place.succeed(&["buildx", "prune", "-f", "--filter", "until=1h"]);
    assert_eq!(spared, "Total reclaimed space: 0B\n");
    let gone = place.succeed(&["builder", "prune", "-f"]);
    assert!(gone.starts_with("Deleted build cache objects:\n[ID]") && gone.matches("[ID]").count() == 2, "{gone}");
    assert!(gone.ends_with("\n\nTotal reclaimed space: 105kB\n"), "{gone}");
    assert_eq!(layers(place), (2, 0));
    assert!(!usage(place).contains("cache mount"));
    assert_eq!(say(place, "kept", "stat -c %s /tool"), "100000\n");
    // Only the stage `tools` is rebuilt. Its result is the same as before, so all later steps come from the cache.
    let again = build(place, &["-t", "kept", "ctx"]);
    assert_eq!(step_results(&again).iter().filter(|result| result.ends_with("DONE")).count(), 1, "{again}");
    // The image does not change when the whole cache is removed.
    assert!(place.succeed(&["builder", "prune", "-a", "-f"]).contains("Total reclaimed space: 100kB"));
    assert_eq!(usage(place).lines().count(), 4);
    assert_eq!(say(place, "kept", "stat -c %s /tool"), "100000\n");
    assert_eq!(step_results(&build(place, &["ctx"])), ["RUN DONE", "COPY DONE", "RUN DONE"]);
    assert_eq!(fs::read_dir(place.path("store/staging")).unwrap().count(), 0);
}

#[test]
fn prune_removes_unused_cache_but_no_image() {
    check_prune(&TestEnv::new());
}

#[test]
fn prune_removes_unused_cache_rootless() {
    let Some(place) = TestEnv::seeded_user() else { return };
    check_prune(&place);
}

/// When a newer layer replaces another under the same key, builds no longer find the old one, but prune must.
#[test]
fn prune_removes_superseded_layers() {
    let place = TestEnv::new();
    let layers_there = || fs::read_dir(place.path("store/layers")).unwrap().count();
    let before = layers_there();
    project(&place, "ctx", &[("Dockerfile", "FROM busybox\nRUN cat /proc/uptime > /now\nRUN false\n")]);
    for _ in 0..3 {
        assert_eq!(place.run(&["build", "--no-cache", "ctx"]).code, 1);
    }
    assert_eq!(layers_there(), before + 3);
    place.succeed(&["builder", "prune", "-f"]);
    assert_eq!(layers_there(), before);
}

#[test]
fn invalid_prune_options_are_rejected() {
    let place = TestEnv::new();
    for (arguments, expect) in [
        (&["-f", "--filter", "until=yesterday"][..], "\"yesterday\" is not a time"),
        (&["-f", "--filter", "label=x"], "is not supported"),
        (&[], "cannot ask for confirmation: stdin is empty"),
    ] {
        let answer = place.run(&[&["builder", "prune"], arguments].concat());
        assert!(answer.code == 1 && answer.stderr.contains(expect), "{}", answer.stderr);
    }
}

fn check_cache_mounts(place: &TestEnv) {
    let file = "FROM busybox AS seed\nRUN mkdir /seed && echo seeded > /seed/log\n\
        FROM busybox\nARG ROUND\n\
        RUN --mount=type=cache,id=begun,from=seed,source=/seed,target=/c echo $ROUND >> /c/log; cat /c/log\n\
        RUN --mount=type=cache,id=own,sharing=private,target=/p echo $ROUND >> /p/log; cat /p/log\n\
        RUN --mount=type=cache,id=mode,mode=0700,target=/m stat -c 'mode %a' /m\n";
    project(place, "ctx", &[("Dockerfile", file)]);
    let first = build(place, &["--build-arg", "ROUND=1", "ctx"]);
    for line in [" seeded\n", " 1\n", " mode 700\n"] {
        assert!(first.contains(line), "{line}: {first}");
    }
    // The first build starts with the files of `from`. The second one sees what the first one wrote.
    let second = build(place, &["--build-arg", "ROUND=2", "ctx"]);
    assert_eq!((second.matches(" seeded\n").count(), second.matches(" 1\n").count()), (1, 2), "{second}");
}

#[test]
fn cache_mounts_start_with_files_and_persist() {
    check_cache_mounts(&TestEnv::new());
}

#[test]
fn cache_mounts_persist_rootless() {
    let Some(place) = TestEnv::seeded_user() else { return };
    check_cache_mounts(&place);
}

/// Each build creates the same directory and removes it again, so two builds at the same time would fail.
#[test]
fn locked_cache_has_one_user_at_a_time() {
    let place = TestEnv::new();
    let file = "FROM busybox\nARG ROUND\nRUN --mount=type=cache,id=one,sharing=locked,target=/c mkdir /c/alone && sleep 0.2 && rmdir /c/alone && echo $ROUND\n";
    project(&place, "ctx", &[("Dockerfile", file)]);
    let builds: Vec<_> = (0..4)
        .map(|round| {
            let argument = format!("ROUND={round}");
            place
                .command(&["build", "--build-arg", &argument, "ctx"])
                .stderr(std::process::Stdio::piped())
                .spawn()
                .unwrap()
        })
        .collect();
    for child in builds {
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
}
