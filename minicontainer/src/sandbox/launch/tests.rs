//! What a launch plans, and that a stored launch makes the same plan again.

use std::fs;

use minicontainer_core::options::{Access, StorageLimit};
use minicontainer_core::plan::{PlanError, Step};

use super::*;

fn options() -> RunOptions {
    RunOptions::with(|options| options.command = vec!["sh".to_owned()])
}

/// A container of one empty layer.
fn place(directory: &Path, lifetime: Lifetime) -> RootLocation {
    let layer = directory.join("layer");
    if !layer.exists() {
        fs::create_dir(&layer).expect("a layer");
    }
    let container = directory.join("container");
    RootLocation {
        layers: vec![layer],
        directory: container,
        init_layers: None,
        driver: Some(Driver::Copy),
        lifetime,
    }
}

fn launch(options: &RunOptions, place: RootLocation) -> Result<Launch, Error> {
    Launch::from_options(options, &Default::default(), "4f3c", place, LaunchSettings::default())
}

#[test]
fn stored_launch_has_the_same_plan() {
    let directory = tempfile::tempdir().expect("a directory");
    let place = || place(directory.path(), Lifetime::Kept);
    let first = launch(&options(), place()).expect("a launch");
    let text = serde_json::to_string(first.spec()).expect("a runtime config");
    let spec = serde_json::from_str(&text).expect("the same document");
    let again = Launch::from_stored(spec, place(), LaunchSettings::default()).expect("a launch");
    assert_eq!((again.plan(), again.driver()), (first.plan(), Some(Driver::Copy)));
    assert!(!directory.path().join("container").exists(), "nothing is made");
}

#[test]
fn settings_reach_the_plan_and_watched_limits() {
    let directory = tempfile::tempdir().expect("a directory");
    let mut asked = options();
    asked.limits.cpu_time = Some(std::time::Duration::from_secs(7));
    let settings = LaunchSettings::with(|settings| {
        settings.ends_with_caller = true;
        settings.output_limit = Some(5);
    });
    let place = place(directory.path(), Lifetime::Run);
    let launch = Launch::from_options(&asked, &Default::default(), "4f3c", place, settings);
    let launch = launch.expect("a launch");
    assert!(launch.plan().steps.contains(&Step::EndWithEngine));
    let limits = launch.settings.watched_limits();
    assert_eq!((limits.cpu_time, limits.output), (asked.limits.cpu_time, Some(5)));
}

#[test]
fn requested_layer_limit_is_applied_or_refused() {
    let directory = tempfile::tempdir().expect("a directory");
    let mut limited = options();
    limited.storage = StorageLimit::of_bytes(1 << 20);
    let refused = launch(&limited, place(directory.path(), Lifetime::Volatile)).expect_err("a copy has no layer");
    assert!(matches!(refused, Error::Plan(PlanError::LayerLimitNeedsOverlay)), "{refused}");
}

#[test]
fn bundle_without_cgroup_path_gets_one() {
    let directory = tempfile::tempdir().expect("a directory");
    let from = |path: &Path| Launch::from_bundle(path, LaunchSettings::default());
    let missing = from(directory.path()).expect_err("no config.json");
    assert!(matches!(missing, Error::Read { .. }), "{missing}");
    fs::create_dir(directory.path().join("rootfs")).expect("a directory");
    let place = place(directory.path(), Lifetime::Run);
    let mut options = options();
    options.root = Access::ReadOnly;
    let mut spec = launch(&options, place).expect("a launch").spec().clone();
    spec.linux_mut().as_mut().expect("linux").set_cgroups_path(None);
    fs::write(directory.path().join("config.json"), serde_json::to_string(&spec).expect("text")).expect("a file");
    let launch = from(directory.path()).expect("a launch");
    assert_eq!(launch.driver(), None);
    let linux = launch.spec().linux().as_ref().expect("linux");
    assert!(linux.cgroups_path().as_ref().is_some_and(|path| path.to_string_lossy().contains("minicontainer-")));
}
