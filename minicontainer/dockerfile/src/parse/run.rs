//! The arguments of `RUN`.

use super::{Arguments, arguments, copy::is_file_name};
use crate::{
    error::{DockerfileError, DockerfileErrorKind},
    instruction::{Command, Network, Run},
    keyword::Keyword,
    mount::Mount,
};

pub(super) fn run(given: Arguments) -> Result<Run, DockerfileError> {
    let Arguments { flags, rest, heredocs, .. } = given;
    let command = arguments::command(rest)?;
    if matches!(&command, Command::Exec(words) if words.is_empty()) {
        return Err(DockerfileErrorKind::AtLeastOneArgument { keyword: Keyword::Run }.at(rest.span()));
    }
    // A script may become a file of the here-document's name.
    if let Some(wrong) =
        heredocs.first().filter(|first| first.name.span == rest.span() && !is_file_name(&first.name.text))
    {
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
    let mounts = flags.all("mount");
    // Mounts with variables can be checked only after expansion. The working directory is not known yet, and may make
    // a relative target valid.
    for word in mounts.iter().filter(|word| !word.text.contains('$')) {
        Mount::parse(&word.text, "/workdir", &mut |text| Ok(text.to_owned())).map_err(|kind| kind.at(word.span))?;
    }
    Ok(Run { command, mounts, network, heredocs })
}
