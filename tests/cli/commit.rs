//! The config of images that `commit` creates. The rules are those of moby's `daemon/commit.go`: fields that the
//! changes do not set come from the container's config, which consists of the options of `run` and, for all other
//! fields, the image's config.

use std::{process::Child, thread, time::Duration};

use minicontainer::cgroup::Cgroup;
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

/// A running container, with so many files that copying them takes a while.
struct Busy {
    place: TestEnv,
    run: Child,
}

impl Busy {
    fn start(place: TestEnv) -> Busy {
        let script = "head -c 60000000 /dev/urandom > /big; while :; do echo tick >> /ticks; done";
        let run = place.command(&["run", "--rm", "--name", "busy", "busybox", "sh", "-c", script]).spawn().unwrap();
        let busy = Busy { place, run };
        while busy.ticks() == 0 {
            thread::sleep(Duration::from_millis(10));
        }
        busy
    }

    /// How much the program has written.
    fn ticks(&self) -> usize {
        let upper = self.place.run(&["inspect", "--format", "{{.GraphDriver.Data.UpperDir}}", "busy"]);
        let id = self.place.engine().args(["inspect", "--format", "{{.Id}}", "busy"]).output().unwrap().stdout;
        let id = String::from_utf8(id).unwrap();
        let file = self.place.store().join("containers").join(id.trim()).join("upper/ticks");
        if upper.code == 0 { std::fs::metadata(file).map_or(0, |file| file.len() as usize) } else { 0 }
    }

    /// The container's cgroup; `None` if it has none.
    fn group(&self) -> Option<Cgroup> {
        let id = self.place.engine().args(["inspect", "--format", "{{.Id}}", "busy"]).output().unwrap().stdout;
        let id = String::from_utf8(id).unwrap();
        let record = self.place.store().join("containers").join(id.trim()).join("state.json");
        let record: Value = serde_json::from_slice(&std::fs::read(record).unwrap()).unwrap();
        let name = record.pointer("/config/cgroup").and_then(Value::as_str)?;
        Cgroup::open(name).unwrap()
    }

    /// Commits, and returns whether the container was frozen at any moment, and stderr.
    fn commit(&self, flags: &[&str]) -> (bool, String) {
        let group = self.group();
        let mut command = self.place.command(&[&["commit"], flags, &["busy", "copy:1"]].concat());
        let mut child =
            command.stdout(std::process::Stdio::null()).stderr(std::process::Stdio::piped()).spawn().unwrap();
        let mut was_frozen = false;
        while child.try_wait().unwrap().is_none() {
            was_frozen |= group.as_ref().is_some_and(Cgroup::is_frozen);
            thread::sleep(Duration::from_millis(1));
        }
        let output = child.wait_with_output().unwrap();
        assert!(group.is_none_or(|group| !group.is_frozen()), "the container is resumed");
        (was_frozen, String::from_utf8(output.stderr).unwrap())
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        drop(self.place.run(&["rm", "-f", "busy"]));
        drop(self.run.wait());
    }
}

/// docs.docker.com/reference/cli/docker/container/commit: "By default, the container being committed and its processes
/// will be paused while the image is committed."
#[test]
fn running_container_is_paused_while_its_files_are_copied() {
    let Some(place) = TestEnv::seeded_root() else { return };
    let busy = Busy::start(place);
    for (flags, expect) in
        [(&[][..], true), (&["-p"], true), (&["--pause=true"], true), (&["--pause=false"], false), (&["-p=0"], false)]
    {
        let (was_frozen, told) = busy.commit(flags);
        assert_eq!((was_frozen, told.as_str()), (expect, ""), "{flags:?}");
        let before = busy.ticks();
        thread::sleep(Duration::from_millis(200));
        assert!(busy.ticks() > before, "{flags:?}: the program runs again");
    }
    // A signal waits until the container runs again.
    let mut commit = busy.place.command(&["commit", "busy", "copy:2"]).spawn().unwrap();
    let group = busy.group().unwrap();
    while !group.is_frozen() {
        assert!(commit.try_wait().unwrap().is_none(), "the commit has ended too early");
        thread::sleep(Duration::from_millis(1));
    }
    nix::sys::signal::kill(nix::unistd::Pid::from_raw(commit.id() as i32), nix::sys::signal::Signal::SIGTERM)
        .unwrap();
    commit.wait().unwrap();
    assert!(!group.is_frozen(), "the container is resumed");
}

#[test]
fn container_without_a_cgroup_is_copied_with_a_warning() {
    let Some(place) = TestEnv::seeded_user() else { return };
    let busy = Busy::start(place);
    if busy.group().is_some() {
        return;
    }
    let (_, told) = busy.commit(&[]);
    assert!(told.starts_with("warning: the container is not paused") && told.contains("it has no cgroup"), "{told}");
    let (_, told) = busy.commit(&["-p"]);
    assert!(told.starts_with("minicontainer: cannot pause") && told.contains("use --pause=false"), "{told}");
    assert_eq!(busy.commit(&["--pause=false"]).1, "");
}

/// moby's `ReplaceOrAppendEnvVars`: a name without a value removes the variable.
#[test]
fn name_without_value_removes_the_variable_of_the_image() {
    let place = TestEnv::new();
    base(&place);
    let env = |flags: &[&str], script: &str| place.succeed(&[&["run", "--rm"], flags, &["base:1", script]].concat());
    let script = "echo ${A-none} ${B-none}";
    assert_eq!(env(&[], script), "base base\n");
    assert_eq!(env(&["-e", "A"], script), "none base\n");
    assert_eq!(env(&["-e", "A", "-e", "A=again"], script), "again base\n");
    assert_eq!(env(&["-e", "B=mine", "-e", "B"], script), "base none\n");
    let mut command = place.command(&["run", "--rm", "-e", "A", "base:1", script]);
    assert_eq!(place.answer(command.env("A", "caller").output().unwrap()).stdout, "caller base\n");
    std::fs::write(place.path("variables"), "A\n").unwrap();
    assert_eq!(env(&["--env-file", "variables"], script), "base base\n", "in a file it has no effect");
    place.succeed(&["run", "--name", "one", "-e", "A", "base:1", "true"]);
    place.succeed(&["commit", "one", "without:1"]);
    assert_eq!(config(&place, "without:1")["Env"], json!(["PATH=/bin", "B=base"]));
}
