//! The arguments of `RUN`.

use super::{Arguments, arguments, copy::is_file_name};
use crate::{
    error::{DockerfileError, DockerfileErrorKind},
    instruction::{Command, Heredoc, Network, Run},
    keyword::Keyword,
    mount::{self, Mount},
};

pub(super) fn run(given: Arguments) -> Result<Run, DockerfileError> {
    let Arguments { flags, rest, heredocs, .. } = given;
    let command = arguments::command(rest)?;
    if matches!(&command, Command::Exec(words) if words.is_empty()) {
        return Err(DockerfileErrorKind::AtLeastOneArgument { keyword: Keyword::Run }.at(rest.span()));
    }
    // A script with an interpreter line (`#!`) is written to a file named after the here-document.
    let is_file = |first: &&Heredoc| first.name.span == rest.span() && first.text().starts_with("#!");
    if let Some(wrong) = heredocs.first().filter(is_file).filter(|first| !is_file_name(&first.name.text)) {
        return Err(DockerfileErrorKind::HeredocName { given: wrong.name.text.clone() }.at(wrong.name.span));
    }
    let network = match flags.one("network") {
        None => None,
        Some(word) => Some(match word.text.as_str() {
            "default" => Network::Default,
            "none" => Network::None,
            "host" => Network::Host,
            _ => {
                let kind = DockerfileErrorKind::FlagValue {
                    flag: "network",
                    given: word.text,
                    allowed: "default, none, host",
                };
                return Err(kind.at(word.span));
            }
        }),
    };
    match flags.one("security") {
        Some(word) if word.text == "insecure" => {
            let what = "RUN --security=insecure".to_owned();
            let instead = "a RUN is always confined, as a container is";
            return Err(DockerfileErrorKind::Unsupported { what, instead }.at(word.span));
        }
        Some(word) if word.text != "sandbox" => {
            let kind = DockerfileErrorKind::FlagValue { flag: "security", given: word.text, allowed: "sandbox" };
            return Err(kind.at(word.span));
        }
        _ => {}
    }
    let mounts = flags.all("mount");
    for word in &mounts {
        mount::check_from(&word.text).map_err(|kind| kind.at(word.span))?;
    }
    // Mounts with variables can be checked only after expansion. The working directory is not known yet, and may make
    // a relative target valid.
    for word in mounts.iter().filter(|word| !word.text.contains('$')) {
        Mount::parse(&word.text, "/workdir", &mut |text| Ok(text.to_owned())).map_err(|kind| kind.at(word.span))?;
    }
    Ok(Run { command, mounts, network, heredocs })
}
