use super::*;

fn bind(source: &str, target: &str, access: Access) -> MountSpec {
    MountSpec::Bind { source: source.to_owned(), target: target.to_owned(), access, owner: None }
}

fn tmpfs(target: &str, size: Option<&str>, mode: Option<u32>, attributes: &[MountAttribute]) -> MountSpec {
    let size = size.map(|size| size.parse().unwrap());
    let attributes = attributes.iter().copied().collect();
    MountSpec::Tmpfs { target: target.to_owned(), size, mode, data: BTreeMap::new(), attributes }
}

#[track_caller]
fn check(mount: Result<MountSpec, MountError>, expect: MountSpec) {
    assert_eq!(mount.unwrap_or_else(|error| panic!("{error}")), expect);
}

#[test]
fn volumes_are_parsed_as_bind_mounts() {
    let volume = |text| MountSpec::from_volume(text, "/home/ada");
    check(volume("/srv:/data"), bind("/srv", "/data", Access::ReadWrite));
    check(volume("/srv:/data:rw"), bind("/srv", "/data", Access::ReadWrite));
    check(volume("/srv:/data:ro"), bind("/srv", "/data", Access::ReadOnly));
    check(volume("/:/host:ro"), bind("/", "/host", Access::ReadOnly));
    check(volume("/srv//x/./y/:/data/./z//"), bind("/srv/x/y", "/data/z", Access::ReadWrite));
    check(volume("/with space:/a,b"), bind("/with space", "/a,b", Access::ReadWrite));
}

#[test]
fn relative_source_is_resolved_against_caller() {
    let volume = |text| MountSpec::from_volume(text, "/home/ada");
    check(volume(".:/data"), bind("/home/ada", "/data", Access::ReadWrite));
    check(volume("./x:/data"), bind("/home/ada/x", "/data", Access::ReadWrite));
    // Only the kernel can resolve `..` after a directory that may be a symbolic link.
    check(volume("../x:/data"), bind("/home/ada/../x", "/data", Access::ReadWrite));
    check(volume(".config:/data"), bind("/home/ada/.config", "/data", Access::ReadWrite));
    check(MountSpec::from_volume("./x:/data", "/"), bind("/x", "/data", Access::ReadWrite));
    check(
        MountSpec::from_fields("type=bind,src=./x,dst=/data", "/home/ada"),
        bind("/home/ada/x", "/data", Access::ReadWrite),
    );
}

#[test]
fn mount_fields_allow_aliases_and_any_order() {
    let fields = |text: &str| MountSpec::from_fields(text, "/");
    check(fields("type=bind,source=/a,target=/b"), bind("/a", "/b", Access::ReadWrite));
    check(fields("destination=/b,src=/a,type=bind,ro"), bind("/a", "/b", Access::ReadOnly));
    for read_only in ["readonly", "readonly=true", "ro=1", "readonly=false,ro"] {
        check(fields(&format!("type=bind,src=/a,dst=/b,{read_only}")), bind("/a", "/b", Access::ReadOnly));
    }
    check(fields("type=bind,src=/a,dst=/b,readonly=false"), bind("/a", "/b", Access::ReadWrite));
    check(fields("type=bind,src=/a=b:c,dst=/b"), bind("/a=b:c", "/b", Access::ReadWrite));
}

/// The options are those of moby's `volume/mounts/linux_parser.go` and of Docker's `opts/mount.go`.
#[test]
fn options_without_effect_are_accepted() {
    let volume = |text: &str| MountSpec::from_volume(text, "/");
    for options in ["z", "Z,rw", "cached", "delegated,rprivate", "consistent", "private", "rw,z,rprivate,cached", ""]
    {
        check(volume(&format!("/a:/b:{options}")), bind("/a", "/b", Access::ReadWrite));
    }
    check(volume("/a:/b:Z,ro,private"), bind("/a", "/b", Access::ReadOnly));
    let fields = [
        "consistency=cached",
        "bind-propagation=rprivate",
        "bind-recursive=enabled",
        "bind-nonrecursive=false",
        "bind-create-src=0",
        "ro=F",
        "type=BIND",
    ];
    for field in fields {
        let mount = MountSpec::from_fields(&format!("type=bind,src=/a,dst=/b,{field}"), "/");
        check(mount, bind("/a", "/b", Access::ReadWrite));
    }
}

#[test]
fn tmpfs_takes_all_options_of_docker() {
    use MountAttribute::{NoAtime, NoDev, NoDirAtime, NoExec, NoSuid, StrictAtime};
    let restricted = [NoSuid, NoDev, NoExec];
    for without_effect in
        ["defaults", "sync", "async", "dirsync", "mand", "nomand", "relatime", "rprivate", "private"]
    {
        check(MountSpec::from_tmpfs(&format!("/t:{without_effect}")), tmpfs("/t", None, None, &restricted));
    }
    let with = |attribute| [&restricted[..], &[attribute]].concat();
    check(MountSpec::from_tmpfs("/t:strictatime,noatime"), tmpfs("/t", None, None, &with(NoAtime)));
    check(MountSpec::from_tmpfs("/t:noatime,strictatime"), tmpfs("/t", None, None, &with(StrictAtime)));
    check(MountSpec::from_tmpfs("/t:noatime,relatime"), tmpfs("/t", None, None, &restricted));
    check(MountSpec::from_tmpfs("/t:nodiratime"), tmpfs("/t", None, None, &with(NoDirAtime)));
    let given =
        [("uid", "5"), ("gid", "6"), ("nr_inodes", "1k"), ("nr_blocks", "9"), ("mpol", "bind:0"), ("size", "5%")];
    let text = given.map(|(name, value)| format!("{name}={value}")).join(",");
    let MountSpec::Tmpfs { data, .. } = MountSpec::from_tmpfs(&format!("/t:{text}")).unwrap() else { panic!() };
    assert_eq!(data, given.map(|(name, value)| (name.to_owned(), value.to_owned())).into());
}

#[test]
fn tmpfs_is_restricted_by_default() {
    use MountAttribute::{NoDev, NoExec, NoSuid, ReadOnly};
    check(MountSpec::from_tmpfs("/t"), tmpfs("/t", None, None, &[NoSuid, NoDev, NoExec]));
    check(MountSpec::from_tmpfs("/t:"), tmpfs("/t", None, None, &[NoSuid, NoDev, NoExec]));
    check(MountSpec::from_tmpfs("/t:size=1m,mode=700,exec"), tmpfs("/t", Some("1m"), Some(0o700), &[NoSuid, NoDev]));
    check(MountSpec::from_tmpfs("/t:ro,suid,dev,noexec"), tmpfs("/t", None, None, &[NoExec, ReadOnly]));
    check(MountSpec::from_tmpfs("/t:ro,rw"), tmpfs("/t", None, None, &[NoSuid, NoDev, NoExec]));
    check(
        MountSpec::from_fields("type=tmpfs,dst=/t,tmpfs-size=64k,tmpfs-mode=1770,ro", "/"),
        tmpfs("/t", Some("64k"), Some(0o1770), &[NoSuid, NoDev, NoExec, ReadOnly]),
    );
}

#[test]
#[expect(clippy::too_many_lines, reason = "a table of inputs")]
fn invalid_mounts_are_rejected() {
    let volumes = [
        "",
        "/a",
        "data",
        "data:/x",
        "data:/x:ro",
        "a/b:/x",
        ":/x",
        "/a:",
        "/a:x",
        "/a:./x",
        "/a:/",
        "/a:/./",
        "/a:/x/../y",
        "/a:/x:rx",
        "/a:/x:ro,",
        "/a:/x:z,Z",
        "/a:/x:nocopy",
        "/a:/x:rshared",
        "/a:/x:ro,slave",
        "/a:/x:ro:ro",
        "/a\0b:/x",
    ];
    let fields = [
        "",
        "type=bind",
        "type=bind,source=/a",
        "type=bind,target=/x",
        "type=bind,source=,target=/x",
        "type=bind,source=a/b,target=/x",
        "type=bind,source=/a,target=x",
        "type=bind,source=/a,target=/",
        "type=bind,source=/a,target=/./proc/sys",
        "type=volume,source=a,target=/x",
        "source=a,target=/x",
        "type=nfs,source=/a,target=/x",
        "type=bind,source=/a,target=/x,readonly=maybe",
        "type=bind,source=/a,target=/x,",
        "type=bind,source=/a,target=/x,z",
        "type=bind,source=/a,target=/x,bind-propagation=shared",
        "type=bind,source=/a,target=/x,bind-recursive=disabled",
        "type=bind,source=/a,target=/x,bind-recursive=writable",
        "type=bind,source=/a,target=/x,bind-nonrecursive",
        "type=bind,source=/a,target=/x,bind-nonrecursive=maybe",
        "type=bind,source=/a,target=/x,bind-create-src",
        "type=volume,target=/x,volume-nocopy",
        "type=volume,source=a,target=/x,volume-label=b=c",
        "type=volume,source=a,target=/x,volume-driver=local",
        "type=volume,source=a,target=/x,volume-opt=b=c",
        "type=volume,source=a,target=/x,volume-subpath=b",
        "type=image,source=busybox,target=/x",
        "type=image,source=busybox,target=/x,image-subpath=etc",
        "type=npipe,source=a,target=/x",
        "type=cluster,source=a,target=/x",
        "type=bind,source=/a,target=/x,tmpfs-size=1m",
        "type=tmpfs,source=/a,target=/x",
        "type=tmpfs",
        "type=tmpfs,target=/x,tmpfs-size=-1",
        "type=tmpfs,target=/x,tmpfs-mode=888",
        "type=bind,\"source=/a,b\",target=/x",
        "type=bind,source=/a\0,target=/x",
    ];
    let tmpfs = [
        "",
        "x",
        "/",
        "/x:size=0",
        "/x:size=lots",
        "/x:mode=99",
        "/x:mode=",
        "/x:mode=77777",
        "/x:mode=-1",
        "/x:uid=-1",
        "/x:gid=4294967296",
        "/x:nr_inodes=many",
        "/x:size=101%",
        "/x:mpol=a b",
        "/x:huge=always",
        "/x:remount",
        "/x:rshared",
        "/x:noexecute",
        "/x:ro:exec",
    ];
    let mut table = vec!["-v".to_owned()];
    table.extend(volumes.map(|text| refusal(text, MountSpec::from_volume(text, "/home/ada"))));
    table.push("--mount".to_owned());
    table.extend(fields.map(|text| refusal(text, MountSpec::from_fields(text, "/home/ada"))));
    table.push("--tmpfs".to_owned());
    table.extend(tmpfs.map(|text| refusal(text, MountSpec::from_tmpfs(text))));
    insta::assert_snapshot!(table.join("\n"));
}

fn refusal(text: &str, mount: Result<MountSpec, MountError>) -> String {
    let Err(error) = mount else { panic!("{text:?} was accepted") };
    let cause = std::error::Error::source(&error).map(|cause| format!(": {cause}")).unwrap_or_default();
    format!("  {text:?}\n    {error}{cause}")
}
