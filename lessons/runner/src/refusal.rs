//! The reasons why an exercise is refused, with the observed and the expected result, in English and Portuguese.

use std::{os::unix::process::ExitStatusExt, process::ExitStatus};

use crate::Language;

/// How many of the last lines of a program's stderr are shown.
const STDERR_LINES: usize = 20;

/// The result of a check.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The exercise does what the lesson requires.
    Accepted,
    /// It does not.
    Refused(Refused),
}

/// A refused exercise.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// The error in it.
    pub refusal: Refusal,
    /// What its program wrote to stderr. It often has the reason.
    pub stderr: String,
}

/// The error in an exercise.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The student's program ended before the check could look at anything.
    EndedEarly {
        /// Its exit status.
        status: ExitStatus,
    },
    /// Lesson 1: no line `pid N`.
    NoPid {
        /// What was printed instead.
        printed: String,
    },
    /// Lesson 1: the process with this id is not the program that had to be started.
    OtherProcess {
        /// The printed process id.
        pid: u32,
        /// The program of the process that has this id, if there is one.
        command: Option<String>,
        /// The program that was passed.
        expected: String,
    },
    /// Lesson 1: the right process, but it runs in the host's own pid namespace.
    NotInContainer {
        /// The process.
        pid: u32,
    },
    /// Lesson 1: the printed exit code is wrong.
    WrongExit {
        /// What was printed after the pid.
        printed: String,
        /// The actual exit code.
        code: u8,
    },
    /// Lesson 4: the machine itself was renamed.
    MachineRenamed {
        /// Its name before.
        before: String,
        /// Its name now.
        now: String,
    },
    /// Lesson 4: the program runs in the same UTS namespace as the check.
    SameUtsNamespace {
        /// The namespace, as `/proc/PID/ns/uts` shows it.
        namespace: String,
    },
    /// Lesson 4: the program has its own namespace, but the wrong name.
    WrongHostname {
        /// The name that uname(2) returned inside.
        seen: String,
        /// The name that was passed.
        expected: String,
    },
    /// Lesson 9: a container does not exist.
    NoContainer {
        /// Its name.
        name: String,
    },
    /// Lesson 9: the container's writable layer lacks a change.
    ChangeMissing {
        /// The container.
        name: String,
        /// The missing change, as `minicontainer diff` shows it.
        change: String,
        /// All changes found.
        changes: Vec<String>,
    },
    /// Lesson 9: the note has the wrong content.
    WrongNote {
        /// Its content.
        seen: String,
        /// The word that was passed.
        expected: String,
    },
}

impl Refused {
    /// The refusal in words, and the last lines that the program wrote to stderr.
    pub fn message(&self, language: Language) -> String {
        let heading = match language {
            Language::English => "Your program wrote to stderr:",
            Language::Portuguese => "Seu programa escreveu em stderr:",
        };
        let lines: Vec<&str> = self.stderr.trim_end().lines().collect();
        let last = &lines[lines.len().saturating_sub(STDERR_LINES)..];
        let shown = last.iter().map(|line| format!("\n  {line}")).collect::<String>();
        let shown = if last.is_empty() { String::new() } else { format!("\n{heading}{shown}") };
        self.refusal.message(language) + &shown
    }
}

impl Refusal {
    /// The refusal in words: one line with the observed result, and one with the expected result.
    pub fn message(&self, language: Language) -> String {
        match language {
            Language::English => {
                let (seen, expected) = self.english();
                format!("Seen:     {seen}\nExpected: {expected}")
            }
            Language::Portuguese => {
                let (seen, expected) = self.portuguese();
                format!("Visto:    {seen}\nEsperado: {expected}")
            }
        }
    }

    fn english(&self) -> (String, String) {
        match self {
            Refusal::EndedEarly { status } => (
                ending(*status, Language::English),
                "your program does its task without an error; `hint` helps with common ones".into(),
            ),
            Refusal::NoPid { printed } => (
                format!("no line \"pid N\"; your program printed: {}", or(printed, "nothing")),
                "a line \"pid N\" as soon as the process runs, where N is its process id on the host".into(),
            ),
            Refusal::OtherProcess { pid, command, expected } => (
                match command {
                    Some(command) => {
                        format!("you printed pid {pid}, but process {pid} of this machine is `{command}`")
                    }
                    None => format!("you printed pid {pid}, but this machine has no process {pid}"),
                },
                format!("the process id of `{expected}` on the host; inside its container the same process is 1"),
            ),
            Refusal::NotInContainer { pid } => (
                format!(
                    "process {pid} is the right program, but it is in the host's pid namespace, not in a container"
                ),
                "the program started by a Sandbox, with two ids in the line NSpid of /proc/PID/status".into(),
            ),
            Refusal::WrongExit { printed, code } => (
                format!("after the pid, your program printed: {}", or(printed, "nothing")),
                format!("\"exited {code}\": this time the program exited with {code}, as the report's verdict says"),
            ),
            Refusal::MachineRenamed { before, now } => (
                format!(
                    "your program renamed the machine from \"{before}\" to \"{now}\" (the check works on a copy of the name)"
                ),
                "first a new UTS namespace, then the name: outside nothing changes".into(),
            ),
            Refusal::SameUtsNamespace { namespace } => (
                format!("the program runs in {namespace}, which is the UTS namespace of the check"),
                "another number: unshare(2) with CLONE_NEWUTS creates a new namespace".into(),
            ),
            Refusal::WrongHostname { seen, expected } => (
                format!("the program has its own UTS namespace, but uname(2) in it returns \"{seen}\""),
                format!(
                    "\"{expected}\": a new namespace starts with a copy of the old name, sethostname(2) changes it"
                ),
            ),
            Refusal::NoContainer { name } => (
                format!("after your script, there is no container \"{name}\""),
                format!(
                    "a container \"{name}\" that still exists after its process has exited (--rm would remove it)"
                ),
            ),
            Refusal::ChangeMissing { name, change, changes } => (
                format!("the writable layer of \"{name}\" contains: {}", or(&changes.join(", "), "no changes")),
                format!("the change `{change}` in it (A added, C changed, D deleted)"),
            ),
            Refusal::WrongNote { seen, expected } => (
                format!("/note in the writable layer of \"left\" contains \"{seen}\""),
                format!("\"{expected}\", the word that was passed to your script"),
            ),
        }
    }

    #[expect(clippy::too_many_lines, reason = "a table with one entry for each refusal")]
    fn portuguese(&self) -> (String, String) {
        match self {
            Refusal::EndedEarly { status } => (
                ending(*status, Language::Portuguese),
                "que o programa cumpra a tarefa sem erro; `hint` ajuda com os erros mais comuns".into(),
            ),
            Refusal::NoPid { printed } => (
                format!("nenhuma linha \"pid N\"; seu programa imprimiu: {}", or(printed, "nada")),
                "uma linha \"pid N\" assim que o processo estiver rodando, em que N é o ID dele no host".into(),
            ),
            Refusal::OtherProcess { pid, command, expected } => (
                match command {
                    Some(command) => {
                        format!("você imprimiu pid {pid}, mas o processo {pid} desta máquina é `{command}`")
                    }
                    None => format!("você imprimiu pid {pid}, mas esta máquina não tem um processo {pid}"),
                },
                format!("o ID de `{expected}` no host; dentro do contêiner, o mesmo processo é o 1"),
            ),
            Refusal::NotInContainer { pid } => (
                format!(
                    "o processo {pid} é o programa certo, mas está no namespace de PID do host, e não em um contêiner"
                ),
                "o programa iniciado por um Sandbox, com dois IDs na linha NSpid de /proc/PID/status".into(),
            ),
            Refusal::WrongExit { printed, code } => (
                format!("depois do pid, seu programa imprimiu: {}", or(printed, "nada")),
                format!(
                    "\"exited {code}\": desta vez o programa terminou com {code}, como diz o veredito do relatório"
                ),
            ),
            Refusal::MachineRenamed { before, now } => (
                format!(
                    "seu programa mudou o nome da máquina de \"{before}\" para \"{now}\" (a verificação usa uma cópia do nome)"
                ),
                "primeiro um namespace UTS novo, depois o nome: fora dele nada muda".into(),
            ),
            Refusal::SameUtsNamespace { namespace } => (
                format!("o programa roda em {namespace}, que é o namespace UTS da verificação"),
                "outro número: unshare(2) com CLONE_NEWUTS cria um namespace novo".into(),
            ),
            Refusal::WrongHostname { seen, expected } => (
                format!("o programa tem o seu próprio namespace UTS, mas nele uname(2) retorna \"{seen}\""),
                format!(
                    "\"{expected}\": um namespace novo começa com uma cópia do nome antigo; sethostname(2) o muda"
                ),
            ),
            Refusal::NoContainer { name } => (
                format!("depois do seu script, não há um contêiner \"{name}\""),
                format!(
                    "um contêiner \"{name}\" que ainda exista depois que o processo dele terminar (--rm o removeria)"
                ),
            ),
            Refusal::ChangeMissing { name, change, changes } => (
                format!("a camada de escrita de \"{name}\" contém: {}", or(&changes.join(", "), "nenhuma mudança")),
                format!("a mudança `{change}` nela (A adicionado, C alterado, D apagado)"),
            ),
            Refusal::WrongNote { seen, expected } => (
                format!("/note na camada de escrita de \"left\" contém \"{seen}\""),
                format!("\"{expected}\", a palavra que o seu script recebeu"),
            ),
        }
    }
}

/// How a program ended that ended too early.
fn ending(status: ExitStatus, language: Language) -> String {
    match (status.code(), language) {
        (Some(code), Language::English) => format!("your program ended too early, with exit code {code}"),
        (Some(code), Language::Portuguese) => {
            format!("seu programa terminou cedo demais, com o código de saída {code}")
        }
        (None, Language::English) => {
            format!("your program was killed by signal {}", status.signal().unwrap_or_default())
        }
        (None, Language::Portuguese) => {
            format!("seu programa foi encerrado pelo sinal {}", status.signal().unwrap_or_default())
        }
    }
}

fn or<'a>(text: &'a str, otherwise: &'a str) -> &'a str {
    if text.trim().is_empty() { otherwise } else { text.trim_end() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(stderr: &str) -> Refused {
        Refused { refusal: Refusal::EndedEarly { status: ExitStatus::from_raw(1 << 8) }, stderr: stderr.to_owned() }
    }

    #[test]
    fn refusal_shows_the_last_lines_of_stderr() {
        let lines: String = (1..=25).map(|number| format!("line {number}\n")).collect();
        let message = refused(&lines).message(Language::English);
        assert!(message.contains("\nYour program wrote to stderr:\n  line 6\n"), "{message}");
        assert!(message.ends_with("\n  line 25"), "{message}");
        let message = refused("Error: EPERM\n").message(Language::Portuguese);
        assert!(message.ends_with("\nSeu programa escreveu em stderr:\n  Error: EPERM"), "{message}");
        assert!(!refused("").message(Language::English).contains("stderr"));
    }
}
