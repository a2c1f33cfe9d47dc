//! `--change` of `commit` and `import`: instructions that change an image's config without a build.
//!
//! They are parsed and executed by the code for builds, so `ENV`, `EXPOSE` or `WORKDIR` mean the same here and in a
//! Dockerfile. Variables in words are those of the image's `Env`.
//!
//! ```
//! use minicontainer_core::image::ImageConfig;
//! use minicontainer_dockerfile::plan::change;
//!
//! let mut image = ImageConfig::default();
//! change(&mut image, &["ENV PORT=80", "EXPOSE $PORT", "CMD [\"serve\"]"])?;
//! assert_eq!(image.config.env, ["PORT=80"]);
//! assert!(image.config.exposed_ports.contains_key("80/tcp"));
//! assert_eq!(image.config.cmd, ["serve"]);
//! assert!(change(&mut image, &["RUN make"]).is_err());
//! # Ok::<(), minicontainer_dockerfile::plan::ChangeError>(())
//! ```

use minicontainer_core::image::ImageConfig;

use super::{BuildOptions, apply::Stage, scope::Build};
use crate::{error::DockerfileError, keyword::Keyword, parse::parse_one};

/// The instructions that change only how to run an image. Docker's `commit --change` accepts the same.
const KNOWN: [Keyword; 11] = [
    Keyword::Cmd,
    Keyword::Entrypoint,
    Keyword::Env,
    Keyword::Expose,
    Keyword::Healthcheck,
    Keyword::Label,
    Keyword::Onbuild,
    Keyword::Stopsignal,
    Keyword::User,
    Keyword::Volume,
    Keyword::Workdir,
];

/// A change that is not possible.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ChangeError {
    /// An instruction that needs a build, or is not one.
    #[error("{instruction} is not a valid change command: there are {}", known())]
    Unknown {
        /// The first word of the change.
        instruction: String,
    },
    /// An invalid instruction.
    #[error("cannot change the image's config by {change:?}: {reason}")]
    Invalid {
        /// The change.
        change: String,
        /// What is wrong with it.
        reason: String,
    },
}

fn known() -> String {
    KNOWN.map(|keyword| keyword.to_string()).join(", ")
}

/// Applies instructions to an image's config, in order.
///
/// # Errors
/// If one does not change the config, or is invalid. Then the config is unchanged.
pub fn change(image: &mut ImageConfig, changes: &[impl AsRef<str>]) -> Result<(), ChangeError> {
    let options = BuildOptions::default();
    let mut build = Build::new(&options, '\\', "");
    let mut stage = Stage::of_config(image.clone());
    for change in changes.iter().map(|change| change.as_ref().trim()) {
        let instruction = change.split_whitespace().next().unwrap_or_default().to_uppercase();
        if !KNOWN.iter().any(|keyword| keyword.name() == instruction) {
            return Err(ChangeError::Unknown { instruction });
        }
        let invalid = |reason| ChangeError::Invalid { change: change.to_owned(), reason };
        let invalid_kind = |error: DockerfileError| invalid(error.kind.to_string());
        let instruction = parse_one(change).map_err(invalid)?;
        stage.configure_only(&instruction.kind, &mut build).map_err(invalid_kind)?;
    }
    *image = stage.image;
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    #[track_caller]
    fn check(changes: &[&str], expect: Value) {
        let mut image = ImageConfig::default();
        change(&mut image, changes).unwrap();
        assert_eq!(serde_json::to_value(&image.config).unwrap(), expect);
    }

    #[test]
    fn instructions_change_the_config() {
        check(
            &["CMD [\"a\", \"b c\"]", "entrypoint run it"],
            json!({"Cmd": ["a", "b c"], "Entrypoint": ["/bin/sh", "-c", "run it"]}),
        );
        check(
            &["ENV A=1 B='2 3'", "ENV A=\"x\\\"y\"", "ENV OLD form of it", "ENV C=$B"],
            json!({"Env": ["A=x\"y", "B=2 3", "OLD=form of it", "C=2 3"]}),
        );
        check(&["LABEL a=b", "LABEL c=\"d e\""], json!({"Labels": {"a": "b", "c": "d e"}}));
        check(&["EXPOSE 80 53/udp"], json!({"ExposedPorts": {"80/tcp": {}, "53/udp": {}}}));
        check(&["VOLUME [\"/a b\"]", "VOLUME /c /d"], json!({"Volumes": {"/a b": {}, "/c": {}, "/d": {}}}));
        check(&["WORKDIR /a", "WORKDIR b", "USER 5:6"], json!({"WorkingDir": "/a/b", "User": "5:6"}));
        check(&["ONBUILD RUN true", "STOPSIGNAL SIGINT"], json!({"OnBuild": ["RUN true"], "StopSignal": "SIGINT"}));
        check(&["HEALTHCHECK CMD true"], json!({"Healthcheck": {"Test": ["CMD-SHELL", "true"]}}));
    }

    #[test]
    fn new_entrypoint_clears_the_old_command() {
        let mut image = ImageConfig::default();
        change(&mut image, &["CMD old"]).unwrap();
        change(&mut image, &["ENTRYPOINT [\"new\"]"]).unwrap();
        assert!(image.config.cmd.is_empty());
    }

    #[track_caller]
    fn check_refused(text: &str, expect: &str) {
        let mut image = ImageConfig::default();
        let error = change(&mut image, &["ENV A=1", text]).unwrap_err();
        assert!(error.to_string().starts_with(expect), "{error}");
        assert_eq!(image, ImageConfig::default(), "nothing is changed if one change is refused");
    }

    #[test]
    fn invalid_changes_are_rejected() {
        check_refused(
            "RUN true",
            "RUN is not a valid change command: there are CMD, ENTRYPOINT, ENV, EXPOSE, HEALTHCHECK,",
        );
        check_refused("", " is not a valid change command: there are CMD");
        check_refused("USER", "cannot change the image's config by \"USER\": ");
        check_refused("ENV A", "cannot change the image's config by \"ENV A\": ");
        check_refused("LABEL =b", "cannot change the image's config by \"LABEL =b\": ");
        check_refused("ENV A='b", "cannot change the image's config by \"ENV A='b\": ");
    }
}
