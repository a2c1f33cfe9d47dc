//! Records of this version, of the one before, of a later one, and damaged ones.

use minicontainer::core::{
    container::StartFailure,
    options::{ByteSize, Isolation, Network, Weakening},
};

use super::*;

const WEAK: &str = include_str!("../testdata/version1-weak.json");
const WEAK_CONFIG: &str = include_str!("../testdata/version1-weak-config.json");
const RUNNING: &str = include_str!("../testdata/version1-running.json");
const MISSING: &str = include_str!("../testdata/version1-missing.json");

impl TestEnv {
    /// A container of an older or newer engine: these documents, under the id of the record.
    fn put(&self, id: &str, record: &str) -> PathBuf {
        let place = self.containers.directory.join(id);
        fs::create_dir_all(&place).unwrap();
        fs::write(place.join("state.json"), record).unwrap();
        fs::write(place.join("config.json"), WEAK_CONFIG).unwrap();
        place
    }
}

fn id_of_record(record: &str) -> String {
    let record: serde_json::Value = serde_json::from_str(record).unwrap();
    record["id"].as_str().unwrap().to_owned()
}

#[test]
fn record_is_plain_json() {
    let env = test_env();
    let id: Id = "0123456789abcdef".repeat(4).parse().unwrap();
    let mut request = env.named("web");
    request.config.options.limits.memory = ByteSize::new(64 << 20);
    let mut supervisor = env.containers.create(&id, request).unwrap();
    supervisor.failed(127, "no such program".to_owned()).unwrap();
    let record: serde_json::Value =
        serde_json::from_slice(&fs::read(state_file(&supervisor.place())).unwrap()).unwrap();
    insta::assert_json_snapshot!(record, { ".created" => "[time]" });
}

#[test]
fn config_round_trips_through_record() {
    let env = test_env();
    let mut request = env.named("web");
    request.config.options.without.insert(Isolation::Pid);
    request.config.options.env.push("A=b".parse().unwrap());
    drop(env.create(request.clone()));
    assert_eq!(env.containers.find("web").unwrap().config, request.config);
}

#[test]
fn version_1_records_are_read() {
    let env = test_env();
    for record in [WEAK, RUNNING, MISSING] {
        env.put(&id_of_record(record), record);
    }
    let weak = env.containers.find("weak").unwrap();
    let options = &weak.config.options;
    assert_eq!((weak.state.docker_status(), weak.state.exit_code()), ("exited", Some(3)));
    assert_eq!(weak.created.to_string(), "2026-11-30T15:55:41.893271213Z");
    assert_eq!((weak.config.after_exit, options.network), (AfterExit::Keep, Network::Host));
    assert_eq!(options.limits.memory.unwrap().to_string(), "64MiB");
    assert_eq!(options.limits.cpus.unwrap().to_string(), "0.5");
    assert_eq!(options.limits.pids.unwrap().to_string(), "32");
    assert_eq!(options.mounts.iter().map(|mount| mount.target()).collect::<Vec<_>>(), ["/note"]);
    // All weakening flags, in their recorded order.
    let recorded: serde_json::Value = serde_json::from_str(WEAK).unwrap();
    let flags: Vec<String> = options.weakenings().iter().map(Weakening::flag).collect();
    assert_eq!(serde_json::json!(flags), recorded["weakened"]);

    let missing = env.containers.find("missing").unwrap().state;
    let message = "command not found in the container: step 76 of the plan failed (execute): execve no-such: ENOENT: No \
                   such file or directory";
    let failure = StartFailure { code: 127, message: message.to_owned() };
    assert_eq!(missing, State::Created { failure: Some(failure) });

    // Its engine and its process are gone.
    let running = env.containers.find("run").unwrap();
    assert_eq!((running.state.docker_status(), running.state.exit_code()), ("exited", None));
    assert_eq!(running.config.after_exit, AfterExit::Remove);
}

#[test]
fn version_1_container_keeps_its_name_and_is_removable() {
    let env = test_env();
    env.put(&id_of_record(WEAK), WEAK);
    let taken = env.containers.create(&Id::random().unwrap(), env.named("weak")).unwrap_err();
    assert!(matches!(&taken, ContainerError::NameTaken { holder, .. } if holder.as_str() == id_of_record(WEAK)));
    assert_eq!(env.containers.remove("weak", Force::Refuse).unwrap().as_str(), id_of_record(WEAK));
    assert_eq!((env.entries(), env.reserved().len()), (0, 0));
    env.create(env.named("weak"));
}

#[test]
fn newer_record_is_refused_by_version() {
    let env = test_env();
    let id = "12".repeat(32);
    let place = env.put(&id, r#"{"version": 3, "name": {"of": "another shape"}}"#);
    drop(env.create(env.named("web")));
    assert_eq!(env.names(), ["web"], "the other container is still listed");
    let error = env.containers.find(&id).unwrap_err();
    assert_eq!(
        error.to_string(),
        "cannot read the record of container 121212121212: state.json is of version 3; this minicontainer reads versions 1 \
         to 2"
    );
    assert!(error.hint().unwrap().contains("`minicontainer rm 121212121212` removes the container"));
    assert_eq!(env.containers.damaged().unwrap().len(), 1);
    env.containers.sweep().unwrap();
    assert!(place.exists(), "it is kept until it is removed explicitly");
    env.containers.remove("1212", Force::Refuse).unwrap();
    assert!(!place.exists());
}

#[test]
fn unknown_fields_do_not_hide_a_container() {
    let env = test_env();
    let supervisor = env.create(env.named("web"));
    let file = state_file(&supervisor.place());
    drop(supervisor);
    let mut record: serde_json::Value = serde_json::from_slice(&fs::read(&file).unwrap()).unwrap();
    for object in ["", "/config", "/config/options", "/state"] {
        let object = record.pointer_mut(object).unwrap();
        match object {
            serde_json::Value::Object(fields) => drop(fields.insert("ofTheFuture".to_owned(), 1.into())),
            other => panic!("{other}"),
        }
    }
    fs::write(&file, record.to_string()).unwrap();
    assert_eq!(env.containers.find("web").unwrap().state, State::created());
}

#[test]
fn damaged_record_is_reported_and_affects_no_other() {
    let env = test_env();
    let supervisor = env.create(env.named("web"));
    let other = env.create(env.named("other"));
    let (id, file) = (supervisor.container().id.clone(), state_file(&supervisor.place()));
    let whole = fs::read(&file).unwrap();
    // A truncated record is damaged, and an empty one is what a power failure leaves.
    for length in (1..whole.len() - 1).step_by(29) {
        fs::write(&file, &whole[..length]).unwrap();
        assert!(env.containers.find(id.short()).is_err_and(|error| error.is_of_record()), "{length}");
    }
    fs::write(&file, "{").unwrap();
    assert_eq!(env.names(), ["other"]);
    assert_eq!(env.containers.find("other").unwrap().id, other.container().id);
    for name in [id.short(), "web"] {
        let error = env.containers.find(name).unwrap_err();
        let message = error.to_string().replace(&env.directory.path().display().to_string(), "DIRECTORY");
        assert_eq!(
            message,
            format!(
                "cannot read the record DIRECTORY/store/containers/{id}/state.json: not a valid record of a container"
            )
        );
        assert!(error.hint().unwrap().contains(&format!("minicontainer rm {}", id.short())));
    }
    let damaged = env.containers.damaged().unwrap();
    assert_eq!(damaged.iter().map(|(id, _)| id).collect::<Vec<_>>(), [&id]);
    // Its engine is alive, so only force removes it.
    env.containers.remove(id.short(), Force::Refuse).unwrap_err();
    drop(supervisor);
    env.containers.sweep().unwrap();
    assert!(file.exists(), "it is kept until it is removed explicitly");
    assert_eq!(env.containers.remove(id.short(), Force::Refuse).unwrap(), id);
    assert_eq!((env.names(), env.reserved()), (vec!["other".to_owned()], vec!["other".to_owned()]));
    assert_eq!(env.entries(), 1);
}

/// A record that would block the engine or fill its memory is damaged, and no other container is affected.
#[test]
fn record_must_be_a_small_regular_file() {
    let env = test_env();
    let [fifo, large] = ["fifo", "large"].map(|name| env.create(env.named(name)));
    drop(env.create(env.named("whole")));
    let (fifo_file, large_file) = (state_file(&fifo.place()), state_file(&large.place()));
    fs::remove_file(&fifo_file).unwrap();
    nix::unistd::mkfifo(&fifo_file, nix::sys::stat::Mode::S_IRUSR).unwrap();
    fs::File::options().write(true).open(&large_file).unwrap().set_len(1 << 30).unwrap();
    drop((fifo, large));
    assert_eq!(env.names(), ["whole"]);
    let damaged = env.containers.damaged().unwrap();
    assert_eq!(damaged.len(), 2, "{damaged:?}");
    for (id, _) in damaged {
        env.containers.remove(id.as_str(), Force::Refuse).unwrap();
    }
}
