//! Why an exercise is refused: what was seen, what was expected, in English and in Portuguese.

use crate::Language;

/// The answer of a check.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The exercise does what the lesson asks for.
    Accepted,
    /// It does not.
    Refused(Refusal),
}

/// What is wrong with an exercise.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The student's program ended by itself before the check could look at anything.
    EndedEarly {
        /// How it ended.
        status: String,
        /// The last lines that it printed, on either stream.
        printed: String,
    },
    /// Lesson 1: no line `pid N`.
    NoPid {
        /// What was printed instead.
        printed: String,
    },
    /// Lesson 1: the process of that number is not the program that was to be started.
    OtherProcess {
        /// The number printed.
        pid: u32,
        /// The program of the process that really has this number, if there is one.
        command: Option<String>,
        /// The program that was handed over.
        expected: String,
    },
    /// Lesson 1: the right process, but it runs in the host's own pid namespace.
    NotInContainer {
        /// The process.
        pid: u32,
    },
    /// Lesson 1: the exit code printed is not the real one.
    WrongExit {
        /// What was printed after the pid.
        printed: String,
        /// The real one.
        code: u8,
    },
    /// Lesson 4: the machine itself has been renamed.
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
    /// Lesson 4: a namespace of its own, but not the name.
    WrongHostname {
        /// What uname(2) told inside.
        seen: String,
        /// The name handed over.
        expected: String,
    },
    /// Lesson 9: a container is not there.
    NoContainer {
        /// The one looked for.
        name: String,
    },
    /// Lesson 9: the container's writable layer lacks a change.
    ChangeMissing {
        /// The container.
        name: String,
        /// The change looked for, as `minicontainer diff` shows it.
        change: String,
        /// All changes found.
        changes: Vec<String>,
    },
    /// Lesson 9: the note says something else.
    WrongNote {
        /// What it says.
        seen: String,
        /// The word handed over.
        expected: String,
    },
}

impl Refusal {
    /// The refusal in words: a line for what was seen, a line for what was expected.
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
            Refusal::EndedEarly { status, printed } => (
                format!("your program ended too early ({status}); it printed: {}", or(printed, "nothing")),
                "that it does its task without an error; `hint` helps with the usual ones".into(),
            ),
            Refusal::NoPid { printed } => (
                format!("no line \"pid N\"; your program printed: {}", or(printed, "nothing")),
                "a line \"pid N\" as soon as the process runs, N being its number on the host".into(),
            ),
            Refusal::OtherProcess { pid, command, expected } => (
                match command {
                    Some(command) => format!("you said pid {pid}, but process {pid} of this machine is `{command}`"),
                    None => format!("you said pid {pid}, but this machine has no process {pid}"),
                },
                format!("the number that the host gives `{expected}`; inside its container the same process is 1"),
            ),
            Refusal::NotInContainer { pid } => (
                format!("process {pid} is the right program, but in the host's own pid namespace: no container"),
                "the program started by a Sandbox, with two numbers in the line NSpid of /proc/PID/status".into(),
            ),
            Refusal::WrongExit { printed, code } => (
                format!("after the pid, your program printed: {}", or(printed, "nothing")),
                format!("\"exited {code}\": this time the program ended with {code}, as the report's verdict says"),
            ),
            Refusal::MachineRenamed { before, now } => (
                format!(
                    "your program renamed the machine from \"{before}\" to \"{now}\" (the check works on a copy of the name)"
                ),
                "first a UTS namespace of one's own, then the name: outside nothing changes".into(),
            ),
            Refusal::SameUtsNamespace { namespace } => (
                format!("the program runs in {namespace}, which is the check's own UTS namespace"),
                "another number: unshare(2) with CLONE_NEWUTS makes a new namespace".into(),
            ),
            Refusal::WrongHostname { seen, expected } => (
                format!("a UTS namespace of its own, but uname(2) in it says \"{seen}\""),
                format!(
                    "\"{expected}\": a new namespace starts with a copy of the old name, sethostname(2) changes it"
                ),
            ),
            Refusal::NoContainer { name } => (
                format!("after your script there is no container \"{name}\""),
                format!(
                    "a container \"{name}\" that is still there when its process has ended (--rm would remove it)"
                ),
            ),
            Refusal::ChangeMissing { name, change, changes } => (
                format!("the writable layer of \"{name}\" holds: {}", or(&changes.join(", "), "no change at all")),
                format!("the change `{change}` in it (A added, C changed, D deleted)"),
            ),
            Refusal::WrongNote { seen, expected } => (
                format!("/note in the writable layer of \"left\" says \"{seen}\""),
                format!("\"{expected}\", the word that your script was given"),
            ),
        }
    }

    #[expect(clippy::too_many_lines, reason = "a table with one entry for each refusal")]
    fn portuguese(&self) -> (String, String) {
        match self {
            Refusal::EndedEarly { status, printed } => (
                format!("seu programa terminou cedo demais ({status}); ele imprimiu: {}", or(printed, "nada")),
                "que ele cumpra a tarefa sem erro; `hint` ajuda com os mais comuns".into(),
            ),
            Refusal::NoPid { printed } => (
                format!("nenhuma linha \"pid N\"; seu programa imprimiu: {}", or(printed, "nada")),
                "uma linha \"pid N\" assim que o processo estiver rodando, sendo N o número dele no host".into(),
            ),
            Refusal::OtherProcess { pid, command, expected } => (
                match command {
                    Some(command) => {
                        format!("você disse pid {pid}, mas o processo {pid} desta máquina é `{command}`")
                    }
                    None => format!("você disse pid {pid}, mas esta máquina não tem um processo {pid}"),
                },
                format!("o número que o host dá a `{expected}`; dentro do contêiner, o mesmo processo é o 1"),
            ),
            Refusal::NotInContainer { pid } => (
                format!(
                    "o processo {pid} é o programa certo, mas no namespace de pid do próprio host: não há contêiner"
                ),
                "o programa iniciado por um Sandbox, com dois números na linha NSpid de /proc/PID/status".into(),
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
                "primeiro um namespace UTS só seu, depois o nome: fora dele nada muda".into(),
            ),
            Refusal::SameUtsNamespace { namespace } => (
                format!("o programa roda em {namespace}, que é o namespace UTS da própria verificação"),
                "outro número: unshare(2) com CLONE_NEWUTS cria um namespace novo".into(),
            ),
            Refusal::WrongHostname { seen, expected } => (
                format!("um namespace UTS próprio, mas nele uname(2) diz \"{seen}\""),
                format!(
                    "\"{expected}\": um namespace novo começa com uma cópia do nome antigo; sethostname(2) o muda"
                ),
            ),
            Refusal::NoContainer { name } => (
                format!("depois do seu script não há um contêiner \"{name}\""),
                format!(
                    "um contêiner \"{name}\" que ainda exista quando o processo dele terminar (--rm o removeria)"
                ),
            ),
            Refusal::ChangeMissing { name, change, changes } => (
                format!("a camada de escrita de \"{name}\" contém: {}", or(&changes.join(", "), "nenhuma mudança")),
                format!("a mudança `{change}` nela (A acrescentado, C alterado, D apagado)"),
            ),
            Refusal::WrongNote { seen, expected } => (
                format!("/note na camada de escrita de \"left\" diz \"{seen}\""),
                format!("\"{expected}\", a palavra que o seu script recebeu"),
            ),
        }
    }
}

fn or<'a>(text: &'a str, otherwise: &'a str) -> &'a str {
    if text.trim().is_empty() { otherwise } else { text.trim_end() }
}
