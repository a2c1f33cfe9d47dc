use super::*;

fn strings(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|text| (*text).to_owned()).collect()
}

/// The image's entrypoint and command, the user's, and what runs.
#[track_caller]
fn check(of_image: [&[&str]; 2], entrypoint: Option<&[&str]>, command: &[&str], expect: Result<&[&str], ImageError>) {
    let [entrypoint_of_image, cmd] = of_image.map(strings);
    let image = Config { entrypoint: entrypoint_of_image, cmd, ..Config::default() };
    let options =
        RunOptions { entrypoint: entrypoint.map(strings), command: strings(command), ..RunOptions::default() };
    assert_eq!(resolve_process(&options, &image).map(|settings| settings.args), expect.map(strings));
}

#[test]
fn entrypoint_and_cmd_combine_as_in_docker() {
    let both: [&[&str]; 2] = [&["entry"], &["cmd", "-x"]];
    check(both, None, &[], Ok(&["entry", "cmd", "-x"]));
    check(both, None, &["mine"], Ok(&["entry", "mine"]));
    check(both, Some(&["other"]), &[], Ok(&["other"]));
    check(both, Some(&["other"]), &["mine"], Ok(&["other", "mine"]));
    check([&[], &["cmd"]], None, &[], Ok(&["cmd"]));
    check([&["entry"], &[]], None, &[], Ok(&["entry"]));
    check([&[], &["cmd"]], None, &["mine"], Ok(&["mine"]));
}

#[test]
fn empty_entrypoint_clears_image_entrypoint() {
    let both: [&[&str]; 2] = [&["entry"], &["cmd"]];
    check(both, Some(&[""]), &["mine"], Ok(&["mine"]));
    check(both, Some(&[]), &["mine"], Ok(&["mine"]));
    check(both, Some(&[""]), &[], Err(ImageError::NoCommand));
}

#[test]
fn missing_command_is_an_error() {
    check([&[], &[]], None, &[], Err(ImageError::NoCommand));
    assert_eq!(resolve_process(&RunOptions::default(), &Config::default()), Err(ImageError::NoCommand));
}

fn options(env: &[&str]) -> RunOptions {
    let env = env.iter().map(|variable| variable.parse().unwrap()).collect();
    RunOptions { command: strings(&["sh"]), env, ..RunOptions::default() }
}

#[test]
fn later_env_entries_override_earlier_ones() {
    let image = Config { env: strings(&["A=image", "B=image", "A=again"]), ..Config::default() };
    let settings = resolve_process(&options(&["B=mine", "C=mine", "C=last"]), &image).unwrap();
    assert_eq!(settings.env, [&format!("PATH={DEFAULT_PATH}"), "A=again", "B=mine", "C=last"]);

    let none = Config::default();
    assert_eq!(resolve_process(&options(&["PATH=/bin"]), &none).unwrap().env, ["PATH=/bin"]);
}

#[test]
fn user_env_overrides_default_home() {
    let none = Config::default();
    let settings = resolve_process(&options(&["HOME=/mine", "HOMES=x"]), &none).unwrap();
    let env = settings.env_of("web", "/root", false);
    assert_eq!(env[1..], strings(&["HOME=/mine", "HOMES=x", "HOSTNAME=web"]));
    let settings = resolve_process(&options(&[]), &none).unwrap();
    assert_eq!(settings.env_of("web", "/root", false)[1..], strings(&["HOSTNAME=web", "HOME=/root"]));
}

#[test]
fn workdir_and_user_fall_back_to_image_then_root() {
    let image = Config { working_dir: "/srv".into(), user: "33:33".into(), ..Config::default() };
    let settings = resolve_process(&options(&[]), &image).unwrap();
    assert_eq!((settings.workdir.as_str(), settings.user.to_string().as_str()), ("/srv", "33:33"));

    let mine = RunOptions { workdir: Some("/mine".into()), user: Some("ada".parse().unwrap()), ..options(&[]) };
    let settings = resolve_process(&mine, &image).unwrap();
    assert_eq!((settings.workdir.as_str(), settings.user.to_string().as_str()), ("/mine", "ada"));

    let settings = resolve_process(&options(&[]), &Config::default()).unwrap();
    assert_eq!((settings.workdir.as_str(), settings.user), ("/", UserSpec::default()));
}

/// Includes rows E43 and E63 of the hostile corpus.
#[test]
fn invalid_image_configs_are_rejected() {
    let env = |entry: &str| Config { env: strings(&[entry]), ..Config::default() };
    let workdir = |path: &str| Config { working_dir: path.to_owned(), ..Config::default() };
    let user = |name: &str| Config { user: name.to_owned(), ..Config::default() };
    let images = [
        env("FOO"),
        env("*"),
        env("=x"),
        env(""),
        env("A=b\0c"),
        env("LD_PRELOAD\nX"),
        workdir("srv"),
        workdir("/a\0b"),
        user("4294967296"),
        user("0x0"),
        user("0 "),
        Config { entrypoint: strings(&["a\0b"]), ..Config::default() },
    ];
    let mut table: Vec<String> = images.map(|config| refusal(&options(&[]), &config)).to_vec();
    let none = Config::default();
    table.push(refusal(&RunOptions { workdir: Some("mine".into()), ..options(&[]) }, &none));
    table.push(refusal(&RunOptions { command: strings(&["echo", "a\0b"]), ..options(&[]) }, &none));
    table.push(refusal(&RunOptions::default(), &none));
    insta::assert_snapshot!(table.join("\n"));
}

fn refusal(options: &RunOptions, image: &Config) -> String {
    let error = resolve_process(options, image).unwrap_err();
    let cause = std::error::Error::source(&error).map(|cause| format!(": {cause}")).unwrap_or_default();
    format!("{error}{cause}")
}

#[test]
fn invalid_docker_fields_are_ignored_and_invalid_oci_fields_rejected() {
    let parse = |config: &str| {
        let text = format!(
            r#"{{"architecture":"amd64","os":"linux","config":{config},"rootfs":{{"type":"layers","diff_ids":[]}}}}"#
        );
        serde_json::from_str::<ImageConfig>(&text).map(|image| image.config).map_err(|error| error.to_string())
    };
    for config in [
        r#"{"Healthcheck":{"Test":["CMD","x"],"Interval":-1}}"#,
        r#"{"Healthcheck":"none"}"#,
        r#"{"Shell":7,"OnBuild":{}}"#,
        r#"{"Shell":null,"OnBuild":null,"Healthcheck":null}"#,
        "null",
    ] {
        assert_eq!(parse(config), Ok(Config::default()), "{config}");
    }
    assert_eq!(parse(r#"{"OnBuild":["RUN x"]}"#).map(|config| config.on_build), Ok(vec!["RUN x".to_owned()]));
    parse(r#"{"Cmd":7}"#).expect_err("Cmd is a list");
    parse(r#"{"Volumes":["/"]}"#).expect_err("Volumes is a map");
}
