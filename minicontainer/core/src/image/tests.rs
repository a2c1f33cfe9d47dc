use oci_spec::image::ConfigBuilder;

use super::*;

fn strings(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|text| (*text).to_owned()).collect()
}

fn image(config: ConfigBuilder) -> ImageConfiguration {
    let mut image = ImageConfiguration::default();
    image.set_config(Some(config.build().unwrap()));
    image
}

/// The image's entrypoint and command, the user's, and what runs.
#[track_caller]
fn check(of_image: [&[&str]; 2], entrypoint: Option<&[&str]>, command: &[&str], expect: Result<&[&str], ImageError>) {
    let image = image(ConfigBuilder::default().entrypoint(strings(of_image[0])).cmd(strings(of_image[1])));
    let options =
        RunOptions { entrypoint: entrypoint.map(strings), command: strings(command), ..RunOptions::default() };
    assert_eq!(settle(&options, &image).map(|settings| settings.args), expect.map(strings));
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
    assert_eq!(settle(&RunOptions::default(), &ImageConfiguration::default()), Err(ImageError::NoCommand));
}

fn options(env: &[&str]) -> RunOptions {
    let env = env.iter().map(|variable| variable.parse().unwrap()).collect();
    RunOptions { command: strings(&["sh"]), env, ..RunOptions::default() }
}

#[test]
fn later_env_entries_override_earlier_ones() {
    let image = image(ConfigBuilder::default().env(strings(&["A=image", "B=image", "A=again"])));
    let settings = settle(&options(&["B=mine", "C=mine", "C=last"]), &image).unwrap();
    assert_eq!(settings.env, [&format!("PATH={DEFAULT_PATH}"), "A=again", "B=mine", "C=last"]);

    let none = ImageConfiguration::default();
    assert_eq!(settle(&options(&["PATH=/bin"]), &none).unwrap().env, ["PATH=/bin"]);
}

#[test]
fn user_env_overrides_default_home() {
    let none = ImageConfiguration::default();
    let settings = settle(&options(&["HOME=/mine", "HOMES=x"]), &none).unwrap();
    let env = settings.env_of("web", "/root", false);
    assert_eq!(env[1..], strings(&["HOME=/mine", "HOMES=x", "HOSTNAME=web"]));
    let settings = settle(&options(&[]), &none).unwrap();
    assert_eq!(settings.env_of("web", "/root", false)[1..], strings(&["HOSTNAME=web", "HOME=/root"]));
}

#[test]
fn workdir_and_user_fall_back_to_image_then_root() {
    let image = image(ConfigBuilder::default().working_dir("/srv").user("33:33"));
    let settings = settle(&options(&[]), &image).unwrap();
    assert_eq!((settings.workdir.as_str(), settings.user.to_string().as_str()), ("/srv", "33:33"));

    let mine = RunOptions { workdir: Some("/mine".into()), user: Some("ada".parse().unwrap()), ..options(&[]) };
    let settings = settle(&mine, &image).unwrap();
    assert_eq!((settings.workdir.as_str(), settings.user.to_string().as_str()), ("/mine", "ada"));

    let empty = self::image(ConfigBuilder::default().working_dir("").user(""));
    let settings = settle(&options(&[]), &empty).unwrap();
    assert_eq!((settings.workdir.as_str(), settings.user), ("/", UserSpec::default()));
}

/// Among them rows E43 and E63 of the hostile corpus.
#[test]
fn invalid_image_configs_are_rejected() {
    let config = ConfigBuilder::default;
    let images = [
        config().env(strings(&["FOO"])),
        config().env(strings(&["*"])),
        config().env(strings(&["=x"])),
        config().env(strings(&[""])),
        config().env(strings(&["A=b\0c"])),
        config().env(strings(&["LD_PRELOAD\nX"])),
        config().working_dir("srv"),
        config().working_dir("/a\0b"),
        config().user("4294967296"),
        config().user("0x0"),
        config().user("0 "),
        config().entrypoint(strings(&["a\0b"])),
    ];
    let mut table: Vec<String> = images.map(|config| refusal(&options(&[]), &image(config))).to_vec();
    let none = ImageConfiguration::default();
    table.push(refusal(&RunOptions { workdir: Some("mine".into()), ..options(&[]) }, &none));
    table.push(refusal(&RunOptions { command: strings(&["echo", "a\0b"]), ..options(&[]) }, &none));
    table.push(refusal(&RunOptions::default(), &none));
    insta::assert_snapshot!(table.join("\n"));
}

fn refusal(options: &RunOptions, image: &ImageConfiguration) -> String {
    let error = settle(options, image).unwrap_err();
    let cause = std::error::Error::source(&error).map(|cause| format!(": {cause}")).unwrap_or_default();
    format!("{error}{cause}")
}
