//! The config of images that `commit` creates. The rules are those of moby's `daemon/commit.go`: fields that the
//! changes do not set come from the container's config, which consists of the options of `run` and, for all other
//! fields, the image's config.

use serde_json::{Value, json};

use crate::test_env::TestEnv;

/// An image with every field of a config, as `base:1`.
fn base(place: &TestEnv) {
    let dockerfile = "FROM busybox\n\
        ENV A=base PATH=/bin B=base\nLABEL kept=yes both=base\nEXPOSE 80\nVOLUME /data\nUSER 5:6\nWORKDIR /srv\n\
        STOPSIGNAL SIGINT\nHEALTHCHECK --interval=5s CMD true\nENTRYPOINT [\"/bin/sh\", \"-c\"]\nCMD [\"env\"]\n\
        ONBUILD RUN true\n";
    std::fs::create_dir(place.path("context")).unwrap();
    std::fs::write(place.path("context/Dockerfile"), dockerfile).unwrap();
    place.succeed(&["build", "-q", "-t", "base:1", "context"]);
}

fn config(place: &TestEnv, image: &str) -> Value {
    let text = place.succeed(&["image", "inspect", "--format", "{{json .Config}}", image]);
    serde_json::from_str(&text).unwrap()
}

fn history(place: &TestEnv, image: &str) -> String {
    let fields = "{{.CreatedBy}}|{{.Comment}}";
    place.succeed(&["history", "--no-trunc", "--format", fields, image]).lines().next().unwrap().to_owned()
}

fn layers(place: &TestEnv, image: &str) -> String {
    place.succeed(&["image", "inspect", "--format", "{{len .RootFS.Layers}}", image])
}

#[test]
fn commit_keeps_the_config_of_the_container_over_generations() {
    let place = TestEnv::new();
    base(&place);
    let run = ["run", "--name", "one", "-e", "A=one", "-e", "C=one", "-u", "0", "-w", "/tmp", "base:1"];
    place.succeed(&[&run[..], &["echo 1 > /tmp/one"]].concat());
    place.succeed(&["commit", "-m", "first", "-a", "me", "one", "first:1"]);
    let mut expect = config(&place, "base:1");
    expect["Env"] = json!(["A=one", "C=one", "PATH=/bin", "B=base"]);
    expect["User"] = json!("0");
    expect["WorkingDir"] = json!("/tmp");
    expect["Cmd"] = json!(["echo 1 > /tmp/one"]);
    // Triggers of a build are not part of a container's config.
    expect["OnBuild"] = json!([]);
    assert_eq!(config(&place, "first:1"), expect);
    assert_eq!(history(&place, "first:1"), "echo 1 > /tmp/one|first");

    // The second generation inherits from the first, and its changes come before the container's values.
    let run = ["run", "--name", "two", "-e", "D=two", "--entrypoint", "/bin/cat", "first:1", "/tmp/one"];
    assert_eq!(place.succeed(&run), "1\n");
    let changes = ["-c", "ENV C=two", "-c", "label both=two", "-c", "EXPOSE 53/udp", "-c", "VOLUME /more"];
    place.succeed(&[&["commit"], &changes[..], &["two", "second:1"]].concat());
    expect["Env"] = json!(["C=two", "D=two", "A=one", "PATH=/bin", "B=base"]);
    expect["Labels"] = json!({"kept": "yes", "both": "two"});
    expect["ExposedPorts"] = json!({"53/udp": {}, "80/tcp": {}});
    expect["Volumes"] = json!({"/data": {}, "/more": {}});
    expect["Entrypoint"] = json!(["/bin/cat"]);
    expect["Cmd"] = json!(["/tmp/one"]);
    assert_eq!(config(&place, "second:1"), expect);
    assert_eq!(place.succeed(&["run", "--rm", "second:1"]), "1\n");
    assert_eq!(history(&place, "second:1"), "/tmp/one|");
    // The second container changed no files, so its image has no new layer.
    assert_eq!(layers(&place, "second:1"), layers(&place, "first:1"));
    assert_eq!(place.succeed(&["image", "inspect", "--format", "{{.Author}}", "second:1"]), "me\n");
    place.succeed(&["rm", "one", "two"]);
}

#[test]
fn commit_takes_the_changes_that_docker_takes() {
    let place = TestEnv::new();
    place.succeed(&["run", "--name", "one", "busybox", "true"]);
    let changes = "CMD [\"a\"]\nENTRYPOINT [\"b\"]\nENV A=1\nEXPOSE 80\nLABEL a=b\nONBUILD RUN true\nSTOPSIGNAL 9\nUSER 1\n\
                   VOLUME /v\nWORKDIR w\nHEALTHCHECK NONE";
    place.succeed(&["commit", "--change", changes, "one", "all:1"]);
    let config = config(&place, "all:1");
    let expect = json!({
        "Cmd": ["a"], "Entrypoint": ["b"], "ExposedPorts": {"80/tcp": {}}, "Labels": {"a": "b"},
        "OnBuild": ["RUN true"], "StopSignal": "9", "User": "1", "Volumes": {"/v": {}}, "WorkingDir": "/w",
        "Healthcheck": {"Test": ["NONE"]}
    });
    for (field, value) in expect.as_object().unwrap() {
        assert_eq!(config[field], *value, "{field}");
    }
    assert_eq!(config["Env"][0], "A=1");
    for refused in ["ADD a b", "ARG a", "COPY a b", "FROM a", "RUN true", "SHELL [\"a\"]", "MAINTAINER me"] {
        let answer = place.run(&["commit", "-c", refused, "one", "none:1"]);
        assert_eq!(answer.code, 1, "{refused}");
        assert!(answer.stderr.contains("is not a valid change command"), "{}", answer.stderr);
    }
    assert_eq!(place.succeed(&["images", "-q", "none"]), "");
    place.succeed(&["rm", "one"]);
}
