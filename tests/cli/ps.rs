//! `ps`, `images` and `inspect`: the fields that Docker's documentation names, filters, and empty values.

use serde_json::Value;

use crate::test_env::TestEnv;

/// Three containers: `one` and `two` have exited, `web-3` could not be started.
fn containers() -> TestEnv {
    let place = TestEnv::new();
    place.succeed(&["run", "--name", "one", "-l", "course=networks", "-l", "a.b-c", "busybox", "true"]);
    let mounts = ["-v", ".:/here", "--tmpfs", "/t", "-l", "course=images,layers"];
    assert_eq!(place.run(&[&["run", "--name", "two"], &mounts[..], &["busybox", "false"]].concat()).code, 1);
    assert_eq!(place.run(&["run", "--name", "web-3", "--network", "host", "busybox", "no-such-program"]).code, 127);
    place
}

#[test]
fn ps_has_the_fields_of_docker() {
    let place = containers();
    let rows = place.succeed(&["ps", "-a", "--format", "json"]);
    let row: Value = serde_json::from_str(rows.lines().nth(1).unwrap()).unwrap();
    let fields: Vec<&str> = row.as_object().unwrap().keys().map(String::as_str).collect();
    // docs.docker.com/reference/cli/docker/container/ls/#format
    let expected = [
        "Command",
        "CreatedAt",
        "ID",
        "Image",
        "Labels",
        "LocalVolumes",
        "Mounts",
        "Names",
        "Networks",
        "Ports",
        "RunningFor",
        "Size",
        "State",
        "Status",
    ];
    assert_eq!(fields, expected);
    let check = |template: &str, expect: &str| {
        let printed = place.succeed(&["ps", "-a", "--no-trunc", "--filter", "name=two", "--format", template]);
        assert_eq!(printed, format!("{expect}\n"), "{template}");
    };
    check("{{.Names}} {{.Networks}} {{.LocalVolumes}} {{.Mounts}}", "two none 0 [DIR]");
    check("{{.Labels}} {{.Label \"course\"}}|{{.Label \"none\"}}|", "course=images,layers images,layers||");
    check("table {{.Names}}\\t{{.Label \"org.the-course\"}}", "NAMES   the course\ntwo");
    check(
        "{{json .}}",
        &serde_json::to_string(
            &serde_json::from_str::<Value>(
                place.succeed(&["ps", "-a", "--no-trunc", "--filter", "name=two", "--format", "json"]).trim(),
            )
            .unwrap(),
        )
        .unwrap(),
    );
    for field in expected {
        place.succeed(&["ps", "-a", "--format", &format!("{{{{.{field}}}}}")]);
    }
    let unknown = place.run(&["ps", "-a", "--format", "{{.Nmaes}}"]);
    assert!(unknown.code == 1 && unknown.stderr.contains("did you mean .Names?"), "{}", unknown.show());
}

/// The layout of Go's `Time.String`, which Docker prints.
#[test]
fn creation_times_are_local_and_in_the_layout_of_docker() {
    let place = TestEnv::new();
    place.succeed(&["run", "--name", "one", "busybox", "true"]);
    let created = |zone: &str, command: &[&str]| {
        let mut command = place.command(command);
        place.answer(command.env("TZ", zone).output().unwrap()).stdout
    };
    let ps = ["ps", "-a", "--format", "{{.CreatedAt}}|{{.RunningFor}}"];
    let shape = |text: &str| text.replace(|digit: char| digit.is_ascii_digit(), "9");
    assert!(shape(&created("UTC", &ps)).starts_with("9999-99-99 99:99:99 +9999 UTC|"), "{}", created("UTC", &ps));
    let fixed = created("<-03>3", &ps);
    assert!(shape(&fixed).starts_with("9999-99-99 99:99:99 -9999 -99|") && fixed.contains(" -0300 -03|"), "{fixed}");
    assert!(fixed.trim_end().ends_with(" ago"), "{fixed}");
}

#[test]
fn ps_filters_are_those_of_docker() {
    let place = containers();
    place.succeed(&["tag", "busybox", "other:1"]);
    let list = |filters: &[&str]| {
        let filters: Vec<&str> = filters.iter().flat_map(|filter| ["--filter", filter]).collect();
        place.succeed(&[&["ps", "-a", "--format", "{{.Names}}"], &filters[..]].concat()).replace('\n', " ")
    };
    let raw = place.engine().args(["ps", "-aq", "--no-trunc", "--filter", "name=one"]).output().unwrap();
    let id = String::from_utf8(raw.stdout).unwrap();
    for (filters, expect) in [
        (&["name=o"][..], "two one "),
        (&["name=^/one$"], "one "),
        (&["name=one", "name=web"], "web-3 one "),
        (&["name=^(one|web-[0-9]+)$"], "web-3 one "),
        (&[&format!("id=^{}", &id[..12])], "one "),
        (&["label=course"], "two one "),
        (&["label=course=networks"], "one "),
        (&["label=course", "label=a.b-c"], "one "),
        (&["exited=1"], "two "),
        (&["exited=0", "exited=1"], "two one "),
        (&["status=exited", "exited=0"], "one "),
        (&["status=created"], "web-3 "),
        (&["status=running"], ""),
        (&["ancestor=busybox"], "web-3 two one "),
        (&["ancestor=other:1", "status=created"], "web-3 "),
        (&["ancestor=no-such-image"], ""),
        (&["before=two"], "one "),
        (&["since=one", "before=web-3"], "two "),
        (&["volume=/here"], "two "),
        (&["network=host"], "web-3 "),
        (&["network=bridge"], ""),
        (&["health=none"], "web-3 two one "),
        (&["health=healthy"], ""),
        (&["is-task=false"], "web-3 two one "),
        (&["is-task=true"], ""),
    ] {
        assert_eq!(list(filters), expect, "{filters:?}");
    }
    // A state selects containers that are not running, as in Docker.
    assert_eq!(place.succeed(&["ps", "--filter", "status=created", "--format", "{{.Names}}"]), "web-3\n");
    let mut refusals = String::new();
    for filter in [
        "publish=80",
        "expose=80",
        "isolation=hyperv",
        "status=up",
        "exited=no",
        "health=good",
        "is-task=maybe",
        "before=missing",
        "name=a(",
        "colour=red",
        "name",
    ] {
        let answer = place.run(&["ps", "--filter", filter]);
        assert_eq!(answer.code, 1, "{filter}");
        refusals += &answer.stderr;
    }
    insta::assert_snapshot!(refusals);
}

#[test]
fn latest_containers_are_shown_whatever_their_state() {
    let place = containers();
    let names = |flags: &[&str]| place.succeed(&[&["ps", "--format", "{{.Names}}"], flags].concat());
    assert_eq!(names(&[]), "");
    assert_eq!(names(&["-l"]), "web-3\n");
    assert_eq!(names(&["-n", "2"]), "web-3\ntwo\n");
    assert_eq!(names(&["--last=9"]), "web-3\ntwo\none\n");
    assert_eq!(names(&["-n", "-1"]), "");
    assert_eq!(names(&["-n", "1", "--filter", "name=o"]), "two\n");
    let table = place.succeed(&["ps", "-as", "--no-trunc"]);
    assert!(table.lines().next().unwrap().ends_with("NAMES   SIZE"), "{table}");
    assert!(table.lines().nth(1).unwrap().contains("0B (virtual "), "{table}");
    assert!(!place.succeed(&["ps", "-a"]).contains("virtual"));
    assert!(place.succeed(&["ps", "-a", "--format", "{{.Size}}"]).starts_with("0B (virtual "));
}

#[test]
fn images_have_the_fields_of_docker() {
    let place = TestEnv::new();
    place.succeed(&["run", "--name", "one", "busybox", "true"]);
    // docs.docker.com/reference/cli/docker/image/ls/#format, and the other fields of its JSON
    for field in [
        "ID",
        "Repository",
        "Tag",
        "Digest",
        "CreatedSince",
        "CreatedAt",
        "Size",
        "Containers",
        "SharedSize",
        "UniqueSize",
        "VirtualSize",
    ] {
        assert!(!place.succeed(&["images", "--format", &format!("{{{{.{field}}}}}")]).trim().is_empty(), "{field}");
    }
    assert_eq!(place.succeed(&["images", "--format", "{{.Repository}} {{.Containers}}"]), "busybox 1\n");
}

/// The paths are those of Docker's Engine API 1.50: `ContainerInspect` and `ImageInspect`.
#[test]
fn inspect_has_the_keys_of_docker() {
    let place = TestEnv::new();
    place.succeed(&["run", "-i", "--name", "one", "-m", "0", "--pid", "host", "busybox", "true"]);
    let check = |template: &str, expect: &str| {
        assert_eq!(place.succeed(&["inspect", "--format", template, "one"]), format!("{expect}\n"), "{template}");
    };
    let host = "Binds CapAdd CapDrop Dns DnsOptions DnsSearch ExtraHosts GroupAdd Links SecurityOpt VolumesFrom Mounts \
                BlkioWeightDevice BlkioDeviceReadBps BlkioDeviceWriteBps BlkioDeviceReadIOps BlkioDeviceWriteIOps \
                Devices DeviceCgroupRules DeviceRequests";
    for list in host.split_whitespace() {
        check(&format!("{{{{.HostConfig.{list}}}}}"), "[]");
    }
    for map in ["PortBindings", "LogConfig.Config", "Sysctls", "StorageOpt", "Tmpfs", "Annotations"] {
        check(&format!("{{{{.HostConfig.{map}}}}}"), "map[]");
    }
    for path in ["Config.Labels", "Config.Volumes", "Config.ExposedPorts", "NetworkSettings.Ports"] {
        check(&format!("{{{{.{path}}}}}"), "map[]");
    }
    for list in ["Mounts", "ExecIDs", "Config.OnBuild", "Config.Entrypoint", "NetworkSettings.SecondaryIPAddresses"] {
        check(&format!("{{{{.{list}}}}}"), "[]");
    }
    let single = "HostConfig.ContainerIDFile HostConfig.LogConfig.Type HostConfig.NetworkMode HostConfig.AutoRemove \
        HostConfig.RestartPolicy.Name HostConfig.VolumeDriver HostConfig.CgroupnsMode HostConfig.IpcMode HostConfig.Cgroup \
        HostConfig.OomScoreAdj HostConfig.Privileged HostConfig.PublishAllPorts HostConfig.ReadonlyRootfs HostConfig.UTSMode \
        HostConfig.UsernsMode HostConfig.ShmSize HostConfig.Runtime HostConfig.Isolation HostConfig.CpuShares HostConfig.Memory \
        HostConfig.NanoCpus HostConfig.CgroupParent HostConfig.BlkioWeight HostConfig.CpuPeriod HostConfig.CpuQuota \
        HostConfig.CpuRealtimePeriod HostConfig.CpuRealtimeRuntime HostConfig.CpusetCpus HostConfig.CpusetMems \
        HostConfig.MemoryReservation HostConfig.MemorySwap HostConfig.MemorySwappiness HostConfig.OomKillDisable \
        HostConfig.PidsLimit HostConfig.CpuCount HostConfig.CpuPercent HostConfig.IOMaximumIOps HostConfig.IOMaximumBandwidth \
        HostConfig.ConsoleSize HostConfig.Init LogPath MountLabel ProcessLabel AppArmorProfile Platform Driver RestartCount \
        Config.Hostname Config.Domainname Config.User Config.AttachStdout Config.AttachStderr Config.Tty Config.Image \
        Config.WorkingDir Config.StopSignal Config.Shell State.Status State.Running State.Paused State.Restarting \
        State.OOMKilled State.Dead State.Pid State.ExitCode State.Error State.StartedAt State.FinishedAt State.Health \
        NetworkSettings.Bridge NetworkSettings.SandboxID NetworkSettings.SandboxKey NetworkSettings.HairpinMode \
        NetworkSettings.EndpointID NetworkSettings.Gateway NetworkSettings.IPAddress NetworkSettings.IPPrefixLen \
        NetworkSettings.IPv6Gateway NetworkSettings.MacAddress NetworkSettings.GlobalIPv6Address \
        NetworkSettings.Networks.none.NetworkID NetworkSettings.Networks.none.IPAddress";
    for path in single.split_whitespace() {
        place.succeed(&["inspect", "--format", &format!("{{{{.{path}}}}}"), "one"]);
    }
    check(
        "{{.HostConfig.PidMode}} {{.Config.OpenStdin}} {{.Config.AttachStdin}} {{.Config.StdinOnce}}",
        "host true true true",
    );
    check("{{range $name, $network := .NetworkSettings.Networks}}{{$name}}={{$network.IPAddress}}{{end}}", "none=");

    let image = |template: &str, expect: &str| {
        let printed = place.succeed(&["image", "inspect", "--format", template, "busybox"]);
        assert_eq!(printed, format!("{expect}\n"), "{template}");
    };
    image("{{.Config.Labels}} {{.Config.Volumes}} {{.Config.ExposedPorts}}", "map[] map[] map[]");
    image("{{.Config.OnBuild}} {{.Config.Entrypoint}} {{.Config.Shell}}", "[] [] []");
    let single = "Id RepoTags Parent Comment Created DockerVersion Author Architecture Variant Os OsVersion Size \
                  GraphDriver.Name GraphDriver.Data.UpperDir RootFS.Type RootFS.Layers Metadata.LastTagTime \
                  Config.User Config.Env Config.Cmd Config.WorkingDir Config.StopSignal Config.Healthcheck";
    for path in single.split_whitespace() {
        place.succeed(&["image", "inspect", "--format", &format!("{{{{.{path}}}}}"), "busybox"]);
    }
}
