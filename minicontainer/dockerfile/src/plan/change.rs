//! `--change` of `commit` and `import`: instructions that change an image's config without a build.
//!
//! They are parsed and executed by the code for builds, so `ENV`, `EXPOSE` or `CMD` mean the same here and in a
//! Dockerfile. As in moby (`BuildFromConfig` in its `builder/dockerfile/builder.go`), they start from an empty
//! config, which is then completed by the container's. So variables come only from `ENV` instructions among the
//! changes, a relative `WORKDIR` is below `/`, and a new `ENTRYPOINT` removes the command. A change may contain
//! several lines.
//!
//! ```
//! use minicontainer_core::image::Config;
//! use minicontainer_dockerfile::plan::changed;
//!
//! let container = Config { env: vec!["A=1".into()], ..Config::default() };
//! let config = changed(&container, &["ENV PORT=80", "EXPOSE $PORT", "CMD [\"serve\"]"])?;
//! assert_eq!(config.env, ["PORT=80", "A=1"]);
//! assert!(config.exposed_ports.contains_key("80/tcp"));
//! assert_eq!(config.cmd, ["serve"]);
//! assert!(changed(&container, &["RUN make"]).is_err());
//! # Ok::<(), minicontainer_dockerfile::plan::ChangeError>(())
//! ```

use minicontainer_core::image::{Config, Entrypoint, ImageConfig};

use super::{BuildOptions, apply::Stage, scope::Build};
use crate::{error::DockerfileError, instruction::Kind, keyword::Keyword, parse::parse_some};

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
#[derive(Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ChangeError {
    /// An instruction that needs a build, or a text that is not an instruction.
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

minicontainer_core::plain_diagnostic!(ChangeError: InvalidInput);

fn known() -> String {
    KNOWN.map(|keyword| keyword.to_string()).join(", ")
}

/// Why a change was not parsed.
enum Failure {
    Unknown(ChangeError),
    Invalid(DockerfileError),
}

impl From<DockerfileError> for Failure {
    fn from(error: DockerfileError) -> Failure {
        Failure::Invalid(error)
    }
}

/// Applies instructions in order, and completes the result by the config of a container.
///
/// # Errors
/// If one does not change the config, or is invalid.
pub fn changed(container: &Config, changes: &[impl AsRef<str>]) -> Result<Config, ChangeError> {
    let options = BuildOptions::default();
    let mut build = Build::new(&options, '\\', "");
    let mut stage = Stage::of_config(ImageConfig::default());
    let mut entrypoint = Entrypoint::Inherited;
    for change in changes.iter().map(AsRef::as_ref) {
        let invalid = |error: DockerfileError| ChangeError::Invalid {
            change: change.trim().to_owned(),
            reason: error.kind.to_string(),
        };
        let instructions = parse_some(change, accepts).map_err(|failure| match failure {
            Failure::Unknown(error) => error,
            Failure::Invalid(error) => invalid(error),
        })?;
        for instruction in &instructions {
            if matches!(instruction.kind, Kind::Entrypoint(_)) {
                entrypoint = Entrypoint::Set;
            }
            stage.configure_only(&instruction.kind, &mut build).map_err(invalid)?;
        }
    }
    Ok(stage.image.config.completed_by(container, entrypoint))
}

fn accepts(word: &str) -> Result<(), Failure> {
    match Keyword::find(word) {
        Some(keyword) if KNOWN.contains(&keyword) => Ok(()),
        _ => Err(Failure::Unknown(ChangeError::Unknown { instruction: word.to_owned() })),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    #[track_caller]
    fn check(changes: &[&str], expect: Value) {
        let config = changed(&Config::default(), changes).unwrap();
        assert_eq!(serde_json::to_value(&config).unwrap(), expect);
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

    /// moby applies the changes to an empty config and then merges the container's: `Commit` in `daemon/commit.go`.
    #[test]
    fn changes_do_not_see_the_container() {
        let container: Config = serde_json::from_value(json!({
            "Env": ["A=1", "B=2"], "Entrypoint": ["entry"], "Cmd": ["cmd"], "WorkingDir": "/srv", "Shell": ["/bin/bash"]
        }))
        .unwrap();
        let check = |changes: &[&str], expect: Value| {
            let config = changed(&container, changes).unwrap();
            let shown = json!([config.env, config.entrypoint, config.cmd, config.working_dir]);
            assert_eq!(shown, expect, "{changes:?}");
        };
        check(&[], json!([["A=1", "B=2"], ["entry"], ["cmd"], "/srv"]));
        check(&["ENV B=3 C=$A"], json!([["B=3", "C=", "A=1"], ["entry"], ["cmd"], "/srv"]));
        check(&["WORKDIR app"], json!([["A=1", "B=2"], ["entry"], ["cmd"], "/app"]));
        check(&["ENTRYPOINT [\"new\"]"], json!([["A=1", "B=2"], ["new"], [], "/srv"]));
        check(&["ENTRYPOINT []"], json!([["A=1", "B=2"], [], ["cmd"], "/srv"]));
        check(&["CMD run it"], json!([["A=1", "B=2"], ["entry"], ["/bin/sh", "-c", "run it"], "/srv"]));
        check(&["CMD [\"a\"]\n# comment\nENTRYPOINT [\"b\"]\n"], json!([["A=1", "B=2"], ["b"], ["a"], "/srv"]));
        check(&[""], json!([["A=1", "B=2"], ["entry"], ["cmd"], "/srv"]));
    }

    #[track_caller]
    fn check_refused(text: &str, expect: &str) {
        let error = changed(&Config::default(), &["ENV A=1", text]).unwrap_err();
        assert!(error.to_string().starts_with(expect), "{error}");
    }

    #[test]
    fn invalid_changes_are_rejected() {
        for instruction in ["ADD a b", "ARG a", "COPY a b", "FROM a", "MAINTAINER me", "RUN true", "SHELL [\"a\"]"] {
            let word = instruction.split_whitespace().next().unwrap();
            check_refused(instruction, &format!("{word} is not a valid change command: there are CMD, ENTRYPOINT, "));
        }
        check_refused("ENV B=2\nnothing", "nothing is not a valid change command: there are CMD");
        check_refused("USER", "cannot change the image's config by \"USER\": ");
        check_refused("ENV A", "cannot change the image's config by \"ENV A\": ");
        check_refused("LABEL =b", "cannot change the image's config by \"LABEL =b\": ");
        check_refused("ENV A='b", "cannot change the image's config by \"ENV A='b\": ");
    }
}
