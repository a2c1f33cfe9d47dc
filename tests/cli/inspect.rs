//! `inspect`, `images` and `history`: their fields, shared layers, filters and templates.

use std::fs;

use serde_json::Value;

use crate::{lifecycle::at_a_terminal, test_env::TestEnv};

/// Every instruction that sets a field of the config.
const DOCKERFILE: &str = r#"FROM busybox
LABEL course="images and layers" org.example.version=1
ENV GREETING=hello
EXPOSE 80 53/udp
VOLUME /data
USER 1000:1000
WORKDIR /work
STOPSIGNAL SIGINT
HEALTHCHECK --interval=5s CMD test -e /note
ONBUILD ADD . /app
SHELL ["/bin/ash", "-c"]
COPY note /note
ENTRYPOINT ["cat"]
CMD ["/note"]
"#;

/// Builds the image `site:1` reproducibly: busybox, and one layer each for WORKDIR and COPY.
fn build(place: &TestEnv) {
    fs::create_dir(place.path("context")).unwrap();
    fs::write(place.path("context/Dockerfile"), DOCKERFILE).unwrap();
    fs::write(place.path("context/note"), "a note\n").unwrap();
    let mut command = place.command(&["build", "-q", "-t", "site:1", "context"]);
    let answer = place.answer(command.env("SOURCE_DATE_EPOCH", "1700000000").output().unwrap());
    assert_eq!(answer.code, 0, "{}", answer.stderr);
}

fn inspect(place: &TestEnv, image: &str) -> Value {
    let documents: Value = serde_json::from_str(&place.succeed(&["image", "inspect", image])).unwrap();
    documents[0].clone()
}

#[test]
fn image_inspect_shows_everything() {
    let place = TestEnv::new();
    build(&place);
    place.succeed(&["tag", "site:1", "registry.example.com/team/site:2"]);
    let mut document = inspect(&place, "site:1");
    let size = |document: &Value, path: &str| document.pointer(path).and_then(Value::as_u64).unwrap();
    let (shared, own) = (size(&document, "/Sharing/SharedSize"), size(&document, "/Sharing/UniqueSize"));
    assert_eq!(shared, size(&document, "/Sharing/Layers/0/Size") + size(&document, "/Sharing/Layers/1/Size"));
    assert_eq!((own, size(&document, "/Size")), (7, shared + own));
    assert!(size(&document, "/Descriptor/size") > 100);
    // Machines differ in their architecture and in the size of busybox.
    document["Architecture"] = "[ARCHITECTURE]".into();
    for path in
        ["/Size", "/Sharing/SharedSize", "/Sharing/Layers/0/Size", "/Sharing/Layers/1/Size", "/Descriptor/size"]
    {
        *document.pointer_mut(path).unwrap() = "[SIZE]".into();
    }
    insta::assert_snapshot!(serde_json::to_string_pretty(&document).unwrap());
}

#[test]
fn missing_objects_do_not_hide_existing_ones() {
    let place = TestEnv::new();
    let all = place.run(&["image", "inspect", "no-such-image"]);
    assert_eq!((all.code, all.stdout.as_str()), (1, "[]\n"));
    assert!(all.stderr.starts_with("minicontainer: No such image: no-such-image\n"), "{}", all.stderr);
    let one = place.run(&["image", "inspect", "--format", "{{json .RepoTags}}", "no-such-image", "busybox"]);
    assert_eq!((one.code, one.stdout.as_str()), (1, "[\"busybox:latest\"]\n"));
    let list: Value =
        serde_json::from_str(&place.run(&["inspect", "--format", "json", "missing", "busybox"]).stdout).unwrap();
    assert_eq!(list.pointer("/0/RepoTags/0"), Some(&"busybox:latest".into()));
    let other = place.run(&["inspect", "--type", "container", "busybox"]);
    assert_eq!((other.code, other.stdout.as_str()), (1, "[]\n"));
}

#[test]
fn docker_templates_are_supported() {
    let place = TestEnv::new();
    build(&place);
    let check = |template: &str, expect: &str| {
        assert_eq!(place.succeed(&["image", "inspect", "--format", template, "site:1"]), expect, "{template}");
    };
    check("{{index .Config.Labels \"org.example.version\"}} {{.Config.Labels.none}}", "1 <no value>\n");
    check(
        "{{range .Config.Env}}{{println .}}{{end}}",
        &format!("{}GREETING=hello\n\n", "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin\n"),
    );
    check(
        "{{.Config.ExposedPorts}} {{join .Config.Entrypoint \",\"}} {{len .RootFS.Layers}}",
        "map[53/udp:{} 80/tcp:{}] cat 4\n",
    );
    check("{{if eq .Config.User \"\"}}root{{else}}{{.Config.User | printf \"%q\"}}{{end}}", "\"1000:1000\"\n");
    check("{{range (index .Sharing.Layers 0).SharedWith}}{{upper .}}{{end}}", "BUSYBOX:LATEST\n");
    let list = |template: &str| place.succeed(&["images", "--format", template]);
    assert_eq!(list("{{.Repository}}:{{.Tag}}"), "site:1\nbusybox:latest\n");
    assert_eq!(
        list("table {{upper .Repository}}\\t{{.Layers}}"),
        "REPOSITORY   LAYERS\nSITE         4\nBUSYBOX      2\n"
    );
    let history =
        place.succeed(&["history", "--format", "{{truncate .CreatedBy 5}}{{with .Comment}} {{.}}{{end}}", "site:1"]);
    assert!(history.starts_with("CMD ["), "{history}");
    assert_eq!(place.succeed(&["ps", "-a", "--format", "{{json .}}"]), "");
    assert_eq!(place.succeed(&["version", "--format", "{{with .Os}}{{title .}}{{end}}"]), "Linux\n");
}

/// The fields that are lists or maps in Docker are lists or maps here too, even if they are empty.
#[test]
fn container_inspect_has_dockers_shape() {
    let place = TestEnv::new();
    fs::write(place.path("note"), "a note").unwrap();
    place.succeed(&["run", "--name", "plain", "busybox", "true"]);
    let flags =
        ["--tmpfs", "/t:size=1m", "-v", "./note:/note:ro", "--sysctl", "kernel.shmmax=4096", "--ulimit", "nofile=64"];
    let limits = ["-u", "1000", "-e", "A=b"];
    place.succeed(&[&["run", "--name", "full"], &flags[..], &limits, &["busybox", "true"]].concat());
    let check = |name: &str, template: &str, expect: &str| {
        let printed = place.succeed(&["inspect", "--format", template, name]);
        assert_eq!(printed, format!("{expect}\n"), "{name}: {template}");
    };
    let host = "{{.HostConfig.Binds}} {{.HostConfig.CapAdd}} {{.HostConfig.Devices}} {{.HostConfig.Sysctls}}";
    check("plain", host, "[] [] [] map[]");
    check("plain", "{{.Mounts}} {{len .Config.Labels}} {{.NetworkSettings.Ports}}", "[] 0 map[]");
    check("plain", "{{range .Mounts}}{{.Source}}{{else}}none{{end}}", "none");
    check(
        "plain",
        "{{.RestartCount}} {{.HostConfig.RestartPolicy.Name}} {{.Platform}} {{.State.Dead}}",
        "0 no linux false",
    );
    check(
        "full",
        "{{index .HostConfig.Sysctls \"kernel.shmmax\"}} {{.HostConfig.Tmpfs}}",
        &format!("4096 map[/t:{}]", "nosuid,nodev,noexec,size=1048576"),
    );
    check(
        "full",
        "{{range .Mounts}}{{.Type}} {{.Source}} {{.Destination}} {{.RW}};{{end}}",
        "bind [DIR]/note /note false;tmpfs  /t true;",
    );
    check("full", "{{(index .HostConfig.Ulimits 1).Name}} {{.Config.User}}", "nofile 1000:0");
}

#[test]
fn sharing_option_adds_size_columns() {
    let place = TestEnv::new();
    build(&place);
    let table = place.succeed(&["images", "--sharing"]);
    let lines: Vec<&str> = table.lines().collect();
    assert!(lines[0].starts_with("REPOSITORY   TAG") && lines[0].ends_with("SHARED SIZE   UNIQUE SIZE"), "{table}");
    assert!(lines[1].starts_with("site") && lines[1].ends_with("  7B"), "{table}");
    assert!(lines[2].starts_with("busybox") && lines[2].ends_with("  0B"), "{table}");
    let usual = place.succeed(&["images"]);
    let columns: Vec<&str> = usual.lines().next().unwrap().split_whitespace().collect();
    assert_eq!(columns, ["REPOSITORY", "TAG", "IMAGE", "ID", "CREATED", "SIZE"]);
    place.succeed(&["rmi", "site:1"]);
    assert_eq!(place.succeed(&["images", "--format", "{{.SharedSize}}"]), "0B\n");
}

#[test]
fn images_are_filtered_and_pruned_by_time_and_label() {
    let place = TestEnv::new();
    build(&place);
    let list = |filters: &[&str]| {
        let filters: Vec<&str> = filters.iter().flat_map(|filter| ["--filter", filter]).collect();
        place.succeed(&[&["images", "--format", "{{.Repository}}"], &filters[..]].concat())
    };
    assert_eq!(list(&["until=1h"]), "site\nbusybox\n");
    assert_eq!(list(&["until=2023-11-14T22:13:20Z"]), "busybox\n");
    assert_eq!(list(&["until=2023-11-15", "since=busybox"]), "site\n");
    assert_eq!(list(&["reference=site", "reference=busy*"]), "site\nbusybox\n");
    assert_eq!(list(&["reference=site", "label=org.example.version=2"]), "");
    let prune = |filter: &str| place.succeed(&["image", "prune", "-a", "-f", "--filter", filter]);
    let gone = prune("until=2000-01-01T00:00:00+01:00");
    assert!(gone.starts_with("Deleted Images:\nuntagged: busybox:latest\ndeleted: sha256:"), "{gone}");
    assert_eq!(prune("label=course=none"), "Total reclaimed space: 0B\n");
    assert_eq!(list(&[]), "site\n", "only busybox is older than 2000");
    // The answer to the question may come from a pipe.
    let no = place.run_with_input(&["image", "prune", "-a"], b"n\n");
    assert_eq!((no.code, list(&[]).as_str()), (0, "site\n"), "{}", no.stderr);
    let yes = place.run_with_input(&["image", "prune", "-a", "--filter", "label!=other"], b"y\n");
    assert!(yes.code == 0 && yes.stdout.contains("untagged: site:1\ndeleted: sha256:"), "{}", yes.show());
    assert_eq!(list(&[]), "");
}

#[test]
fn history_can_show_exact_values() {
    let place = TestEnv::new();
    build(&place);
    let lines = |human: &str| {
        let text = place.succeed(&["history", human, "site:1"]);
        (text.lines().next().unwrap().to_owned(), text.lines().find(|line| line.contains("COPY")).unwrap().to_owned())
    };
    let (heading, copy) = lines("--human=false");
    assert!(heading.contains("CREATED AT"), "{heading}");
    assert!(copy.contains("2023-11-14T22:13:20") && copy.contains(" 7 "), "{copy}");
    let (heading, copy) = lines("-H");
    assert!(!heading.contains("CREATED AT") && copy.contains(" 7B "), "{heading}\n{copy}");
    assert!(copy.contains(" ago "), "{copy}");
}

#[test]
fn repository_is_saved_with_all_its_tags() {
    let place = TestEnv::new();
    for name in ["busybox:2", "other:1"] {
        place.succeed(&["tag", "busybox", name]);
    }
    place.succeed(&["save", "-o", "all.tar", "busybox"]);
    place.succeed(&["save", "-o", "one.tar", "busybox:2"]);
    place.succeed(&["rmi", "busybox", "busybox:2", "other:1"]);
    assert_eq!(place.succeed(&["load", "-i", "one.tar"]), "Loaded image: busybox:2\n");
    let printed = place.succeed(&["load", "-i", "all.tar"]);
    let mut lines: Vec<&str> = printed.lines().collect();
    lines.sort_unstable();
    assert_eq!(lines, ["Loaded image: busybox:2", "Loaded image: busybox:latest"]);
}

#[test]
fn load_shows_progress_bars_on_a_terminal() {
    let place = TestEnv::new();
    build(&place);
    place.succeed(&["save", "-o", "site.tar", "site:1"]);
    place.succeed(&["rmi", "site:1"]);
    let Some(shown) = at_a_terminal(&place, "load -i site.tar", true) else { return };
    assert!(shown.contains(": Loading layer [====") && shown.contains("Loaded image: site:1"), "{shown:?}");
    place.succeed(&["rmi", "site:1"]);
    assert_eq!(place.succeed(&["load", "-i", "site.tar"]), "Loaded image: site:1\n");
    place.succeed(&["rmi", "site:1"]);
    let quiet = at_a_terminal(&place, "load -q -i site.tar", true).unwrap();
    assert!(!quiet.contains("Loading layer"), "{quiet:?}");
}

/// The fields of Docker's Engine API 1.50: `SizeRw` and `SizeRootFs` of `ContainerInspect`.
#[test]
fn inspect_counts_the_files_of_a_container_on_request() {
    let place = TestEnv::new();
    place.succeed(&["run", "--name", "one", "busybox", "sh", "-c", "head -c 5000 /dev/zero > /note"]);
    let field = |words: &[&str], field: &str| {
        let format = format!("{{{{json .{field}}}}}");
        place.succeed(&[words, &["--format", &format, "one"]].concat()).trim().to_owned()
    };
    let image: u64 = place.succeed(&["image", "inspect", "--format", "{{.Size}}", "busybox"]).trim().parse().unwrap();
    for command in [&["inspect", "-s"][..], &["inspect", "--size"], &["container", "inspect", "-s"]] {
        assert_eq!(field(command, "SizeRw"), "5000", "{command:?}");
        assert_eq!(field(command, "SizeRootFs"), (image + 5000).to_string(), "{command:?}");
    }
    assert!(!place.succeed(&["inspect", "one"]).contains("\"SizeRw\""));
    let answer = place.run(&["inspect", "-s", "busybox"]);
    assert!(answer.code == 0 && answer.stderr.contains("--size has no effect on images"), "{}", answer.show());
}
