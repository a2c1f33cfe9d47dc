//! Owners, set-user-ID bits and file capabilities in an ordinary user's store.
//!
//! The reference is root's engine, which does not translate ids. For the same Dockerfile, an ordinary user with
//! subordinate ids must get the same layers, byte for byte.

use std::{
    fs,
    os::unix::fs::{MetadataExt, PermissionsExt, lchown},
    path::{Path, PathBuf},
};

use crate::fixture::{ALLOCATED_GROUPS, ALLOCATED_USERS, Fixture, ORDINARY_USER};

/// `security.capability` with CAP_NET_RAW, effective and permitted: `struct vfs_cap_data` of capabilities(7).
const NET_RAW: [u8; 20] = [1, 0, 0, 2, 0, 0x20, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];

/// A Dockerfile with every step that can change owners. Only the owner of the application's directory can enter it.
const DOCKERFILE: &str = "FROM base\n\
    RUN mkdir -p /data /app && chown 1000:1000 /data && chown 33:44 /app && chmod 700 /app\n\
    USER 1000\n\
    RUN touch /data/x && echo secret > /data/closed && chmod 600 /data/closed && mkdir -m 700 /data/private && \
    echo deep > /data/private/deep && ln /data/closed /data/again && ln -s closed /data/link\n\
    RUN --mount=type=cache,target=/keep,uid=1000,mode=0700 touch /keep/x && test \"$(stat -c %u:%g:%a /keep)\" = 1000:0:700\n\
    RUN --mount=type=cache,target=/keep,uid=1000,mode=0700 rm /keep/x\n\
    USER 0\n\
    RUN cp /bin/busybox /data/tool && chown 7:8 /data/tool && chmod 6755 /data/tool && chown -h 5:6 /data/link\n\
    RUN --mount=type=cache,target=/app/.cache/x true\n\
    COPY --chown=1000:50 --chmod=4755 file /copied/file\n\
    ADD --chown=9:9 file /added/\n\
    ADD files.tar /unpacked/\n\
    WORKDIR /app/work\n\
    FROM base\n\
    COPY --from=0 /data /data\n\
    COPY --from=0 /unpacked /unpacked\n\
    COPY --from=0 --chown=3:4 /data/closed /chowned\n\
    RUN echo more >> /data/closed && rm /data/private/deep\n";

/// The owners, modes and names in the second stage.
const EXPECTED: &str = "0:0 755 /data\n1000:0 600 /data/again\n1000:0 600 /data/closed\n5:6 777 /data/link\n\
    1000:0 700 /data/private\n7:8 6755 /data/tool\n1000:0 644 /data/x\n3:4 600 /chowned\n0:0 755 /unpacked\n\
    11:12 4755 /unpacked/suid\n13:14 600 /unpacked/tool";

fn archive(place: &Path) {
    let mut builder = tar::Builder::new(fs::File::create(place).expect("a file"));
    for (name, mode, uid, gid) in [("suid", 0o4755, 11, 12), ("tool", 0o600, 13, 14)] {
        if name == "tool" {
            let capability = [("SCHILY.xattr.security.capability", NET_RAW.as_slice())];
            builder.append_pax_extensions(capability).expect("an entry");
        }
        let mut header = tar::Header::new_ustar();
        header.set_mode(mode);
        header.set_uid(uid);
        header.set_gid(gid);
        header.set_size(4);
        builder.append_data(&mut header, name, b"echo".as_slice()).expect("an entry");
    }
    builder.finish().expect("an archive");
}

/// A directory with the build's context, which every user can read.
fn context(fixture: &Fixture) -> PathBuf {
    let place = fixture.path("context");
    fs::create_dir(&place).expect("a directory");
    fs::write(place.join("Dockerfile"), DOCKERFILE).expect("a file");
    fs::write(place.join("file"), "text").expect("a file");
    archive(&place.join("files.tar"));
    for (name, mode) in [("", 0o755), ("Dockerfile", 0o644), ("file", 0o644), ("files.tar", 0o644)] {
        fs::set_permissions(place.join(name), fs::Permissions::from_mode(mode)).expect("the mode is set");
    }
    place
}

#[track_caller]
fn succeed(fixture: &Fixture, arguments: &[&str]) -> (String, String) {
    let mut command = fixture.command();
    let output = command.args(arguments).env("SOURCE_DATE_EPOCH", "1000000000").output().expect("it starts");
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{arguments:?}: {stderr}");
    (String::from_utf8(output.stdout).expect("text").trim_end().to_owned(), stderr)
}

/// Builds both stages from an image that root has made; returns the diff-ids.
fn built(fixture: &Fixture, base: &Path) -> (String, String) {
    succeed(fixture, &["load", "-q", "-i", base.to_str().expect("text")]);
    let context = context(fixture);
    let (_, stderr) =
        succeed(fixture, &["build", "--progress", "plain", "-t", "built", context.to_str().expect("text")]);
    let layers = succeed(fixture, &["image", "inspect", "--format", "{{json .RootFS.Layers}}", "built"]).0;
    (layers, stderr)
}

fn listed(fixture: &Fixture, image: &str) -> String {
    let script = "find /data | sort | xargs stat -c '%u:%g %a %n'; \
                  stat -c '%u:%g %a %n' /chowned /unpacked /unpacked/suid /unpacked/tool";
    succeed(fixture, &["run", "--rm", image, "sh", "-c", script]).0
}

/// The image `base`, saved by root's engine: busybox with a file of user 42 that has a set-group-ID bit.
fn base(root: &Fixture) -> tempfile::TempPath {
    succeed(root, &["image", "seed"]);
    succeed(
        root,
        &["run", "--name", "base", "busybox", "sh", "-c", "echo > /of42; chown 42:43 /of42; chmod 2755 /of42"],
    );
    succeed(root, &["commit", "-c", "CMD [\"sh\"]", "base", "base"]);
    succeed(root, &["rm", "base"]);
    let place = tempfile::NamedTempFile::new().expect("a file").into_temp_path();
    succeed(root, &["save", "-o", place.to_str().expect("text"), "base"]);
    fs::set_permissions(&place, fs::Permissions::from_mode(0o644)).expect("the mode is set");
    place
}

/// All files below a directory on the host, as root sees them.
fn files(directory: &Path, found: &mut Vec<(PathBuf, fs::Metadata)>) {
    for entry in fs::read_dir(directory).expect("a directory").flatten() {
        let metadata = fs::symlink_metadata(entry.path()).expect("a file");
        let is_directory = metadata.is_dir();
        found.push((entry.path(), metadata));
        if is_directory {
            files(&entry.path(), found);
        }
    }
}

fn entries(place: &Path) -> usize {
    fs::read_dir(place).map_or(0, Iterator::count)
}

#[test]
fn rootless_builds_make_the_layers_of_root() {
    let Some(root) = Fixture::root() else { return };
    let base = base(&root);
    let (expected, _) = built(&root, &base);
    assert_eq!(listed(&root, "built"), EXPECTED);
    drop(root);

    let Some(user) = Fixture::user_with_ids() else { return };
    let (layers, stderr) = built(&user, &base);
    assert_eq!(listed(&user, "built"), EXPECTED);
    assert_eq!(layers, expected, "{stderr}");
    assert!(!stderr.contains("warning"), "{stderr}");
    assert_eq!(succeed(&user, &["run", "--rm", "base", "stat", "-c", "%u:%g %a", "/of42"]).0, "42:43 2755");
    assert_eq!(entries(&user.store().join("build-cache/mounts")), 4, "two caches, each with its record");
    let run = ["run", "--rm", "-u", "1000", "built", "sh", "-c", "cat /data/closed; ls /data/private"];
    assert_eq!(succeed(&user, &run).0, "secret\nmore");

    // On the host they belong to the subordinate ids, and no other user can reach a set-user-ID program.
    let mut found = Vec::new();
    files(&user.store(), &mut found);
    let tool = found.iter().find(|(path, _)| path.ends_with("data/tool")).expect("the file");
    assert_eq!((tool.1.uid(), tool.1.gid()), (ALLOCATED_USERS + 6, ALLOCATED_GROUPS + 7));
    let set_ids = found.iter().filter(|(_, metadata)| metadata.is_file() && metadata.mode() & 0o6000 != 0).count();
    assert!(set_ids > 3, "{set_ids}");
    let store = fs::symlink_metadata(user.store()).expect("the store");
    assert_eq!((store.mode() & 0o777, store.uid()), (0o700, ORDINARY_USER));

    // Everything else still works on such a store, and removal leaves nothing.
    assert_eq!(succeed(&user, &["system", "check"]).0, "The store is intact.");
    lchown(&tool.0, Some(ORDINARY_USER), Some(ORDINARY_USER)).expect("the file");
    let damaged = user.command().args(["system", "check", "--repair"]).output().expect("the command starts");
    let damaged = String::from_utf8_lossy(&damaged.stdout).into_owned();
    assert!(damaged.contains("/data/tool has another"), "{damaged}");
    assert_eq!(succeed(&user, &["system", "check"]).0, "The store is intact.");
    assert_eq!(listed(&user, "built"), EXPECTED);
    succeed(&user, &["run", "--name", "one", "-u", "1000", "built", "sh", "-c", "echo 1 > /data/private/new"]);
    assert_eq!(succeed(&user, &["diff", "one"]).0, "C /data\nC /data/private\nA /data/private/new");
    succeed(&user, &["commit", "one", "committed"]);
    let look = ["run", "--rm", "committed", "stat", "-c", "%u:%g %a %n", "/data/private/new", "/data/closed"];
    assert_eq!(succeed(&user, &look).0, "1000:0 644 /data/private/new\n1000:0 600 /data/closed");
    succeed(&user, &["export", "-o", user.path("home/out.tar").to_str().expect("text"), "one"]);
    succeed(&user, &["rm", "one"]);
    succeed(&user, &["rmi", "committed", "built", "base"]);
    succeed(&user, &["system", "prune", "-a", "-f"]);
    assert_eq!(entries(&user.store().join("build-cache/mounts")), 0);
    for name in ["layers", "containers", "staging"] {
        assert_eq!(entries(&user.store().join(name)), 0, "{name}");
    }
}

/// Without subordinate ids every file belongs to root of the container. Each step that loses owners prints one
/// warning. A set-user-ID program must not run as root instead of its owner, so it loses the bit. The archive of the
/// layer, which other machines get, keeps the owners.
#[test]
fn owners_that_cannot_be_kept_are_counted() {
    const COPY: &str = "FROM base\nCOPY --chown=1000:50 --chmod=4755 file other /copied/\nRUN true\n";
    let Some(root) = Fixture::root() else { return };
    let base = base(&root);
    let build = |fixture: &Fixture| {
        succeed(fixture, &["load", "-q", "-i", base.to_str().expect("text")]);
        let context = context(fixture);
        fs::write(context.join("Dockerfile"), COPY).expect("a file");
        fs::copy(context.join("file"), context.join("other")).expect("a file");
        let (_, stderr) = succeed(fixture, &["build", "-q", "-t", "built", context.to_str().expect("text")]);
        (succeed(fixture, &["image", "inspect", "--format", "{{json .RootFS.Layers}}", "built"]).0, stderr)
    };
    let stat = |fixture: &Fixture| {
        succeed(fixture, &["run", "--rm", "built", "stat", "-c", "%u:%g %a", "/of42", "/copied/file"]).0
    };
    let (expected, stderr) = build(&root);
    assert_eq!((stat(&root).as_str(), stderr.as_str()), ("42:43 2755\n1000:50 4755", ""));
    drop(root);

    let Some(mut user) = Fixture::user() else { return };
    ["/etc/subuid", "/etc/subgid"].iter().for_each(|file| user.put(file, "", 0o644));
    let (_, stderr) = succeed(&user, &["load", "-q", "-i", base.to_str().expect("text")]);
    let why = "; `sudo usermod --add-subuids 100000-165535";
    assert!(
        stderr.contains("warning: 1 file belongs to root instead of its owner: ") && stderr.contains(why),
        "{stderr}"
    );
    let (layers, stderr) = build(&user);
    // --chown applies to the directory too.
    let warning = "COPY --chown=1000:50 --chmod=4755 file other /copied/: 3 files belong to root";
    assert_eq!((stderr.matches("warning").count(), stderr.contains(warning)), (1, true), "{stderr}");
    assert_eq!(stat(&user), "0:0 755\n0:0 755");
    assert_eq!(layers, expected);
}
